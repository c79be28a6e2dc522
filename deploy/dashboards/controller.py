"""The controller: who leads, what its loops do, and how Vertex answers."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.panels import JOB, NONE, Panel, lines, number, page, quantiles


def controller() -> Dashboard:
    return page("controller", "Controller", [*_now(), *_work(), *_vertex()])


def _now() -> list[Panel]:
    hashes = f"count(count by (hash) (batchjobs_policy_info{{{JOB}}}))"
    taken = f"min(batchjobs_policy_last_reload_successful{{{JOB}}})"
    return [
        number("Leaders", f"sum(batchjobs_leader{{{JOB}}})", about="One replica leads, and no other.", bad=(0, 1)),
        number("Policies in force", hashes, about="More than one for a minute after a change."),
        number("Policy taken", taken, about="0: a replica refuses the file as it is now.", bad=(0, 1)),
        number(
            "Longest without a list",
            f"max(batchjobs_poll_age_seconds{{{JOB}}}) {NONE}",
            about="Over the pools with anything open.",
            unit="s",
            bad=(120,),
        ),
        number(
            "Closed gates",
            f"count(max by (pool) (batchjobs_pool_gate_open{{{JOB}}}) == 0) {NONE}",
            about="Pools that take no submits.",
            bad=(1,),
        ),
        number(
            "Unresolved submits",
            f"sum(batchjobs_submits_unresolved{{{JOB}}}) {NONE}",
            about="Creates of which nobody knows yet whether Vertex made them.",
            bad=(1,),
        ),
    ]


def _work() -> list[Panel]:
    moves = f"sum by (to) (increase(batchjobs_transitions_total{{{JOB}}}[$__rate_interval]))"
    failures = f"sum by (loop) (increase(batchjobs_loop_failures_total{{{JOB}}}[$__rate_interval])) {NONE}"
    return [
        lines("Leader", (f"max by (instance) (batchjobs_leader{{{JOB}}})", "{{instance}}"), about="Which replica."),
        lines("Moves by state", (moves, "{{to}}"), about="Batch jobs that came into a state.", stacked=True),
        lines("Loop failures", (failures, "{{loop}}"), about="Tried again in the next pass.", stacked=True),
        lines(
            "Poll age by pool",
            (f"max by (pool) (batchjobs_poll_age_seconds{{{JOB}}})", "{{pool}}"),
            about="Falls to nothing with every list that is complete.",
            unit="s",
        ),
    ]


def _vertex() -> list[Panel]:
    calls = "batchjobs_vertex_request_seconds_count"
    by_method = f"sum by (method) (rate({calls}{{{JOB}}}[$__rate_interval]))"
    failed = f'sum by (region, code) (rate({calls}{{{JOB}, code!="OK"}}[$__rate_interval])) {NONE}'
    resolved = f"sum by (how) (increase(batchjobs_submits_resolved_total{{{JOB}}}[$__rate_interval]))"
    return [
        lines("Calls to Vertex", (by_method, "{{method}}"), about="A second.", unit="reqps", stacked=True),
        lines("Answers other than OK", (failed, "{{region}} {{code}}"), about="A second.", unit="reqps", stacked=True),
        lines(
            "Latency of Vertex",
            *quantiles("batchjobs_vertex_request_seconds", JOB, "method"),
            about="By method.",
            unit="s",
        ),
        lines("Settled submits", (resolved, "{{how}}"), about="Of those whose answer did not come.", stacked=True),
    ]
