"""The prose of the reference page, around the tables that are made from the models."""

from typing import Final

BEFORE: Final = """\
# The policy file

The policy says which pools there are, which teams may use them, and how much. It is one YAML file, named by the
gateway's settings and read again while the gateway runs. Judge a file before it is deployed:

```
gateway policy check policy.yaml              # every problem, or limits, routing and warnings
gateway policy check policy.yaml --team ads   # one team alone
```

It exits with 0 where the gateway would take the file and with 1 where it would refuse it.

This is `examples/policy.yaml`, which `gateway dev` runs with:

```yaml
{sample}
```\
"""

AFTER: Final = """\
## How `defaults` merge

Every team starts from `defaults`. Maps (`members`, `quotas`, and a quota written as a map) merge key by key. Lists and
single values replace: a team that gives `models` has those models and no others. A quota written as a number is
`{{limit: number, mode: enforce}}` in full, so it also replaces a `mode: shadow` of `defaults`; write
`{{limit: 500}}` to keep that mode, or `{{mode: shadow}}` to keep that limit.

## Durations

A whole number and one unit: `30d`, `24h`, `90m` or `15s`. Above zero, at most `3650d`.

## Patterns

- `*` takes in any text, also none, that holds no separator. The separators are `/`, `:` and `.`.
- `**` takes in any text, separators too.
- Everything else stands for itself. Nothing is decoded or folded: `gs://ranking/**` never takes in
  `gs://ranking-private/x`, nor does `%2F` stand for `/`.
- What a reader who does decode or fold could take for another place is refused before any pattern is asked: `..`, also
  as `%2e%2e`, behind `\\` or in fullwidth signs; a legacy `project:dataset.table`, a project's number, partitions,
  snapshots and wildcards of tables.

| pattern | takes in | does not take in |
| --- | --- | --- |
| `gs://ranking-*/**` | `gs://ranking-in/2026/rows.jsonl` | `gs://ranking/rows.jsonl`, `gs://ranking-a.b/rows.jsonl` |
| `gs://ranking-in/*.jsonl` | `gs://ranking-in/rows.jsonl` | `gs://ranking-in/a/rows.jsonl` |
| `bq://corp-ranking.*.*` | `bq://corp-ranking.daily.rows` | `bq://corp-ranking-2.daily.rows` |

A star right behind a name takes in longer names: `gs://ranking*/**` takes in `gs://ranking-private/x`. So does `**` in
the bucket part, which does not end with the bucket's name: `gs://ranking**` takes in every bucket that begins so.
`gateway policy check` warns of both; `gs://ranking-*/**` is taken for what is meant.

**Sources** begin with `gs://` or `bq://`, and tables have three parts without `**`, or are all tables, `bq://**`:
`bq://corp.**` would take in `bq://corp.example:other.d.t`. **Destinations** too, and there the bucket or project holds
no star: what the gateway may write to is spelt out. `gs://ranking-out/**` takes in
`gs://ranking-out/` and everything below it.

**Pools** are `project/region`: `corp-ml/*` is every region of one project.

**Principals** are who the caller has proved to be:

| form | who |
| --- | --- |
| `mtls:URI` | the URI in a client certificate: `mtls:spiffe://corp.example/ns/ranking/sa/*` |
| `mtls-dns:NAME` | the DNS name in a client certificate: `mtls-dns:*.ranking.corp.example` |
| `jwt:ISSUER:SUBJECT` | the subject of a token: `jwt:cluster-a:system:serviceaccount:ranking:*` |
| `dev:NAME` | a caller in development, where nothing is proved: `dev:ranking` |

Who vouches is always spelt out: the scheme and host of an `mtls:` URI hold no star, and neither does the issuer, which
is the name that the settings give it. In development a caller is a submitter of the team that it names, and
`dev:operator` an operator, without standing in the policy.

## Models

A caller names a model by an alias, by a short name (`gemini-2.5-flash`), by a publisher name
(`publishers/google/models/gemini-2.5-flash`, also with `projects/P/locations/L/` before it), or, if it is tuned, by
`projects/P/locations/L/models/ID`, with `@version` where wanted.

In patterns of models a dot is no separator, as it belongs to the version: `gemini-*` takes in `gemini-2.5-flash`. A
pattern without a slash is about publisher models by their short names. Tuned models are taken in by full patterns only:
`projects/corp-ml/locations/us-central1/models/*`. An entry that is an alias stands for the alias's model, and follows
it when it moves.

## What is refused

A file is refused as a whole, and every problem is told with its line, its path and the reason: unknown keys, values of
the wrong type or out of bounds, empty values, keys given twice, several documents, merge keys (`<<`) and tags. Anchors
are fine. Only `true` and `false` are truth values, so `gcs_region_match: off` means the word. It also must not
contradict itself:

{contradictions}

## What is warned of

{warnings}

## How it is reloaded

The gateway looks at the file every two seconds, whole and by its content. New content is taken when two looks in a row
found the same, so a file that is being written is not taken half. A Kubernetes ConfigMap that is mounted as a volume
needs nothing else; one mounted by `subPath` is never updated by Kubernetes.

A file that is broken, emptied or gone changes nothing: the policy in force stays, the log names every problem, and
`batchjobs_policy_last_reload_successful` is 0 until a good file is read. `batchjobs_policy_info` carries the hash of
the policy in force. The hash is of the meaning: comments, anchors and the order of keys do not change it.
"""
