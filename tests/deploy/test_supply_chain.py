"""What the gateway is built from is known whole."""

import json
from pathlib import Path

import pytest

from deploy import supply_chain
from deploy.advisories import BIN, Audit, audit_of, read
from deploy.supply_chain import components, pins

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


FOUND = {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
CLEAN = {"name": "c", "version": "1", "vulns": []}
SKIPPED = {"name": "b", "skip_reason": "not found"}


def report(*packages):
    return json.dumps({"dependencies": packages})


def test_a_vulnerable_package_is_told():
    audit = read("server.txt", 1, report(FOUND, CLEAN, SKIPPED), "Found 1 known vulnerability in 1 package")
    assert (audit.vulnerable, audit.audited, audit.unknown) == (("a 1: PYSEC-1",), 2, 1)
    assert not audit.passed
    assert read("server.txt", 0, report(CLEAN), "").passed


@pytest.mark.parametrize(
    ("code", "told", "said"),
    [
        (0, report(SKIPPED), "No known vulnerabilities found"),
        (
            1,
            "",
            "ERROR:pip_audit._cli:Could not connect to the vulnerability feed\nERROR:pip_audit._cli:Tip: your network",
        ),
        (1, "", "Traceback (most recent call last):\nrequests.exceptions.ProxyError: HTTPSConnectionPool(…)"),
        (1, "", "requests.exceptions.ReadTimeout: HTTPSConnectionPool(…): Read timed out."),
        (1, "", "requests.exceptions.HTTPError: 503 Server Error: Service Unavailable for url: …"),
    ],
)
def test_an_unreachable_database_is_not_taken_for_a_clean_one(code, told, said):
    audit = read("server.txt", code, told, said)
    assert "NOT AUDITED" in str(audit)
    assert audit.passed


@pytest.mark.parametrize(
    ("code", "told", "said", "why"),
    [
        (
            1,
            "",
            "WARNING: …\nERROR:pip_audit._cli:requirement uv==1 does not contain a hash\n",
            "does not contain a hash",
        ),
        (1, "", "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: …", "403"),
        (1, "", "Traceback (most recent call last):\nKeyError: 'ConnectionError'", "KeyError"),
        (1, report(CLEAN), "", "it said nothing"),
        (0, report(FOUND), "", "ended with 0"),
        (-9, "", "", "ended with -9"),
    ],
)
def test_whatever_else_goes_wrong_fails(code, told, said, why):
    audit = read("server.txt", code, told, said)
    assert "FAILED" in str(audit)
    assert why in str(audit)
    assert not audit.passed


def test_a_file_that_pip_audit_refuses_fails(tmp_path):
    """The real one, which asks nobody before it has read the file."""
    file = tmp_path / "unlocked.txt"
    file.write_text("uv==0.13.9\n")
    if not (BIN / "pip-audit").exists():
        pytest.skip("make audit installs pip-audit")
    assert "FAILED: pip-audit ended with 1" in str(audit_of(file))


def test_every_locked_file_is_audited(monkeypatch, capsys):
    """Those of the tools, too: they run with the rights of whoever builds."""
    answers = {"requirements/dev.txt": Audit("requirements/dev.txt", failure="it broke")}
    monkeypatch.setattr(supply_chain, "audit_of", lambda file: answers.get(str(file), Audit(str(file))))
    assert supply_chain.audit() == 1
    answers.clear()
    capsys.readouterr()
    assert supply_chain.audit() == 0
    told = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in told] == sorted(
        f"requirements/{file.name}" for file in REQUIREMENTS.glob("*.txt")
    )
