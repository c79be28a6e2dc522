"""Named SQL: every name that is asked for exists, and every query is asked for."""

import re
from importlib import resources

FOLDER = resources.files("gateway.store")
NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
USED = re.compile(r'SQL\["(\w+)"\]')


def test_every_query_is_named_once_in_its_file_and_used() -> None:
    sources = "\n".join(path.read_text() for path in FOLDER.iterdir() if path.name.endswith(".py"))
    used = {*USED.findall(sources), *re.findall(r'_jobs\("(\w+)"', sources)}
    for path in (FOLDER / "sql").iterdir():
        names = NAME.findall(path.read_text())
        assert len(names) == len(set(names)), path.name
        shown = {name for name in names if name.startswith("show_")}
        assert set(names) - used - shown == set(), path.name


def test_no_sql_stands_among_the_code() -> None:
    """But for what begins and ends a transaction."""
    inline = re.compile(r'"(SELECT|INSERT|UPDATE|DELETE|LISTEN|NOTIFY|SET) ')
    found = [path.name for path in FOLDER.iterdir() if path.name.endswith(".py") and inline.search(path.read_text())]
    assert found == []
