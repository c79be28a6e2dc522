"""What a caller was told and when, a line an event, written before anything follows from it."""

import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self


class Journal:
    """Lines of JSON; a caller that starts again goes on where its file ends."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._before = read(path)

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, event: str, **facts: Any) -> None:
        self._file.write(json.dumps({"event": event, "time": time.time(), **facts}) + "\n")
        self._file.flush()

    def finished(self) -> frozenset[str]:
        """The request ids with which nothing more is to be done."""
        return frozenset(line["request_id"] for line in self._before if line["event"] == "finished")

    def made(self) -> frozenset[str]:
        """The request ids that were answered with a batch job."""
        return frozenset(line["request_id"] for line in self._before if line["event"] == "created")

    def token(self, team: str) -> str:
        """The resume token of the latest event of a team's watch."""
        tokens = [line["token"] for line in self._before if line.get("team") == team and line.get("token")]
        return tokens[-1] if tokens else ""


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of a journal; one that was cut off by a kill is none."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").split("\n")
    return [json.loads(line) for line in lines[:-1] if line.endswith("}") and line.startswith("{")]
