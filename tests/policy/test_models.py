"""Model names: every form that a caller may write, and which patterns take them in."""

import pytest

from gateway.policy.models import (
    ModelKind,
    ModelNameError,
    allows_model,
    effective_model,
    parse_model_name,
)
from policy.samples import policy, with_team

FLASH = "publishers/google/models/gemini-2.5-flash"
TUNED = "projects/corp-ml/locations/us-central1/models/123456"
POLICY = policy(with_team("models: [flash]", extra="aliases: {flash: gemini-2.5-flash, ours: " + TUNED + "}"))


@pytest.mark.parametrize(
    "name",
    ["flash", "gemini-2.5-flash", FLASH, f"projects/corp-ml/locations/us-central1/{FLASH}"],
)
def test_every_form_of_a_publisher_model_becomes_one(name: str) -> None:
    assert effective_model(POLICY, name) == FLASH


@pytest.mark.parametrize("name", [TUNED, f"{TUNED}@2", "projects/example.com:ml/locations/us-central1/models/9"])
def test_a_tuned_model_stays_as_it_is(name: str) -> None:
    assert effective_model(POLICY, name) == name


def test_an_alias_may_stand_for_a_tuned_model() -> None:
    assert effective_model(POLICY, "ours") == TUNED


def test_the_place_in_a_name_is_told() -> None:
    parsed = parse_model_name(f"projects/corp-ml/locations/europe-west4/{FLASH}")
    assert (parsed.kind, parsed.project, parsed.location) == (ModelKind.BASE, "corp-ml", "europe-west4")
    tuned = parse_model_name(TUNED)
    assert (tuned.kind, tuned.project, tuned.location) == (ModelKind.TUNED, "corp-ml", "us-central1")
    assert parse_model_name("gemini-2.0-flash-001").project == ""


@pytest.mark.parametrize(
    "name",
    [
        "",
        " gemini",
        "gemini\n",
        "gemini-*",
        "models/gemini",
        "publishers/google/models/",
        "publishers/google/models/a/b",
        "publishers/other/models/a",
        "projects//locations/us-central1/models/1",
        "projects/p/locations/us-central1/models/1@",
        "projects/p/locations/us-central1/endpoints/1",
        "projects/p/models/1",
        "modèle",
        "a" * 501,
    ],
)
def test_anything_else_is_no_model(name: str) -> None:
    with pytest.raises(ModelNameError):
        effective_model(POLICY, name)


@pytest.mark.parametrize(
    ("pattern", "model", "expected"),
    [
        ("gemini-*", FLASH, True),
        ("gemini-2.5-*", FLASH, True),
        ("gemini-2.0-*", FLASH, False),
        ("gemini-2.5-flash", FLASH, True),
        ("gemini-2.5-flash", f"{FLASH}-lite", False),
        (FLASH, FLASH, True),
        ("publishers/google/models/gemini-*", FLASH, True),
        ("*", FLASH, True),
        ("**", TUNED, False),
        ("*", TUNED, False),
        ("123456", TUNED, False),
        ("projects/corp-ml/locations/us-central1/models/*", TUNED, True),
        ("projects/corp-ml/locations/us-central1/models/*", f"{TUNED}@2", True),
        ("projects/corp-ml/locations/*/models/*", TUNED, True),
        ("projects/corp/locations/*/models/*", TUNED, False),
        ("projects/**", FLASH, False),
    ],
)
def test_which_models_a_pattern_takes_in(pattern: str, model: str, expected: bool) -> None:
    """A pattern without a slash never takes in a tuned model, whatever its stars."""
    team = policy(with_team(f'models: ["{pattern}"]')).teams["ranking"]
    assert allows_model(team, model) is expected


def test_an_entry_that_is_an_alias_follows_the_alias() -> None:
    team = POLICY.teams["ranking"]
    assert team.models == ("gemini-2.5-flash",)
    assert allows_model(team, effective_model(POLICY, "flash"))
