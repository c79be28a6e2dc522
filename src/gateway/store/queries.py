"""Named SQL: `.sql` files beside the modules that run them, each query under a line `-- name: what_it_does`."""

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from types import MappingProxyType

_NAME = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)


def load(name: str, **parts: str) -> Mapping[str, str]:
    """The queries of `sql/{name}.sql` by name. `{word}` in their text is replaced by `parts`, which are our own."""
    return read(resources.files(__package__) / "sql" / f"{name}.sql", **parts)


def read(path: Traversable, **parts: str) -> Mapping[str, str]:
    """The named statements of one file, in the file's order."""
    text = path.read_text(encoding="utf-8")
    for word, part in parts.items():
        text = text.replace(f"{{{word}}}", part)
    _, *pieces = _NAME.split(text)
    return MappingProxyType({pieces[i]: pieces[i + 1].strip() for i in range(0, len(pieces), 2)})
