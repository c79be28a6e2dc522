-- name: store_clock
-- The only clock of the store. Tests replace it by one that they drive.
CREATE FUNCTION store_clock() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT clock_timestamp()'

-- name: batch_job_numbers
CREATE SEQUENCE batch_job_numbers

-- name: next_batch_job_id
-- 42 bits of milliseconds above 21 bits of a running number: 63 bits, ordered by time, 18 or 19 decimal digits.
CREATE FUNCTION next_batch_job_id() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT ((extract(epoch FROM store_clock()) * 1000)::bigint << 21) | (nextval('batch_job_numbers') & 2097151)
$$

-- name: incarnation
-- A restored backup is another store under the same name: resume tokens of the old one mean nothing to it.
CREATE TABLE store (
    singleton   boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    incarnation text NOT NULL
)

-- name: incarnation_row
INSERT INTO store (incarnation) VALUES (replace(gen_random_uuid()::text, '-', ''))

-- name: lease
CREATE TABLE lease (
    singleton  boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    term       text NOT NULL,
    holder     text NOT NULL,
    expires_at timestamptz NOT NULL
) WITH (fillfactor = 50)

-- name: lease_row
INSERT INTO lease (term, holder, expires_at) VALUES ('', '', '-infinity')

-- name: teams
-- The row that every write to a team's batch jobs locks. The bucket drains by the limit per minute, so it starts at 0
-- whatever the limit is; the day's counters are those of `day`, in UTC.
CREATE TABLE teams (
    team            text PRIMARY KEY,
    revision        bigint NOT NULL DEFAULT 0,
    purged_revision bigint NOT NULL DEFAULT 0,
    bucket_used     double precision NOT NULL DEFAULT 0,
    bucket_time     timestamptz,
    day             date,
    day_jobs        bigint NOT NULL DEFAULT 0,
    day_input_bytes bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50)

-- name: shares
-- Fair share's accounts. `weight` is the one that the latest dispatch went by.
CREATE TABLE shares (
    team     text NOT NULL,
    pool     text NOT NULL,
    service  double precision NOT NULL DEFAULT 0,
    mean_run double precision,
    standing text NOT NULL DEFAULT 'IDLE',
    weight   double precision NOT NULL DEFAULT 1,
    PRIMARY KEY (pool, team)
) WITH (fillfactor = 50)

-- name: pools
CREATE TABLE pools (
    pool                text PRIMARY KEY,
    capacity            integer NOT NULL DEFAULT 0,
    gate_open           boolean NOT NULL DEFAULT true,
    gate_reason         text NOT NULL DEFAULT '',
    gate_time           timestamptz,
    gate_failures       integer NOT NULL DEFAULT 0,
    next_probe_time     timestamptz,
    others              integer NOT NULL DEFAULT 0,
    strays              integer NOT NULL DEFAULT 0,
    last_list_time      timestamptz,
    last_scan_time      timestamptz,
    last_ambiguous_time timestamptz,
    update_time         timestamptz
) WITH (fillfactor = 50)

-- name: request_ids
-- `release_time` is set when the batch job's row goes: from then on the id may be forgotten.
CREATE TABLE request_ids (
    team         text NOT NULL,
    request_id   text NOT NULL,
    content_hash text NOT NULL,
    batch_job_id bigint NOT NULL,
    create_time  timestamptz NOT NULL,
    release_time timestamptz,
    PRIMARY KEY (team, request_id)
)

-- name: request_ids_released
CREATE INDEX request_ids_released ON request_ids (release_time) WHERE release_time IS NOT NULL

-- name: batch_jobs
-- `spec` is what the caller sent. `charge` and `slot_time` are fair share's account of the slot held.
CREATE TABLE batch_jobs (
    id                  bigint PRIMARY KEY,
    team                text NOT NULL,
    spec                jsonb NOT NULL,
    pool                text NOT NULL,
    effective_model     text NOT NULL,
    creator             text NOT NULL,
    priority            smallint NOT NULL,
    source_bytes        bigint NOT NULL,
    create_time         timestamptz NOT NULL,
    queue_deadline      timestamptz,
    request_id          text NOT NULL DEFAULT '',
    state               text NOT NULL,
    state_time          timestamptz NOT NULL,
    revision            bigint NOT NULL,
    update_time         timestamptz NOT NULL,
    cancel_time         timestamptz,
    delete_time         timestamptz,
    submit_time         timestamptz,
    start_time          timestamptz,
    end_time            timestamptz,
    expire_time         timestamptz,
    vertex_name         text NOT NULL DEFAULT '',
    vertex_update_time  timestamptz,
    vertex_start_time   timestamptz,
    vertex_end_time     timestamptz,
    vertex_deleted_time timestamptz,
    error               jsonb,
    partial_failures    jsonb NOT NULL DEFAULT '[]',
    row_counts          jsonb,
    output              jsonb,
    attempt_count       integer NOT NULL DEFAULT 0,
    refusals            integer NOT NULL DEFAULT 0,
    attempts            jsonb NOT NULL DEFAULT '[]',
    transitions         jsonb NOT NULL DEFAULT '[]',
    charge              double precision NOT NULL DEFAULT 0,
    slot_time           timestamptz
)

-- name: batch_jobs_feed
CREATE UNIQUE INDEX batch_jobs_feed ON batch_jobs (team, revision)

-- name: batch_jobs_list
CREATE INDEX batch_jobs_list ON batch_jobs (team, id DESC) WHERE delete_time IS NULL

-- name: batch_jobs_open
CREATE INDEX batch_jobs_open ON batch_jobs (team, state)
    WHERE state IN ('QUEUED', 'SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')

-- name: batch_jobs_queue
CREATE INDEX batch_jobs_queue ON batch_jobs (pool, team, priority DESC, create_time, id) WHERE state = 'QUEUED'

-- name: batch_jobs_active
CREATE INDEX batch_jobs_active ON batch_jobs (pool, team)
    WHERE state IN ('SUBMITTING', 'PENDING', 'RUNNING', 'PAUSED')

-- name: batch_jobs_deadline
CREATE INDEX batch_jobs_deadline ON batch_jobs (queue_deadline) WHERE state = 'QUEUED' AND queue_deadline IS NOT NULL

-- name: batch_jobs_expire
CREATE INDEX batch_jobs_expire ON batch_jobs (expire_time) WHERE delete_time IS NULL AND expire_time IS NOT NULL

-- name: batch_jobs_to_delete
CREATE INDEX batch_jobs_to_delete ON batch_jobs (delete_time)
    WHERE delete_time IS NOT NULL AND vertex_name <> '' AND vertex_deleted_time IS NULL

-- name: batch_jobs_tombstones
CREATE INDEX batch_jobs_tombstones ON batch_jobs (delete_time) WHERE delete_time IS NOT NULL
