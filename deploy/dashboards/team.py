"""One team: what it has open, what it may have, what it was refused, how it ended."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.panels import JOB, NONE, Panel, lines, number, page, quantiles

TEAM = f'{JOB}, team="$team"'


def team() -> Dashboard:
    return page("team", "Team", [*_now(), *_open(), *_ended()], ("team", "batchjobs_quota_limit"))


def _now() -> list[Panel]:
    ended = f"sum(increase(batchjobs_jobs_finished_total{{{TEAM}}}[$__range]))"
    good = f'sum(increase(batchjobs_jobs_finished_total{{{TEAM}, outcome="SUCCEEDED"}}[$__range]))'
    refused = f'sum(increase(batchjobs_admissions_total{{{TEAM}, decision="refused"}}[$__range])) {NONE}'
    return [
        number("Queued", f'sum(batchjobs_jobs{{{TEAM}, state="QUEUED"}}) {NONE}', about="Held by the gateway."),
        number("Active", f'sum(batchjobs_jobs{{{TEAM}, state!="QUEUED"}}) {NONE}', about="Batch jobs with a slot."),
        number("Ended", ended, about="In the time shown."),
        number("Succeeded", f"{good} / {ended}", about="Share of those, without any failed row.", unit="percentunit"),
        number("Refused creates", refused, about="In the time shown."),
    ]


def _open() -> list[Panel]:
    admitted = f"sum by (decision) (increase(batchjobs_admissions_total{{{TEAM}}}[$__rate_interval]))"
    refused = f'sum by (reason) (increase(batchjobs_admissions_total{{{TEAM}, decision="refused"}}[$__rate_interval]))'
    used = f"max by (quota) (batchjobs_quota_used{{{TEAM}}})"
    return [
        lines(
            "Open by state",
            (f"sum by (state) (batchjobs_jobs{{{TEAM}}})", "{{state}}"),
            about="What has not ended.",
            stacked=True,
        ),
        lines(
            "Open by pool",
            (f"sum by (pool) (batchjobs_jobs{{{TEAM}}})", "{{pool}}"),
            about="What has not ended.",
            stacked=True,
        ),
        lines(
            "Use of quotas",
            (f"{used} / max by (quota) (batchjobs_quota_limit{{{TEAM}}})", "{{quota}}"),
            about="Share of each limit in use, shadow limits included.",
            unit="percentunit",
        ),
        lines("Creates by decision", (admitted, "{{decision}}"), about="would_refuse counts beside admitted."),
        lines("Refused by reason", (refused, "{{reason}}"), about="What its callers were told.", stacked=True),
    ]


def _ended() -> list[Panel]:
    def ended(by: str) -> tuple[str, str]:
        query = f"sum by ({by}) (increase(batchjobs_jobs_finished_total{{{TEAM}}}[$__rate_interval]))"
        return query, f"{{{{{by}}}}}"

    rows = f"sum by (outcome) (increase(batchjobs_rows_total{{{TEAM}}}[$__rate_interval]))"
    return [
        lines("Ended by outcome", ended("outcome"), about="Batch jobs that ended.", stacked=True),
        lines("Ended by model", ended("model"), about="Batch jobs that ended.", stacked=True),
        lines("Rows by outcome", (rows, "{{outcome}}"), about="Rows of those.", stacked=True),
        lines(
            "From create to end",
            *quantiles("batchjobs_job_duration_seconds", TEAM, "outcome"),
            about="Waiting included.",
            unit="s",
        ),
    ]
