"""Command line options made from the settings: one for each field, with the field's own words as its help."""

import types
from collections.abc import Callable, Iterable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar, get_args

import click
from pydantic.fields import FieldInfo

from gateway.settings import PREFIX, Settings

Command = TypeVar("Command", bound=Callable[..., Any])


def settings_options(fields: Iterable[str], *, variables: bool = False) -> Callable[[Command], Command]:
    """Options for these settings. Values arrive as text or None; `Settings.read` judges them, all in one message.

    With `variables` they come from the environment too, for a command that does not hand it to `Settings.read`.
    """

    def decorate(command: Command) -> Command:
        for name in reversed(tuple(fields)):
            command = _option(name, Settings.model_fields[name], variables=variables)(command)
        return command

    return decorate


def _option(name: str, field: FieldInfo, *, variables: bool) -> Callable[[Any], Any]:
    flag = "--" + name.replace("_", "-")
    text = " ".join((field.description or "").split()).replace("`", "")
    variable = PREFIX + name.upper()
    shared: dict[str, Any] = {
        "envvar": variable if variables else None,
        "help": f"{text}  [{variable}{_default(field)}]",
    }
    kind = _bare(field.annotation)
    if kind is bool:
        return click.option(f"{flag}/--no-{flag[2:]}", name, default=None, **shared)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return click.option(flag, name, metavar=f"[{'|'.join(each.value for each in kind)}]", **shared)
    return click.option(flag, name, metavar="PATH" if kind is Path else "VALUE", **shared)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "; required"
    default = field.get_default()
    if default in (None, "", False, ()):
        return ""
    seconds = getattr(default, "total_seconds", None)
    shown = default.value if isinstance(default, Enum) else default if seconds is None else f"{seconds():g}s"
    return f"; {shown}"


def _bare(annotation: Any) -> Any:
    """The type without `| None`."""
    if isinstance(annotation, types.UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation
