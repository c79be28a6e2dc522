"""How a team's section lies over `defaults`: maps merge key by key, lists and single values replace."""

from typing import TypeVar

from gateway.policy.document import Section

AnySection = TypeVar("AnySection", bound=Section)


def merged(base: AnySection, over: AnySection) -> AnySection:
    """What `over` says, and where it says nothing, what `base` says."""
    said = {key: getattr(over, key) for key in over.model_fields_set}
    for key, value in said.items():
        below = getattr(base, key)
        if isinstance(value, Section) and isinstance(below, Section):
            said[key] = merged(below, value)
    return base.model_copy(update=said)
