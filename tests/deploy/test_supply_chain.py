"""What the gateway is built from is known whole."""

import json
from pathlib import Path

import pytest

from deploy import supply_chain
from deploy.supply_chain import Audit, components, pins

REQUIREMENTS = Path(__file__).parents[2] / "requirements"


@pytest.mark.parametrize("file", sorted(REQUIREMENTS.glob("*.txt")), ids=lambda file: file.stem)
def test_every_locked_package_has_a_version_and_hashes(file):
    """And no file names where packages come from: that is the machine's own affair."""
    text = file.read_text()
    blocks = [block for block in text.split("\n") if block and not block.startswith((" ", "#"))]
    assert len(pins(text)) == len({block.split("==")[0] for block in blocks})
    assert text.count("--hash=sha256:") >= len(blocks)
    assert "://" not in text


def test_a_package_is_the_same_however_its_name_is_written():
    listed = json.dumps({"components": [{"name": "Foo.Bar", "version": "1.0"}]})
    assert components(listed) == pins("foo-bar==1.0 ; python_version < '4' \\\n    --hash=sha256:00")


def test_a_vulnerable_package_is_told_and_an_unreachable_database_is_not_taken_for_a_clean_one():
    found = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
    skipped = {"name": "b", "skip_reason": "cannot be reached"}
    audit = Audit.read("server.txt", json.dumps({"dependencies": [found, skipped]}))
    assert (audit.vulnerable, audit.audited, audit.unknown) == (("a 1: PYSEC-1",), 1, 1)
    assert "NOT AUDITED" in str(Audit.read("server.txt", json.dumps({"dependencies": [skipped]})))
    assert "NOT AUDITED" in str(Audit.read("server.txt", ""))


def test_every_locked_file_is_audited(monkeypatch, capsys):
    """Those of the tools, too: they run with the rights of whoever builds."""
    monkeypatch.setattr(supply_chain, "_asked", lambda _file: "")
    assert supply_chain.audit() == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == sorted(
        f"requirements/{file.name}" for file in REQUIREMENTS.glob("*.txt")
    )
