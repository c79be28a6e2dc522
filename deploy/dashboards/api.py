"""The API: calls, errors, latency, and what creates depend on."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from deploy.dashboards.panels import CALLS, FAILED, JOB, NONE, UNARY, Panel, lines, number, page, quantiles


def api() -> Dashboard:
    return page("api", "API", [*_now(), *_calls(), *_below()])


def _now() -> list[Panel]:
    failed = f"(sum(rate(grpc_server_handled_total{{{UNARY}, {FAILED}}}[$__range])) {NONE})"
    return [
        number("Replicas", f"count(batchjobs_build_info{{{JOB}}})", about="That are scraped."),
        number(
            "Calls",
            f"sum(rate(grpc_server_started_total{{{CALLS}}}[$__rate_interval]))",
            about="A second, watches that begin included.",
            unit="reqps",
        ),
        number(
            "Answered",
            f"1 - {failed} / sum(rate(grpc_server_handled_total{{{UNARY}}}[$__range]))",
            about="Share of unary calls in the time shown that did not fail by our doing; the objective is 99.9 %.",
            unit="percentunit",
        ),
        number("Watches", f"sum(batchjobs_watches{{{JOB}}})", about="Open now, on all replicas."),
        number("In flight", f"sum(batchjobs_calls_in_flight{{{JOB}}})", about="Unary calls that are worked on now."),
        number(
            "Waiting for a turn",
            f"sum(batchjobs_calls_waiting{{{JOB}}})",
            about="Calls of teams that have as many under way as they may while other teams call too.",
        ),
        number(
            "Slowest in a hundred",
            f"histogram_quantile(0.99, sum by (le) (rate(grpc_server_handling_seconds_bucket{{{CALLS}}}[$__range])))",
            about="The 99th percentile of all unary calls in the time shown.",
            unit="s",
        ),
    ]


def _calls() -> list[Panel]:
    def calls(by: str, more: str = "") -> tuple[str, str]:
        query = f"sum by ({by}) (rate(grpc_server_handled_total{{{CALLS}{more}}}[$__rate_interval]))"
        return query, f"{{{{{by}}}}}"

    decisions = f"sum by (decision) (rate(batchjobs_admissions_total{{{JOB}}}[$__rate_interval]))"
    return [
        lines("Calls by method", calls("grpc_method"), about="That ended, a second.", unit="reqps", stacked=True),
        lines(
            "Other answers than OK",
            calls("grpc_code", ', grpc_code!="OK"'),
            about="Refusals are answers; Unavailable, Internal, Unknown and DeadlineExceeded are not.",
            unit="reqps",
            stacked=True,
        ),
        lines(
            "Latency by method",
            *quantiles("grpc_server_handling_seconds", UNARY, "grpc_method"),
            about="Of unary calls.",
            unit="s",
        ),
        lines("Creates by decision", (decisions, "{{decision}}"), about="A second.", unit="reqps", stacked=True),
    ]


def _below() -> list[Panel]:
    lookups = f"sum by (kind, result) (rate(batchjobs_location_lookups_total{{{JOB}}}[$__rate_interval]))"
    failures = f"sum by (op, how) (rate(batchjobs_store_failures_total{{{JOB}}}[$__rate_interval]))"
    return [
        lines("Look-ups", (lookups, "{{kind}} {{result}}"), about="Of buckets, objects, datasets.", unit="ops"),
        lines("Store", *quantiles("batchjobs_store_request_seconds", JOB, "op"), about="By operation.", unit="s"),
        lines("Store failures", (f"{failures} {NONE}", "{{op}} {{how}}"), about="A second.", unit="ops", stacked=True),
        lines(
            "Event loop lag",
            (f"max by (instance) (batchjobs_event_loop_lag_seconds{{{JOB}}})", "{{instance}}"),
            about="A replica that is late here is late everywhere: it lacks processor time.",
            unit="s",
        ),
        lines(
            "Processor",
            (f"sum by (instance) (rate(process_cpu_seconds_total{{{JOB}}}[$__rate_interval]))", "{{instance}}"),
            about="Cores in use.",
        ),
        lines(
            "Memory",
            (f"max by (instance) (process_resident_memory_bytes{{{JOB}}})", "{{instance}}"),
            about="Resident.",
            unit="bytes",
        ),
    ]
