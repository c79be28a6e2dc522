"""The reference page of the policy file, made from the models that read it and the rules that judge it."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from types import NoneType
from typing import Any, Final, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo

from gateway.policy import contradictions, warnings
from gateway.policy.document import (
    MembersSection,
    PolicyFile,
    PoolSection,
    QuotaSection,
    QuotasSection,
    Section,
    Shown,
    TeamSection,
)
from gateway.policy.reference_text import AFTER, BEFORE
from gateway.policy.text import duration_text

SECTIONS: Final[tuple[tuple[str, type[Section]], ...]] = (
    ("The file", PolicyFile),
    ("A pool", PoolSection),
    ("A team, and `defaults`", TeamSection),
    ("`members`", MembersSection),
    ("`quotas`", QuotasSection),
    ("A quota", QuotaSection),
)
NAMES: Final = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "`true` or `false`",
    PoolSection: "pool",
    TeamSection: "team's map",
    MembersSection: "map",
    QuotasSection: "map of quotas",
}


def reference(sample: str) -> str:
    """The page, with the sample file in it."""
    parts = [BEFORE.format(sample=sample.rstrip()), "## Keys"]
    parts += [_section(title, section) for title, section in SECTIONS]
    parts += [AFTER.format(contradictions=_rules(contradictions.RULES), warnings=_rules(warnings.RULES)).rstrip()]
    return "\n\n".join(parts)


def _section(title: str, section: type[Section]) -> str:
    about = " ".join((section.__doc__ or "").split())
    rows = [_row(name, field) for name, field in section.model_fields.items()]
    return "\n".join(
        [f"### {title}", "", about, "", "| key | type | default | meaning |", "| --- | --- | --- | --- |", *rows]
    )


def _row(name: str, field: FieldInfo) -> str:
    meaning = " ".join(filter(None, [field.description, _bounds(field.metadata)]))
    return f"| `{name}` | {_type(field.annotation, field.metadata)} | {_default(field)} | {meaning} |"


def _type(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """What the page calls a type: the name given beside it, or one made of its parts."""
    marks = (*metadata, *getattr(annotation, "__metadata__", ()))
    shown = next((mark.text for mark in marks if isinstance(mark, Shown)), None)
    return shown or _made_of_parts(annotation)


def _made_of_parts(annotation: Any) -> str:
    arguments = [argument for argument in get_args(annotation) if argument is not NoneType]
    origin = get_origin(annotation)
    if origin is Literal:
        words = [f"`{word}`" for word in arguments]
        return f"{', '.join(words[:-1])} or {words[-1]}"
    if origin is list:
        return f"list of {_type(arguments[0])}s"
    if origin is dict:
        return f"map of {_type(arguments[0])} to {_type(arguments[1])}"
    return _type(arguments[0]) if arguments else NAMES[annotation]


def _default(field: FieldInfo) -> str:
    default = field.default
    if field.is_required():
        return "must be given"
    if default is None or default == "":
        return "none"
    if isinstance(default, timedelta):
        return f"`{duration_text(default)}`"
    if isinstance(default, list | dict | Section):
        return "empty"
    return f"`{default if isinstance(default, str) else json.dumps(default)}`"


def _bounds(metadata: Iterable[Any]) -> str:
    words = list(_bound_words(metadata))
    return f"{' and '.join(words).capitalize()}." if words else ""


def _bound_words(metadata: Iterable[Any]) -> Iterator[str]:
    for mark in metadata:
        match mark:
            case Ge(ge=low):
                yield f"at least {low:,}"
            case Gt(gt=low):
                yield f"above {low:,}"
            case Le(le=high):
                yield f"at most {high:,}"


def _rules(rules: Iterable[Callable[..., object]]) -> str:
    return "\n".join(f"- {' '.join((rule.__doc__ or '').split())}" for rule in rules)
