"""The policy in force while its file changes under it."""

import asyncio
import os
import threading
from pathlib import Path

import pytest

from gateway.policy import source as source_module
from gateway.policy.load import PolicyError, read_policy_file
from gateway.policy.model import Policy
from gateway.policy.source import PolicySource
from support.driven_time import DrivenTime

POLL = 2.0


def text(*teams: str, weight: int = 1) -> str:
    return "pools: []\nteams:\n" + "".join(f"  {team}: {{weight: {weight}}}\n" for team in teams)


class File:
    """The policy file, changed under the gateway."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, content: str) -> None:
        self.path.write_text(content)

    def remove(self) -> None:
        self.path.unlink()

    def read(self) -> str:
        return self.path.read_text()

    def write_unnoticeably(self, content: str) -> None:
        """Keep its size and its time."""
        before = self.path.stat()
        self.path.write_text(content)
        os.utime(self.path, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = self.path.stat()
        assert (after.st_size, after.st_mtime_ns) == (before.st_size, before.st_mtime_ns)


class Told:
    """An observer that remembers what it was told, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self.in_force: list[Policy | None] = []

    def policy_loaded(self, policy: Policy) -> None:
        self.events.append(f"loaded {','.join(policy.teams)}")

    def policy_refused(self, error: PolicyError, in_force: Policy | None) -> None:
        self.events.append(f"refused {error.problems[0].reason}")
        self.in_force.append(in_force)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def file(tmp_path: Path) -> File:
    made = File(tmp_path / "policy.yaml")
    made.write(text("ads", "search"))
    return made


@pytest.fixture
async def policies(file: File, told: Told) -> PolicySource:
    opened = await PolicySource.open(file.path, clock=DrivenTime(), observer=told, poll_seconds=POLL)
    told.events.clear()
    return opened


async def look_twice(policies: PolicySource) -> None:
    await policies.run_once()
    await policies.run_once()


async def test_at_the_start_the_file_is_loaded_and_told(file: File, told: Told) -> None:
    policies = await PolicySource.open(file.path, clock=DrivenTime(), observer=told)
    assert list(policies.current.teams) == ["ads", "search"]
    assert told.events == ["loaded ads,search"]


async def test_without_a_good_file_there_is_no_start(file: File, told: Told) -> None:
    file.write("pools: []")
    with pytest.raises(PolicyError, match="teams: is missing"):
        await PolicySource.open(file.path, clock=DrivenTime(), observer=told)
    assert told.events == ["refused is missing"]
    assert told.in_force == [None]


async def test_a_changed_file_is_in_force_and_subscribers_are_called_once(
    policies: PolicySource, file: File, told: Told
) -> None:
    heard: list[Policy] = []
    policies.subscribe(heard.append)
    file.write(text("ads"))
    for _ in range(4):
        await policies.run_once()
    assert list(policies.current.teams) == ["ads"]
    assert heard == [policies.current]
    assert told.events == ["loaded ads"]


async def test_a_file_that_stays_as_it_is_is_judged_once(policies: PolicySource, told: Told) -> None:
    for _ in range(4):
        await policies.run_once()
    assert told.events == []


async def test_a_file_that_is_half_written_is_not_taken(policies: PolicySource, file: File, told: Told) -> None:
    """Cut off after its first team it is a policy as well, but not the one that is meant."""
    heard: list[Policy] = []
    policies.subscribe(heard.append)
    whole = text("ads", "search", "ranking")
    file.write(whole[: whole.index("  search")])
    await policies.run_once()
    file.write(whole)
    await look_twice(policies)
    assert [list(policy.teams) for policy in heard] == [["ads", "search", "ranking"]]
    assert told.events == ["loaded ads,search,ranking"]


async def test_an_edit_that_keeps_size_and_time_is_noticed(policies: PolicySource, file: File) -> None:
    file.write_unnoticeably(text("ads", "search", weight=2))
    await look_twice(policies)
    assert policies.current.teams["ads"].weight == 2


