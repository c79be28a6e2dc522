"""The page of `gateway top` on screens of every size, over SSH most often 80 columns by 24 lines."""

from datetime import UTC, datetime, timedelta

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from batchjobs.client import BatchJob, TeamUsage
from batchjobs.v1.batch_jobs_pb2 import WaitingReason
from gateway.cli.top_page import AROUND, LEAST, Screen, page, shares
from gateway.cli.top_picture import Event, Picture

NOW = datetime(2026, 11, 26, 3, 0, tzinfo=UTC)
POOL = "corp-ml-production/northamerica-northeast1"
QUOTAS = ("active_jobs", "queued_jobs", "jobs_per_day", "creates_per_minute")


def stamp(time: datetime) -> Timestamp:
    made = Timestamp()
    made.FromDatetime(time)
    return made


def running(team: str, number: int) -> BatchJob:
    began = stamp(NOW - timedelta(hours=23, minutes=59))
    return BatchJob(
        name=f"teams/{team}/batchJobs/{3_765_918_977_501_429_761 + number}",
        state=BatchJob.CANCELLING,
        model="gemini-2.5-flash-lite",
        pool=POOL,
        create_time=began,
        transitions=[BatchJob.Transition(state=BatchJob.CANCELLING, time=began)],
        rows=BatchJob.Rows(succeeded=480, failed=12, incomplete=8),
    )


def usage(team: str) -> TeamUsage:
    waiting = BatchJob.Waiting(reason=WaitingReason.OTHERS_HOLD_POOL, position=7)
    pool = TeamUsage.Pool(pool=POOL, capacity=8, active=2, queued=40, waiting=waiting)
    limits = [TeamUsage.Limit(quota=quota, limit=60, used=59) for quota in QUOTAS]
    return TeamUsage(name=f"teams/{team}/usage", limits=limits, pools=[pool])


def picture(teams: int = 3, jobs: int = 4) -> Picture:
    names = [f"recommendations-{number:02}" for number in range(teams)]
    active = tuple(running(names[number % teams], number) for number in range(jobs))
    events = tuple(Event(NOW, each.name, BatchJob.PARTIALLY_SUCCEEDED, "VERTEX") for each in active)
    return Picture(time=NOW, active=active, usage={name: usage(name) for name in names}, events=events)


def lines(screen: Screen, shown: Picture) -> list[str]:
    console = Console(width=screen.width, color_system=None)
    with console.capture() as captured:
        console.print(page(shown, "gateway.example:443", screen))
    return [line.rstrip() for line in captured.get().rstrip("\n").split("\n")]


def test_on_eighty_columns_what_one_acts_on_is_whole():
    text = "\n".join(lines(Screen(80), picture()))
    for job in picture().active:
        assert text.count(job.name.split("/")[-1]) == 2, "once among the active, once among the events"
    assert text.count(POOL) == 1, "of one project the regions are enough"
    for whole in (
        "northamerica-n",
        "CANCELLING",
        "23:59:00",
        "492/500",
        "PARTIALLY_SUCCEEDED",
        "OTHERS_HOLD_POOL,",
        "59/60",
    ):
        assert whole in text
    assert all(len(line) <= 80 for line in text.splitlines())


def test_a_wide_screen_and_a_ticket_hold_everything():
    text = "\n".join(lines(Screen(1000), picture()))
    for whole in (POOL, "gemini-2.5-flash-lite", "480 ok, 12 failed, 8 left", "OTHERS_HOLD_POOL, 7 before it"):
        assert whole in text
    assert "…" not in text
    assert "the first" not in text.replace("the first waits for", "")


def test_on_a_screen_of_some_height_every_table_has_its_place_and_says_what_is_left_out():
    text = lines(Screen(200, 60), picture(teams=50, jobs=200))
    assert len(text) <= 60
    for title in ("teams", "queue", "active", "events"):
        assert [line for line in text if line.startswith(f"{title} (the first ")], title


@pytest.mark.parametrize(("needed", "room", "given"), [([1, 50, 2], 20, [1, 17, 2]), ([9, 9], 10, [5, 5])])
def test_short_tables_are_whole_and_the_others_share_what_is_left(needed, room, given):
    assert shares(needed, room) == given


@given(st.lists(st.integers(0, 300), max_size=6), st.integers(-20, 100))
def test_no_table_is_given_more_than_it_needs_nor_all_more_than_there_is(needed, room):
    given_rows = shares(needed, room)
    least = [min(each, LEAST) for each in needed]
    assert all(low <= rows <= each for low, rows, each in zip(least, given_rows, needed, strict=True))
    assert sum(given_rows) == max(min(room, sum(needed)), sum(least))


def test_a_small_screen_still_shows_the_head_of_every_table():
    text = lines(Screen(80, 24), picture())
    assert len([line for line in text if line.startswith(("pools", "teams", "queue", "active", "events"))]) == 5
    assert AROUND * 5 < 24
