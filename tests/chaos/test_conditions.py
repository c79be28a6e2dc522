"""Each condition of the audit, on evidence that is written down: where one is left out, a test here fails."""

from dataclasses import replace
from typing import Any

import pytest

from chaos.audit import counters
from chaos.audit.bounds import over_capacity
from chaos.audit.evidence import Change, Create, Evidence, Job, Look, Policy, Row, Scan

POOL = "corp-ml/us-central1"
REGION = "us-central1"
T = 15.0
ATTEMPT = {"capacity": 1, "team_limit": 0, "policy_hash": "p"}


def change(
    at: float, state: str, batch_job: int = 1, *, revision: int = 1, vertex: str = "", attempt: str = ""
) -> Change:
    about: Any = {"id": attempt, **ATTEMPT} if attempt else None
    return Change(int(at * 10), at, batch_job, "ranking", POOL, revision, state, vertex, about)


def row(state: str = "SUCCEEDED", batch_job: int = 1, vertex: str = "") -> Row:
    return Row(batch_job, "ranking", POOL, state, 1, f"r{batch_job}", vertex, deleted=False)


def create(
    sent: float, attempt: str, made: str = "", *, peer: str = "a", code: str = "OK", batch_job: int = 1
) -> Create:
    return Create(batch_job, attempt, REGION, peer, sent, sent if made else None, made, code)


def job(made: str, *, created: float = 0.0, over: float | None = None, batch_job: int = 1) -> Job:
    return Job(made, REGION, "g", batch_job, created, over, there=True)


def look(at: float, peer: str = "a", *, scan: bool = True, lags: bool = False) -> Look:
    return Look(at, REGION, peer, scan, lags)


def evidence(**known: Any) -> Evidence:
    usual: dict[str, Any] = {
        "within": False,
        "settle": T,
        "revisions": {},
        "cancelled": {},
        "policies": {"p": Policy({POOL: 1}, {"ranking": None})},
        "by_hand": {},
    }
    return Evidence(**usual | known)


def count(counter: Any, found: Evidence) -> int:
    return len(list(counter(found)))


def test_an_attempt_that_is_sent_twice_is_a_duplicate() -> None:
    begun = (change(0, "SUBMITTING", attempt="x"),)
    again = evidence(changes=begun, creates=(create(1, "x", code="UNAVAILABLE"), create(100, "x", code="UNAVAILABLE")))
    assert count(counters.duplicates, again) == 1


def test_a_create_after_one_that_no_row_had_is_a_duplicate() -> None:
    later = evidence(
        changes=(change(0, "SUBMITTING", attempt="y"),), creates=(create(1, "x", "1"), create(100, "y", "2"))
    )
    assert count(counters.duplicates, later) == 1


@pytest.mark.parametrize(
    ("looks", "counted"),
    [
        ((look(50),), 1),
        ((look(50, lags=True),), 0),
        ((look(50, peer="b"),), 0),
        ((look(50, scan=False),), 0),
        ((look(0.5),), 0),
        ((look(50), look(51)), 1),
        ((look(0.5), look(50)), 0),
        ((look(50), look(51, lags=True)), 0),
        ((look(0.5), look(50, peer="b")), 0),
    ],
)
def test_beyond_t_only_who_was_shown_an_earlier_one_may_not_send(looks: tuple[Look, ...], counted: int) -> None:
    """Where several answers were under way at once, the scan may have been any of them."""
    assert _late(looks, Scan(REGION, 0.4, 52.0)) == counted


@pytest.mark.parametrize(
    ("scan", "counted"),
    [
        (Scan(REGION, 49.0, 59.9), 1),
        (Scan(REGION, 49.0, 60.5), 0),
        (Scan(REGION, 51.0, 59.9), 0),
        (Scan("europe-west4", 49.0, 59.9), 0),
    ],
)
def test_a_scan_shows_what_is_there_once_its_leader_has_dealt_with_it(scan: Scan, counted: int) -> None:
    assert _late((look(50),), scan) == counted