async def test_the_swapped_link_of_a_config_map_is_noticed(tmp_path: Path, told: Told) -> None:
    """Kubernetes points `..data` at a new folder; the file's own link and its text stay where they were."""
    for version, teams in (("..1", ("ads",)), ("..2", ("ads", "search"))):
        (tmp_path / version).mkdir()
        (tmp_path / version / "policy.yaml").write_text(text(*teams))
    (tmp_path / "..data").symlink_to("..1")
    (tmp_path / "policy.yaml").symlink_to("..data/policy.yaml")
    policies = await PolicySource.open(tmp_path / "policy.yaml", clock=DrivenTime(), observer=told)
    (tmp_path / "..data_tmp").symlink_to("..2")
    (tmp_path / "..data_tmp").replace(tmp_path / "..data")
    await look_twice(policies)
    assert list(policies.current.teams) == ["ads", "search"]


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ("pools: [", "is not YAML"),
        ("", "is empty"),
        ("pools: []\nteams: {Bad: {}}\n", "a team's name"),
        (None, "cannot be read: No such file or directory"),
    ],
)
async def test_a_broken_file_changes_nothing_and_is_told_once_until_it_is_mended(
    policies: PolicySource, file: File, told: Told, broken: str | None, reason: str
) -> None:
    heard: list[Policy] = []
    policies.subscribe(heard.append)
    before, good = policies.current, file.read()
    if broken is None:
        file.remove()
    else:
        file.write(broken)
    for _ in range(4):
        await policies.run_once()
    assert policies.current is before
    assert len(told.events) == 1
    assert told.events[0].startswith(f"refused {reason}")
    assert told.in_force == [before]
    file.write(good)
    await look_twice(policies)
    assert told.events[1:] == ["loaded ads,search"]
    assert heard == []


async def test_a_file_that_is_away_while_it_is_replaced_is_no_fault(
    policies: PolicySource, file: File, told: Told
) -> None:
    file.remove()
    await policies.run_once()
    file.write(text("ads"))
    await look_twice(policies)
    assert told.events == ["loaded ads"]


async def test_another_writing_of_the_same_policy_calls_nobody(policies: PolicySource, file: File, told: Told) -> None:
    heard: list[Policy] = []
    policies.subscribe(heard.append)
    file.write("# A comment.\n" + file.read())
    await look_twice(policies)
    assert heard == []
    assert told.events == ["loaded ads,search"]


async def test_a_subscription_ends(policies: PolicySource, file: File) -> None:
    heard: list[Policy] = []
    end = policies.subscribe(heard.append)
    end()
    file.write(text("ads"))
    await look_twice(policies)
    assert heard == []


async def test_reload_takes_the_file_at_once(policies: PolicySource, file: File, told: Told) -> None:
    file.write(text("ads"))
    await policies.reload()
    assert list(policies.current.teams) == ["ads"]
    file.remove()
    await policies.reload()
    assert told.events == ["loaded ads", "refused cannot be read: No such file or directory"]


async def test_the_loop_looks_once_an_interval_on_its_clock(file: File, told: Told) -> None:
    time = DrivenTime()
    policies = await PolicySource.open(file.path, clock=time, observer=told, poll_seconds=POLL)
    changed = asyncio.Event()
    policies.subscribe(lambda _: changed.set())
    loop = asyncio.create_task(policies.run())
    await time.slept.wait()
    file.write(text("ads"))
    for _ in range(2):
        assert not changed.is_set()
        time.slept.clear()
        await time.advance(POLL)
        await time.slept.wait()
    assert changed.is_set()
    loop.cancel()
    with pytest.raises(asyncio.CancelledError):
        await loop


async def test_neither_reading_nor_judging_blocks_the_event_loop(
    file: File, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[int] = set()

    def read(path: Path) -> bytes:
        threads.add(threading.get_ident())
        return read_policy_file(path)

    def ready(content: bytes, path: Path, judge: object = source_module._ready) -> Policy:
        threads.add(threading.get_ident())
        return judge(content, path)  # type: ignore[operator] # It is the function that the name held before.

    monkeypatch.setattr(source_module, "read_policy_file", read)
    monkeypatch.setattr(source_module, "_ready", ready)
    policies = await PolicySource.open(file.path, clock=DrivenTime(), observer=told)
    file.write(text("ads"))
    await look_twice(policies)
    assert threads
    assert threading.get_ident() not in threads
