"""What the documents grant the gateway's service account is what they call the least that it needs, and where."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "install.md").read_text().replace("\\\n", "")
ROLE = re.compile(r"gcloud iam roles create (\w+) --project \$(\w+) .*--permissions=(\S+)")
PROJECTS = re.compile(r"gcloud projects add-iam-policy-binding .* --role ([\w$/.]+)")
BUCKETS = re.compile(r"gcloud storage buckets add-iam-policy-binding .* --role ([\w$/.]+)")
DATASETS = re.compile(r"bq .*\"GRANT \\`(\S+)\\`\s+ON SCHEMA .* TO 'serviceAccount:\$ACCOUNT'\"")
PERMISSION = re.compile(r"(?:aiplatform|bigquery|storage)\.[A-Za-z]+\.[A-Za-z]+")


def _roles() -> dict[str, set[str]]:
    """By the name that bindings use, the permissions of each role that Install makes."""
    found = ROLE.findall(TEXT)
    return {f"projects/${project}/roles/{name}": set(held.split(",")) for name, project, held in found}


def _bound(binding: re.Pattern[str]) -> set[str]:
    """The permissions that are granted in one kind of place, by custom roles alone."""
    return {
        permission for role in binding.findall(TEXT) if role.startswith("projects/") for permission in _roles()[role]
    }


def _least() -> dict[str, str]:
    """Security's table: each permission, and on what. `.get` behind another is that of the same resource."""
    found: dict[str, str] = {}
    for line in (DOCS / "security.md").read_text().splitlines():
        cells = line.split("|")
        named = re.findall(r"`([A-Za-z.]+)`", cells[1]) if line.startswith("| `") else []
        resource = ""
        for each in named:
            whole = resource + each if each.startswith(".") else each
            resource = whole.rpartition(".")[0]
            if PERMISSION.fullmatch(whole):
                found[whole] = cells[2].strip()
    return found


def test_install_grants_what_security_calls_the_least():
    assert set().union(*_roles().values()) == set(_least())
    assert _bound(PROJECTS) | _bound(BUCKETS) | _bound(DATASETS) == set(_least())


def test_each_permission_is_granted_where_security_says():
    least = _least()
    for binding, place in ((PROJECTS, "project"), (BUCKETS, "bucket"), (DATASETS, "dataset")):
        assert _bound(binding) == {permission for permission, on in least.items() if place in on}, place


def test_no_predefined_role_of_storage_or_of_vertex_comes_along():
    named = {role for binding in (PROJECTS, BUCKETS, DATASETS) for role in binding.findall(TEXT)}
    assert {role for role in named if role.startswith("roles/")} == set()
    assert not re.search(r"roles/(storage|bigquery|aiplatform)\.", TEXT)


def test_tuned_models_are_a_step_of_their_own():
    tuned = {permission for permission, on in _least().items() if "tuned" in on}
    assert tuned in _roles().values()
    assert all(held == tuned or not held & tuned for held in _roles().values())
