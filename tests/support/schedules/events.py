"""What else may happen while two leaders are at work; when it happens is the search's to choose."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from gateway.service.cancel import cancelling
from gateway.store import migrate
from gateway.store.changes import Changes
from support.controller import LIST
from support.schedules.footprints import CLOCK, STORE, VERTEX, Footprint, writes
from support.schedules.gated_store import as_caller
from support.schedules.gates import Actor, arrive
from support.schedules.scheduler import process_of
from support.schedules.stage import LAG
from support.store import unobserved
from vertex_emulator import FaultKind, Job

if TYPE_CHECKING:
    from support.schedules.play import Play

Event = Callable[["Play"], Awaitable[None]]


async def cancel(play: "Play") -> None:
    """The caller of the first batch job cancels it."""
    stage = play.stage
    as_caller()
    job = stage.jobs[0]
    change = cancelling(stage.world.policy.current, "dev:ranking")
    await Changes(stage.world.database.controller, unobserved).change(job.team, job.id, change)


def _first(play: "Play") -> Job | None:
    return next(iter(play.stage.alive()), None)


async def external_delete(play: "Play") -> None:
    """Somebody deletes the first running Vertex job in the console."""
    await arrive("console: delete", writes(VERTEX))
    if job := _first(play):
        play.stage.gone.add(job.name)
        play.stage.world.emulator.console.delete(job.name)


async def clone(play: "Play") -> None:
    """Somebody clones the first running Vertex job in the console, labels and all, to another folder."""
    await arrive("console: clone", writes(VERTEX))
    if job := _first(play):

        def elsewhere(message: object) -> None:
            message.output_config.gcs_destination.output_uri_prefix = "gs://ranking-out/other"  # type: ignore[attr-defined]

        play.stage.by_hand.add(play.stage.world.clone(job, elsewhere).name)


async def list_lag(play: "Play") -> None:
    """The next two lists lag, by less than is allowed for."""
    await arrive("the lists lag", writes(VERTEX))
    play.stage.world.fault(LIST, FaultKind.LIST_LAG, seconds=LAG - 1, times=2)


async def list_misses(play: "Play") -> None:
    """One list leaves out everything, however old."""
    await arrive("a list is empty", writes(VERTEX))
    play.stage.world.fault(LIST, FaultKind.LIST_LAG, seconds=10**6, times=1)


async def list_fails(play: "Play") -> None:
    await arrive("a list fails", writes(VERTEX))
    play.stage.world.fault(LIST, FaultKind.STATUS, code="UNAVAILABLE")


async def crash(play: "Play") -> None:
    """The first leader's process is killed."""
    await arrive("A is killed", writes("A lives"))
    await _kill(play, "A")


async def backup(play: "Play") -> None:
    """The backup that a restore will put back; by itself it comes first of all."""
    await arrive("backup", Footprint(reads=STORE))
    play.kept = await play.stage.backup()


async def restore(play: "Play") -> None:
    """The database is lost, and what comes back is the backup. All gateways were stopped for it."""
    await arrive("restore", Footprint(writes=STORE | {CLOCK, VERTEX, "A lives", "B lives"}))
    if play.kept is None:
        return
    for process in ("A", "B"):
        await _kill(play, process)
    play.restored = True
    await play.stage.restore(play.kept)
    await migrate.restored(play.stage.world.url)


async def nothing(_play: "Play") -> None:
    """Two leaders and time are enough."""


async def _kill(play: "Play", process: str) -> None:
    for actor in [each for each in play.scheduler.actors if process_of(each.name) == process]:
        await play.scheduler.stop(actor)


EVENTS: dict[str, Event] = {
    "nothing": nothing,
    "cancel": cancel,
    "external delete": external_delete,
    "clone": clone,
    "list lag": list_lag,
    "list misses": list_misses,
    "list fails": list_fails,
    "crash": crash,
    "restore": restore,
    "renewal": nothing,
}


def add(play: "Play", names: str) -> None:
    """Take in an actor for each event; several are joined by "and"."""
    for name in names.split(" and "):
        play.scheduler.add(Actor(f"event {name}")).start(EVENTS[name](play))
        if name == "restore":
            play.scheduler.add(Actor("backup"), first=True).start(backup(play))
