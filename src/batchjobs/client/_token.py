"""Where a bearer token comes from, each time one is needed."""

import asyncio
import base64
import binascii
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol

from batchjobs.client._files import read_bytes, stamp_of, unreadable
from batchjobs.client._security import Security

COMMAND_SECONDS: Final = 30.0
EARLY: Final = 60.0
"""Seconds before its end at which a token is replaced, or half of its life where that is shorter."""
WITHOUT_EXPIRY: Final = 60.0
"""For how long a token is used that does not say when it ends."""


class TokenSource(Protocol):
    """A token for the next call."""

    async def token(self) -> str:
        """The token; raises CredentialsUnreadable."""
        ...

    def refused(self) -> None:
        """The gateway did not take the last one."""
        ...


def source_of(security: Security) -> TokenSource | None:
    """Where the token comes from; None where there is to be none."""
    if security.token_file is not None:
        return TokenFile(security.token_file)
    return TokenCommand(security.token_command) if security.token_command else None


class TokenFile:
    """Reads the file again when it has changed. While it is away for a moment the last token serves."""

    def __init__(self, path: str | Path) -> None:
        self._path, self._stamp, self._token = path, (0, 0, 0), ""

    async def token(self) -> str:
        stamp = stamp_of(self._path)
        gone = not any(stamp)
        if not self._token or (stamp != self._stamp and not gone):
            self._token, self._stamp = _one_token(read_bytes(self._path), str(self._path)), stamp
        return self._token

    def refused(self) -> None:
        self._stamp = (0, 0, 0)


class TokenCommand:
    """Runs the command when its last token is about to end; all who wait for a token wait for one run."""

    def __init__(self, command: Sequence[str], now: Callable[[], float] = time.time) -> None:
        self._command, self._now = tuple(command), now
        self._token, self._until = "", 0.0
        self._one_at_a_time = asyncio.Lock()

    async def token(self) -> str:
        async with self._one_at_a_time:
            if self._now() >= self._until:
                self._token = _one_token(await self._run(), f"the output of {self._command[0]}")
                self._until = useful_until(self._token, self._now())
            return self._token

    def refused(self) -> None:
        self._until = 0.0

    async def _run(self) -> bytes:
        pipe = asyncio.subprocess.PIPE
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe
            )
        except OSError as error:
            raise unreadable(f"The token command {self._command[0]} cannot be run: {error.strerror}.") from error
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                output, _ = await process.communicate()
        except TimeoutError as error:
            raise unreadable(
                f"The token command {self._command[0]} printed nothing in {COMMAND_SECONDS:.0f} s."
            ) from error
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            raise unreadable(f"The token command {self._command[0]} failed with exit code {process.returncode}.")
        return output


def useful_until(token: str, now: float) -> float:
    """The Unix time from which the token is better replaced, by what it says itself."""
    try:
        payload = token.split(".")[1]
        ends = float(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return now + WITHOUT_EXPIRY
    return ends - min(EARLY, max(ends - now, 0.0) / 2)


def _one_token(content: bytes, source: str) -> str:
    """The one word of the text; what it is, is not shown."""
    words = content.decode("ascii", errors="replace").split()
    if len(words) > 1 and words[0].lower() == "bearer":
        raise unreadable(f"A token is one word, and {source} begins with `Bearer`: leave that out, it is added here.")
    if len(words) != 1 or not words[0].isascii() or not words[0].isprintable():
        raise unreadable(f"A token is one word, and {source} holds {'none' if not words else 'something else'}.")
    return words[0]
