"""docs/policy.md is what the models make, and leaves nothing of them out."""

import shutil
import subprocess
import sys
from pathlib import Path

from gateway.policy import contradictions, warnings
from gateway.policy.reference import SECTIONS, reference

ROOT = Path(__file__).parents[2]


def generate(docs: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "docs/tools/policy.py"), "--check", "--docs", str(docs)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_page_is_what_the_models_make() -> None:
    done = generate(ROOT / "docs")
    assert done.returncode == 0, done.stderr


def test_an_edited_page_is_noticed(tmp_path: Path) -> None:
    page = Path(shutil.copy(ROOT / "docs/policy.md", tmp_path))
    page.write_text(page.read_text() + "A word by hand.\n")
    assert generate(tmp_path).returncode == 1


def test_every_key_has_a_line_with_its_meaning() -> None:
    page = reference("pools: []")
    for _, section in SECTIONS:
        for key, field in section.model_fields.items():
            assert field.description
            assert any(line.startswith(f"| `{key}` |") and field.description in line for line in page.splitlines())


def test_every_rule_is_told() -> None:
    page = reference("pools: []")
    for rule in (*contradictions.RULES, *warnings.RULES):
        assert f"- {' '.join((rule.__doc__ or 'nothing').split())}\n" in page
