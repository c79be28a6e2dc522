"""One pool: its slots, its gate, its queue, and how long things take in it."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.panels import JOB, NONE, Panel, lines, number, page, quantiles

POOL = f'{JOB}, pool="$pool"'


def pool() -> Dashboard:
    return page("pool", "Pool", [*_now(), *_over_time()], ("pool", "batchjobs_pool_capacity"))


def _now() -> list[Panel]:
    return [
        number("Capacity", f"max(batchjobs_pool_capacity{{{POOL}}})", about="What the policy allows."),
        number("Active", f"max(batchjobs_pool_active{{{POOL}}})", about="Slots that batch jobs hold."),
        number("Others", f"max(batchjobs_pool_others{{{POOL}}})", about="Slots that Vertex jobs not of ours take."),
        number("Gate", f"max(batchjobs_pool_gate_open{{{POOL}}})", about="1: open. 0: takes no submits.", bad=(0, 1)),
        number(
            "Poll age",
            f"max(batchjobs_poll_age_seconds{{{POOL}}}) {NONE}",
            about="Since the pool's running Vertex jobs were last listed.",
            unit="s",
            bad=(120,),
        ),
        number(
            "Unresolved submits",
            f"max(batchjobs_submits_unresolved{{{POOL}}}) {NONE}",
            about="Creates of which nobody knows yet whether Vertex made them.",
            bad=(1,),
        ),
    ]


def _over_time() -> list[Panel]:
    return [
        lines(
            "Slots",
            (f"max(batchjobs_pool_active{{{POOL}}})", "active"),
            (f"max(batchjobs_pool_others{{{POOL}}})", "others"),
            (f"max(batchjobs_pool_capacity{{{POOL}}})", "capacity"),
            about="What is held, and how many there are.",
        ),
        lines(
            "Queue",
            (f'sum(batchjobs_jobs{{{POOL}, state="QUEUED"}}) {NONE}', "queued"),
            (f"max(batchjobs_eligible_queued{{{POOL}}})", "eligible"),
            about="Eligible ones wait for a slot and for nothing else.",
        ),
        lines(
            "Active by team",
            (f'sum by (team) (batchjobs_jobs{{{POOL}, state!="QUEUED"}})', "{{team}}"),
            about="Who holds the slots.",
            stacked=True,
        ),
        lines(
            "Queued by team",
            (f'sum by (team) (batchjobs_jobs{{{POOL}, state="QUEUED"}})', "{{team}}"),
            about="Who waits for them.",
            stacked=True,
        ),
        lines(
            "Oldest by state",
            (f"max by (state) (batchjobs_oldest_seconds{{{POOL}}})", "{{state}}"),
            about="Vertex gives up after 72 hours of PENDING and cuts off after 24 hours of RUNNING.",
            unit="s",
        ),
        lines(
            "Time in each phase",
            *quantiles("batchjobs_phase_seconds", POOL, "phase"),
            about="Of batch jobs that have left it.",
            unit="s",
        ),
    ]
