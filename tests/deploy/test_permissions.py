"""What the documents grant the gateway's service account is what they call the least that it needs."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PERMISSION = re.compile(r"(?:aiplatform|bigquery)\.[A-Za-z]+\.[A-Za-z]+")


def _granted() -> set[str]:
    """The permissions of the role that Install makes."""
    text = (DOCS / "install.md").read_text().replace("\\\n", "")
    [role] = [line for line in text.splitlines() if "gcloud iam roles create" in line]
    return set(PERMISSION.findall(role))


def _least() -> set[str]:
    """Those of Security's table, where `.get` behind another stands for that of the same resource."""
    found: set[str] = set()
    for line in (DOCS / "security.md").read_text().splitlines():
        named = re.findall(r"`([A-Za-z.]+)`", line.split("|")[1]) if line.startswith("| `") else []
        resource = ""
        for each in named:
            whole = resource + each if each.startswith(".") else each
            resource = whole.rpartition(".")[0]
            found |= set(PERMISSION.findall(whole))
    return found


def test_install_grants_what_security_calls_the_least():
    assert _granted() == _least()
