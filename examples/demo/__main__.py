"""`make demo`: a development gateway here, and what a caller sees of it. It exits 0 only if all of it happened."""

import asyncio
import sys
import time

from examples.demo.script import SCENES
from examples.demo.show import NotAsPromisedError, console, say, scene
from examples.demo.stage import Stage


async def play() -> None:
    start = time.monotonic()
    async with Stage.open() as stage:
        console.print(
            f"[bold]A gateway, a PostgreSQL and a Vertex emulator are up[/bold] (API on {stage.stack.app.api_target})"
        )
        for number, part in enumerate(SCENES, start=1):
            scene(number, (part.__doc__ or "").strip().rstrip("."))
            await part(stage)
    console.print(f"\n[bold green]All of it happened, in {time.monotonic() - start:.0f} seconds.[/bold green]")


def main() -> int:
    try:
        asyncio.run(play())
    except NotAsPromisedError as error:
        say(f"NOT AS PROMISED: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
