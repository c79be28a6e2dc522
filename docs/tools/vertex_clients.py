"""Writes the snippets of docs/vertex-clients.md, cut from the programs in clients/vertex that `make test-clients` runs.

A snippet stands between `<!-- cut: FILE NAME -->` and `<!-- end -->`. In the file it stands between the comments
`[NAME]` and `[/NAME]`; where these come several times, all that is between them is one snippet.
"""

import re
import sys
from pathlib import Path
from textwrap import dedent

import pages

PAGE = "vertex-clients.md"
PROGRAMS = pages.DOCS.parent / "clients" / "vertex"
LANGUAGES = {".py": "python", ".sh": "sh", "": "sh", ".go": "go", ".java": "java", ".js": "js", ".mjs": "js"}

_CUT = re.compile(r"(?P<head><!-- cut: (?P<file>\S+) (?P<name>[a-z-]+) -->\n).*?(?P<end><!-- end -->)", re.DOTALL)
_MARKED = r"^[ \t]*(?:#|//) \[{0}\]\n(.*?)^[ \t]*(?:#|//) \[/{0}\]$"


def made(text: str) -> str:
    """The page with every snippet cut anew."""
    return _CUT.sub(lambda match: f"{match['head']}\n{fenced(match['file'], match['name'])}\n\n{match['end']}", text)


def fenced(file: str, name: str) -> str:
    path = PROGRAMS / file
    return f"```{LANGUAGES[path.suffix]}\n{cut(path, name)}\n```"


def cut(path: Path, name: str) -> str:
    """What is marked so in the file, moved to the left."""
    found = re.findall(_MARKED.format(name), path.read_text(), re.DOTALL | re.MULTILINE)
    if not found:
        sys.exit(f"nothing in {path} is marked [{name}]")
    return "\n\n".join(dedent(each).strip("\n") for each in found)


if __name__ == "__main__":
    pages.refresh(PAGE, made, what="snippet")
