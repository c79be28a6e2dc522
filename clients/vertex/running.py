"""Each client put through every scenario, a few at a time."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from clients.programs import put_through
from clients.results import Outcome, Result
from clients.standing import Standing
from clients.vertex.listing import beside, lists_two
from clients.vertex.registry import VertexClient
from clients.vertex.scenarios import LISTING, SCENARIOS, Scenario

AT_ONCE: Final = 4


def run_clients(clients: Sequence[VertexClient], standing: Standing) -> Iterator[Result]:
    """Put clients through everything; answers in the order of clients and scenarios."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = [pool.submit(run, client, each, standing) for client in clients for each in SCENARIOS]
        yield from (each.result() for each in runs)


def run(client: VertexClient, scenario: Scenario, standing: Standing) -> Result:
    """What comes of one scenario."""
    if client.rest and not standing.rest:
        return Result(client.program, scenario.feature, Outcome.SKIPPED, "there is no Envoy here")
    name = f"{client.slug}_{SCENARIOS.index(scenario)}"
    arguments = (scenario.action, scenario.source, scenario.destination.format(name), name)
    where = {**caller(scenario, standing), "BATCHJOBS_WAY": client.way}
    wanted = scenario.ending(name)
    if scenario.feature == LISTING:
        parent = f"projects/{where['BATCHJOBS_PROJECT']}/locations/{where['BATCHJOBS_LOCATION']}"
        wanted = lists_two(wanted, *beside(name, parent, scenario.bearer, standing))
    outcome, saw = put_through((*client.command, *arguments), where, wanted)
    return Result(client.program, scenario.feature, outcome, saw)


def caller(scenario: Scenario, standing: Standing) -> dict[str, str]:
    """The environment that says where the gateway is and who calls."""
    return {
        "BATCHJOBS_ENDPOINT": standing.endpoint,
        "BATCHJOBS_REST_URL": standing.rest,
        "BATCHJOBS_CA_FILE": str(standing.ca),
        "BATCHJOBS_TOKEN_FILE": str(standing.token(scenario.bearer)),
        "BATCHJOBS_PROJECT": "corp-ml",
        "BATCHJOBS_LOCATION": scenario.location,
    }
