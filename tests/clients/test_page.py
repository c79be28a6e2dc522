"""What docs/vertex-clients.md shows of programs is what is run."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clients.vertex.registry import VERTEX_CLIENTS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/vertex-clients.md"


def check(docs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/tools/vertex_clients.py"), "--check", "--docs", str(docs)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_snippets_are_what_the_programs_hold() -> None:
    done = check(PAGE.parent)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("word", "other", "said"),
    [("vertexai=True", "vertexai=False", "make docs"), ("gen_ai.py client", "gen_ai.py no", "[no]")],
)
def test_a_snippet_that_no_program_holds_is_noticed(tmp_path: Path, word: str, other: str, said: str) -> None:
    page = Path(shutil.copy(PAGE, tmp_path))
    page.write_text(page.read_text().replace(word, other))
    done = check(tmp_path)
    assert done.returncode == 1
    assert said in done.stderr


def test_every_client_has_its_row_and_no_row_has_failed() -> None:
    text = PAGE.read_text()
    assert set(re.findall(r"^\| ([A-Za-z.]+: [^|]+) \|", text, re.MULTILINE)) == {
        each.program for each in VERTEX_CLIENTS
    }
    assert "**no**" not in text
    assert "| skipped |" not in text