def _late(looks: tuple[Look, ...], scan: Scan) -> int:
    """How many duplicates there are where a second create took its slot at 60 and left at 61."""
    begun = (change(0, "SUBMITTING", attempt="x"), change(60, "SUBMITTING", attempt="y"))
    sent = (create(1, "x", "1", code="UNAVAILABLE"), create(61, "y", "2"))
    return count(counters.duplicates, evidence(changes=begun, creates=sent, looks=looks, scans=(scan,)))


@pytest.mark.parametrize(("polls", "scans", "counted"), [(3, 0, 0), (4, 0, 1), (0, 2, 0), (0, 3, 1)])
def test_a_late_duplicate_is_found_by_two_polls_or_one_scan_and_one_more(polls: int, scans: int, counted: int) -> None:
    looks = (*(look(10.0 + n, scan=False) for n in range(polls)), *(look(10.0 + n) for n in range(scans)))
    known = evidence(
        changes=(change(1, "SUBMITTING", attempt="x"), change(2, "PENDING", vertex="1")),
        rows=(row(vertex="1"),),
        creates=(create(3, "y", "2"),),
        jobs=(job("2", over=60.0),),
        looks=looks,
        cancelled={"2": 50.0},
        found=frozenset({"2"}),
    )
    assert count(counters.late_duplicates_left, known) == counted


def test_a_revision_that_two_batch_jobs_took_is_a_gap() -> None:
    known = evidence(changes=(change(0, "QUEUED", 1), change(1, "QUEUED", 2)), revisions={"ranking": 1})
    assert count(counters.revision_gaps, known) == 1


def test_a_batch_job_that_did_not_begin_queued_is_bad() -> None:
    assert count(counters.bad_transitions, evidence(changes=(change(0, "RUNNING"),))) == 1


def test_a_vertex_job_that_outlives_its_ended_batch_job_is_an_orphan() -> None:
    known = evidence(rows=(row(vertex="1"),), creates=(create(0, "x", "1"),), jobs=(job("1"),))
    assert count(counters.orphans, known) == 0
    assert count(counters.orphans, replace(known, live=frozenset({"1"}))) == 1


@pytest.mark.parametrize(("freed", "counted"), [(10 + 6 * T, 0), (11 + 6 * T, 1)])
def test_a_slot_that_is_held_long_after_its_end_has_leaked(freed: float, counted: int) -> None:
    known = evidence(
        changes=(change(0, "SUBMITTING", attempt="x"), change(freed, "FAILED", vertex="1")),
        rows=(row("FAILED", vertex="1"),),
        jobs=(job("1", over=10.0),),
    )
    assert count(counters.leaked_slots, known) == counted


def test_a_right_create_that_is_refused_is_stuck() -> None:
    refused = {"event": "create refused", "request_id": "r", "reason": "REQUEST_ID_REUSED", "message": "no"}
    assert count(counters.stuck, evidence(journal=({"event": "asked", "request_id": "r"}, refused))) == 1


@pytest.mark.parametrize(("adopted_at", "counted"), [(6.0, 0), (1.0, 1)])
def test_a_dispatch_may_not_see_what_was_adopted_a_moment_ago(adopted_at: float, counted: int) -> None:
    known = evidence(changes=(change(adopted_at, "RUNNING", 1, vertex="1"), change(10, "SUBMITTING", 2, attempt="x")))
    assert count(over_capacity, known) == counted


@pytest.mark.parametrize(("landed", "counted"), [(T + 1, 0), (1.0, 1)])
def test_what_landed_late_does_not_fill_a_pool_on_vertex(landed: float, counted: int) -> None:
    early = replace(create(0.5, "x", "1"), effect=landed)
    known = evidence(
        changes=(
            change(0, "SUBMITTING", 1, attempt="x"),
            change(0.8, "FAILED", 1),
            change(100, "SUBMITTING", 2, attempt="y"),
        ),
        creates=(early, create(100.5, "y", "2", batch_job=2)),
        jobs=(job("1", created=landed), job("2", created=100.5, batch_job=2)),
    )
    assert count(over_capacity, known) == counted
