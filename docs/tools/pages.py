"""What every generator of a page shares: write the page, or check that the committed one is what would be written."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
NOTICE = "<!-- Made by docs/tools/{tool} from {source}. Do not edit: change the source and run `make docs`. -->\n\n"


def run(page: str, render: Callable[[], str], *, tool: str, source: str) -> None:
    """The command line of a generator.

    Args:
        page: the file below docs/, such as `api.md`.
        render: makes the whole text of the page, without the notice.
        tool: the generator's file name, for the notice.
        source: what the page is made from, for the notice.

    Exits 1 with a sentence where `--check` finds another text in the committed page.
    """
    parser = argparse.ArgumentParser(description=f"Write docs/{page} from {source}.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where the page would change")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder that holds the page")
    arguments = parser.parse_args()
    file: Path = arguments.docs / page
    text = NOTICE.format(tool=tool, source=source) + render().rstrip() + "\n"
    if not arguments.check:
        file.write_text(text)
    elif not file.is_file() or file.read_text() != text:
        sys.exit(f"docs/{page} differs from what is made from {source}; run `make docs`")


def refresh(page: str, made: Callable[[str], str], *, what: str) -> None:
    """The command line of a generator that makes parts of a page; the text around them is written by hand.

    Args:
        page: the file below docs/.
        made: the page with its parts made anew, from the page as it is.
        what: what the parts are, for the sentences of the command.

    Exits 1 with a sentence where `--check` finds another part in the committed page.
    """
    parser = argparse.ArgumentParser(description=f"Write the {what}s of docs/{page}.")
    parser.add_argument("--check", action="store_true", help=f"write nothing; exit 1 where a {what} would change")
    parser.add_argument("--docs", type=Path, default=DOCS, help="the folder that holds the page")
    arguments = parser.parse_args()
    file: Path = arguments.docs / page
    before = file.read_text() if file.is_file() else ""
    after = made(before)
    if not arguments.check:
        file.write_text(after)
    elif after != before:
        sys.exit(f"a {what} of docs/{page} differs from what the code makes; run `make docs`")
