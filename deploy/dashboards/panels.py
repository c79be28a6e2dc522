"""What all dashboards are made of: two kinds of panels, the variables that every query obeys, and one layout.

Every query is kept to the scrapes of `$job`, so that one Prometheus may hold several installations. Gauges about batch
jobs and pools are the leader's alone: `sum` and `max` over the replicas show it.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

Panel: TypeAlias = Builder[models.Panel]
Query = tuple[str, str]
"""A PromQL expression, and the legend of its lines."""

JOB: Final = 'job=~"$job"'
CALLS: Final = f'{JOB}, grpc_service!~"grpc[.].+|unknown"'
UNARY: Final = f'{CALLS}, grpc_type="unary"'
FAILED: Final = 'grpc_code=~"Unknown|Internal|Unavailable|DeadlineExceeded|DataLoss"'
"""What counts against the API's objective; the alerts say the same."""

NONE: Final = "or on () vector(0)"
"""For a number that is missing where there is nothing to count."""

WIDTH: Final = 24
_SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="$datasource")
_GREEN, _RED = "green", "red"


def lines(title: str, *queries: Query, about: str, unit: str = "short", stacked: bool = False) -> Panel:
    """Lines over time, half as wide as the page; `stacked` where they add up to something."""
    panel = timeseries.Panel().title(title).description(about).unit(unit).min(0).span(WIDTH // 2).height(8)
    panel = panel.datasource(_SOURCE).fill_opacity(30 if stacked else 0)
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    for query in _targets(queries):
        panel = panel.with_target(query.range())
    return panel


def number(title: str, expression: str, *, about: str, unit: str = "short", bad: Sequence[float] = ()) -> Panel:
    """One number as it is now. `bad` are the bounds from which on it is red: (1,) from 1 on, (0, 1) below 1."""
    panel = stat.Panel().title(title).description(about).unit(unit).span(WIDTH // 6).height(4)
    panel = panel.datasource(_SOURCE).graph_mode(common_models.BigValueGraphMode.NONE).thresholds(_thresholds(bad))
    panel = panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    for query in _targets([(expression, "")]):
        panel = panel.with_target(query.instant())
    return panel


def page(uid: str, title: str, panels: Iterable[Panel], *variables: tuple[str, str]) -> models.Dashboard:
    """A dashboard; `variables` are names and the metric whose label of that name has their values."""
    built = (
        dashboard.Dashboard(f"Batch Jobs / {title}")
        .uid(f"batchjobs-{uid}")
        .tags(["batchjobs"])
        .timezone("utc")
        .time("now-6h", "now")
        .refresh("30s")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .link(_others())
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("job", "batchjobs_build_info").multi(True).include_all(True))
    )
    for name, metric in variables:
        built = built.with_variable(_choice(name, metric))
    for panel in panels:
        built = built.with_panel(panel)
    return _laid_out(built.build())


def quantiles(metric: str, selector: str, by: str) -> tuple[Query, Query]:
    """The median and the 99th percentile of a histogram of seconds, by one label."""

    def of(share: float) -> str:
        return f"histogram_quantile({share}, sum by ({by}, le) (rate({metric}_bucket{{{selector}}}[$__rate_interval])))"

    return (of(0.5), f"{{{{{by}}}}} p50"), (of(0.99), f"{{{{{by}}}}} p99")


def _laid_out(built: models.Dashboard) -> models.Dashboard:
    """Panels row by row from the left; one that does not fit beside the last begins the next row."""
    x = y = below = 0
    for number, panel in enumerate(built.panels or (), 1):
        if not isinstance(panel, models.Panel) or panel.grid_pos is None:
            raise AssertionError("every panel here has a size of its own")
        place = panel.grid_pos
        if x + place.w > WIDTH:
            x, y = 0, below
        panel.id_val, place.x, place.y = number, x, y
        x, below = x + place.w, max(below, y + place.h)
    return built


def _targets(queries: Iterable[Query]) -> Iterable[prometheus.Dataquery]:
    for letter, (expression, legend) in zip("ABCDEF", queries, strict=False):
        yield prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter).datasource(_SOURCE)


def _thresholds(bad: Sequence[float]) -> dashboard.ThresholdsConfig:
    steps = [models.Threshold(value=None, color=_GREEN)]
    steps += [models.Threshold(value=bound, color=color) for bound, color in zip(bad, (_RED, _GREEN), strict=False)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps)


def _choice(name: str, metric: str) -> dashboard.QueryVariable:
    query = f"label_values({metric}, {name})"
    return dashboard.QueryVariable(name).label(name).query(query).datasource(_SOURCE).refresh(_ON_TIME_CHANGE)


_ON_TIME_CHANGE: Final = models.VariableRefresh.ON_TIME_RANGE_CHANGED


def _others() -> dashboard.DashboardLink:
    link = dashboard.DashboardLink("Batch Jobs").type(models.DashboardLinkType.DASHBOARDS).tags(["batchjobs"])
    return link.as_dropdown(True).keep_time(True).include_vars(True)
