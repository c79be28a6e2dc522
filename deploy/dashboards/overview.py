"""Is all well, and if not, where to look."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.panels import FAILED, JOB, NONE, UNARY, Panel, lines, number, page


def overview() -> Dashboard:
    return page("overview", "Overview", [*_now(), *_over_time()])


def _now() -> list[Panel]:
    slots = f"(sum(batchjobs_pool_active{{{JOB}}}) + sum(batchjobs_pool_others{{{JOB}}}))"
    errors = f"(sum(rate(grpc_server_handled_total{{{UNARY}, {FAILED}}}[$__range])) {NONE})"
    return [
        number("Leaders", f"sum(batchjobs_leader{{{JOB}}})", about="One replica leads, and no other.", bad=(0, 1)),
        number("Queued", f'sum(batchjobs_jobs{{{JOB}, state="QUEUED"}}) {NONE}', about="Batch jobs held here."),
        number("Active", f"sum(batchjobs_pool_active{{{JOB}}})", about="Batch jobs that hold a slot."),
        number(
            "Slots used",
            f"{slots} / sum(batchjobs_pool_capacity{{{JOB}}})",
            about="Share of all pools' capacity in use, by us and by others.",
            unit="percentunit",
        ),
        number(
            "Failed calls",
            f"{errors} / sum(rate(grpc_server_handled_total{{{UNARY}}}[$__range]))",
            about="Share of unary calls in the time shown that failed by our doing; the objective is 0.1 %.",
            unit="percentunit",
            bad=(0.001,),
        ),
        number(
            "Duplicates",
            f"sum(increase(batchjobs_duplicates_total{{{JOB}}}[$__range]))",
            about="Vertex jobs that appeared beside the one recorded, in the time shown.",
            bad=(0.5,),
        ),
    ]


def _over_time() -> list[Panel]:
    refused = f'sum by (reason) (increase(batchjobs_admissions_total{{{JOB}, decision="refused"}}[$__rate_interval]))'
    return [
        lines(
            "Open batch jobs by state",
            (f"sum by (state) (batchjobs_jobs{{{JOB}}})", "{{state}}"),
            about="Everything that has not ended.",
            stacked=True,
        ),
        lines(
            "Queued by team",
            (f'sum by (team) (batchjobs_jobs{{{JOB}, state="QUEUED"}})', "{{team}}"),
            about="Whose batch jobs wait.",
            stacked=True,
        ),
        lines(
            "Active by pool",
            (f"max by (pool) (batchjobs_pool_active{{{JOB}}})", "{{pool}}"),
            (f"max by (pool) (batchjobs_pool_capacity{{{JOB}}})", "{{pool}} capacity"),
            about="Slots held, beside what the policy allows.",
        ),
        lines(
            "Oldest queued by pool",
            (f'max by (pool) (batchjobs_oldest_seconds{{{JOB}, state="QUEUED"}})', "{{pool}}"),
            about="How long the one that has waited longest has waited.",
            unit="s",
        ),
        lines(
            "Ended by outcome",
            (f"sum by (outcome) (increase(batchjobs_jobs_finished_total{{{JOB}}}[$__rate_interval]))", "{{outcome}}"),
            about="Batch jobs that ended.",
            stacked=True,
        ),
        lines("Refused creates by reason", (refused, "{{reason}}"), about="What callers were told.", stacked=True),
        lines(
            "Rows by outcome",
            (f"sum by (outcome) (increase(batchjobs_rows_total{{{JOB}}}[$__rate_interval]))", "{{outcome}}"),
            about="Rows of the batch jobs that ended.",
            stacked=True,
        ),
        lines(
            "Calls that failed",
            (f"sum by (grpc_code) (rate(grpc_server_handled_total{{{UNARY}, {FAILED}}}[$__rate_interval])) {NONE}", ""),
            about="By our doing, a second.",
            unit="reqps",
            stacked=True,
        ),
    ]
