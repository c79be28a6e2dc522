"""What the demo prints, and how it insists that something happened."""

from rich.console import Console
from rich.table import Table

WIDTH = 130

console = Console(highlight=False, soft_wrap=True)
console.width = max(console.width, WIDTH)


class NotAsPromisedError(Exception):
    """Something that the demo says did not happen."""


def insist(holds: object, otherwise: str) -> None:
    """Stop the demo, with exit 1, where a promise does not hold."""
    if not holds:
        raise NotAsPromisedError(otherwise)


def scene(number: int, title: str) -> None:
    console.print(f"\n[bold]{number}. {title}[/bold]")


def say(text: str) -> None:
    console.print(f"   {text}", markup=False)


def table(title: str, columns: list[str], rows: list[list[str]]) -> None:
    grid = Table(*columns, title=title, title_justify="left", box=None, padding=(0, 2, 0, 3))
    for row in rows:
        grid.add_row(*row)
    console.print(grid)
