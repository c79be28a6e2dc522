"""What each query must answer, worked out from the facts of the run and from nothing that Prometheus saw.

Counted facts are exact where they are gauges. Prometheus works increases out from the scrapes within its window and
stretches them to the window's edges, so those may be some percent off.
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

from monitoring.facts import Facts
from monitoring.scripted_run import CAPACITY, POOL, TEAM, Run

Bounds = Mapping[str, tuple[float, float]]
"""From the labels of each line to the least and the most that it may show. What is not named must be zero."""

Expected = Callable[[Run], Bounds]
OTHER_POOL: Final = "corp-ml/europe-west4"
SECONDS: Final = (0.0, 60.0)


def exactly(counts: Mapping[Any, float]) -> Bounds:
    return {str(key): (float(count), float(count)) for key, count in counts.items()}


def number(value: float) -> Bounds:
    return exactly({"": value})


def grown(counts: Mapping[Any, float], *, within: float = 1.0) -> Bounds:
    """An increase over the window, or with `within` seconds a rate."""
    return {str(key): ((0.8 * n - 0.2) / within, (1.25 * n + 0.2) / within) for key, n in counts.items() if n}


def lasting(names: Collection[str], bounds: tuple[float, float] = SECONDS) -> Bounds:
    return dict.fromkeys(names, bounds)


def by(counts: Mapping[tuple[str, ...], int], place: int, **only: str) -> Counter[str]:
    """Add up by one part of the keys; `only` is what the first part must be."""
    team = only.get("team")
    summed = Counter[str]()
    for key, count in counts.items():
        if team is None or key[0] == team:
            summed[key[place]] += count
    return summed


def total(counts: Mapping[Any, int]) -> int:
    return sum(counts.values())


def queued(facts: Facts, **only: str) -> int:
    return by(facts.open, 2, **only)["QUEUED"]


def active(facts: Facts, **only: str) -> int:
    return total(by(facts.open, 2, **only)) - queued(facts, **only)


def queued_by_team(run: Run) -> Bounds:
    return exactly(by({key: n for key, n in run.facts.open.items() if key[2] == "QUEUED"}, 0))


def active_by_team(run: Run) -> Bounds:
    return exactly(by({key: n for key, n in run.facts.open.items() if key[2] != "QUEUED"}, 0))


def oldest(run: Run, state: str) -> tuple[float, float]:
    """The gauge is worked out once a second and scraped once a second."""
    age = run.facts.oldest[POOL, state]
    return max(age - 8.0, 0.0), age + 1.0


def slots(_: Run) -> Bounds:
    return exactly(CAPACITY)


def usage(run: Run) -> Bounds:
    """As the policy of the demo has its limits for the team; everything was created today or late yesterday."""
    facts = run.facts
    return {
        "active_jobs": (active(facts, team=TEAM) / 3,) * 2,
        "queued_jobs": (queued(facts, team=TEAM) / 50,) * 2,
        "jobs_per_day": (0.0, run.created[TEAM] / 500),
        "creates_per_minute": (0.0, 1.0),
    }


def unary(run: Run) -> set[str]:
    return {method for (method, _), n in run.facts.calls.items() if n and not method.startswith("Watch")}


def codes(run: Run) -> Counter[str]:
    """As gRPC dashboards spell them."""
    spelled = {"PERMISSION_DENIED": "PermissionDenied", "FAILED_PRECONDITION": "FailedPrecondition"}
    return Counter({spelled[code]: n for code, n in by(run.facts.calls, 1).items() if n and code != "OK"})


def decisions(run: Run) -> Counter[str]:
    return Counter({"admitted": total(run.facts.created), "refused": total(run.facts.refused)})


OVERVIEW: Final[dict[str, Expected]] = {
    "Leaders": lambda _: number(1),
    "Queued": lambda run: number(queued(run.facts)),
    "Active": lambda run: number(active(run.facts)),
    "Slots used": lambda run: {
        "": (active(run.facts) / total(CAPACITY) - 0.001, active(run.facts) / total(CAPACITY) + 0.001)
    },
    "Failed calls": lambda _: number(0),
    "Duplicates": lambda _: number(0),
    "Open batch jobs by state": lambda run: exactly(by(run.facts.open, 2)),
    "Queued by team": queued_by_team,
    "Active by pool": lambda run: exactly({POOL: active(run.facts), OTHER_POOL: 0}),
    "Active by pool B": slots,
    "Oldest queued by pool": lambda run: {POOL: oldest(run, "QUEUED")},
    "Ended by outcome": lambda run: grown(by(run.facts.ended, 1)),
    "Refused creates by reason": lambda run: grown(run.facts.refused),
    "Rows by outcome": lambda run: grown(by(run.facts.rows, 1)),
    "Calls that failed": lambda _: number(0),
}

TEAMS: Final[dict[str, Expected]] = {
    "Queued": lambda run: number(queued(run.facts, team=TEAM)),
    "Active": lambda run: number(active(run.facts, team=TEAM)),
    "Ended": lambda run: grown({"": total(by(run.facts.ended, 1, team=TEAM))}),
    "Succeeded": lambda run: {
        "": (share := by(run.facts.ended, 1, team=TEAM)["SUCCEEDED"] / total(run.facts.ended), share)
    },
    "Refused creates": lambda run: grown({"": total(run.facts.refused)}),
    "Open by state": lambda run: exactly(by(run.facts.open, 2, team=TEAM)),
    "Open by pool": lambda run: exactly(by(run.facts.open, 1, team=TEAM)),
    "Use of quotas": usage,
    "Creates by decision": lambda run: grown(
        {"admitted": run.facts.created[TEAM], "refused": total(run.facts.refused)}
    ),
    "Refused by reason": lambda run: grown(run.facts.refused),
    "Ended by outcome": lambda run: grown(by(run.facts.ended, 1, team=TEAM)),
    "Ended by model": lambda run: grown(by(run.facts.ended, 2, team=TEAM)),
    "Rows by outcome": lambda run: grown(by(run.facts.rows, 1, team=TEAM)),
    "From create to end": lambda run: lasting(by(run.facts.ended, 1, team=TEAM)),
    "From create to end B": lambda run: lasting(by(run.facts.ended, 1, team=TEAM)),
}

POOLS: Final[dict[str, Expected]] = {
    "Capacity": lambda _: number(CAPACITY[POOL]),
    "Active": lambda run: number(active(run.facts)),
    "Others": lambda _: number(0),
    "Gate": lambda _: number(1),
    "Poll age": lambda _: lasting([""], (0, 10)),
    "Unresolved submits": lambda _: number(0),
    "Slots": lambda run: number(active(run.facts)),
    "Slots B": lambda _: number(0),
    "Slots C": lambda _: number(CAPACITY[POOL]),
    "Queue": lambda run: number(queued(run.facts)),
    "Queue B": lambda run: number(queued(run.facts, team="search")),
    "Active by team": active_by_team,
    "Queued by team": queued_by_team,
    "Oldest by state": lambda run: {state: oldest(run, state) for state in ("QUEUED", "RUNNING")},
    "Time in each phase": lambda _: lasting(("queued", "submitting", "pending", "running")),
    "Time in each phase B": lambda _: lasting(("queued", "submitting", "pending", "running")),
}

API: Final[dict[str, Expected]] = {
    "Replicas": lambda _: number(1),
    "Calls": lambda run: grown({"": total(run.facts.calls)}, within=run.window),
    "Answered": lambda _: number(1),
    "Watches": lambda _: lasting([""], (1, 3)),  # The demo leaves two to the collector of rubbish.
    "In flight": lambda _: number(0),
    "Waiting for a turn": lambda _: number(0),
    "Slowest in a hundred": lambda _: lasting([""]),
    "Calls by method": lambda run: grown(by(run.facts.calls, 0), within=run.window),
    "Other answers than OK": lambda run: grown(codes(run), within=run.window),
    "Latency by method": lambda run: lasting(unary(run)),
    "Latency by method B": lambda run: lasting(unary(run)),
    "Creates by decision": lambda run: grown(decisions(run), within=run.window),
    "Look-ups": lambda run: {
        "object found": grown({"": total(run.facts.created)}, within=run.window)[""],
        "bucket cached": (0.1, 10.0),
    },
    "Store": lambda _: lasting(("create", "change", "get", "dispatch_take", "active"), (0, 5)),
    "Store B": lambda _: lasting(("create", "change", "get", "dispatch_take", "active"), (0, 20)),
    "Store failures": lambda _: number(0),
    "Event loop lag": lambda run: lasting([run.instance], (0, 5)),
    "Processor": lambda run: lasting([run.instance], (0.001, 2)),
    "Memory": lambda run: lasting([run.instance], (50e6, 2e9)),
}

CONTROLLER: Final[dict[str, Expected]] = {
    "Leaders": lambda _: number(1),
    "Policies in force": lambda _: number(1),
    "Policy taken": lambda _: number(1),
    "Longest without a list": lambda _: lasting([""], (0, 10)),
    "Closed gates": lambda _: number(0),
    "Unresolved submits": lambda _: number(0),
    "Leader": lambda run: exactly({run.instance: 1}),
    "Moves by state": lambda run: grown(run.facts.moves),
    "Loop failures": lambda run: grown(run.facts.loops),
    "Poll age by pool": lambda _: lasting([POOL], (0, 10)),
    "Calls to Vertex": lambda run: grown(run.facts.vertex, within=run.window),
    # One list was refused, and one create not answered.
    "Answers other than OK": lambda run: grown({"UNAVAILABLE us-central1": 2}, within=run.window),
    "Latency of Vertex": lambda run: lasting([method for method, n in run.facts.vertex.items() if n]),
    "Latency of Vertex B": lambda run: lasting([method for method, n in run.facts.vertex.items() if n]),
    "Settled submits": lambda run: grown(run.facts.adopted),
}

EXPECTED: Final = {"overview": OVERVIEW, "team": TEAMS, "pool": POOLS, "api": API, "controller": CONTROLLER}
