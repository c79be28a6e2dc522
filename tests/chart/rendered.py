"""The chart as helm renders it, parsed."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy"
HELM = ROOT / ".venv" / "bin" / "helm"
EXAMPLES = sorted(path.stem for path in (CHART / "examples").glob("*.yaml"))
NEWEST = "1.37.0"

Manifest = dict[str, Any]

LEAST: Mapping[str, Any] = {
    "image": {"repository": "registry.example/gateway"},
    "gateway": {"name": "test"},
    "policy": {"content": "pools: []"},
    "identity": {"tokens": {"cluster": {"enabled": True}}},
    "database": {"url": "postgresql://gateway@db/gateway"},
}
"""The least that an installation must say."""


class RefusedError(Exception):
    """What helm says against the values."""


class Chart:
    """One rendering: its manifests, in helm's order."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.manifests = manifests

    def all(self, kind: str) -> list[Manifest]:
        return [each for each in self.manifests if each["kind"] == kind]

    def one(self, kind: str, component: str | None = None) -> Manifest:
        """The only one of its kind, among those of a component where one is given."""
        found = [each for each in self.all(kind) if component in (None, component_of(each))]
        assert len(found) == 1, f"{len(found)} {kind}s: {[each['metadata']['name'] for each in found]}"
        return found[0]

    def pod(self, component: str = "gateway") -> Manifest:
        """The pod template's spec of the part of the installation."""
        found = [template["spec"] for owner, template in templates(self.manifests) if component_of(owner) == component]
        assert len(found) == 1
        return found[0]

    def environment(self) -> dict[str, str]:
        """The variables of `gateway serve`."""
        return {each["name"]: each["value"] for each in self.pod()["containers"][0]["env"]}


def component_of(manifest: Manifest) -> str:
    return str(manifest["metadata"]["labels"].get("app.kubernetes.io/component", ""))


def templates(manifests: list[Manifest]) -> Iterator[tuple[Manifest, Manifest]]:
    """Whatever makes pods, with the template that it makes them by."""
    for manifest in manifests:
        if template := manifest.get("spec", {}).get("template"):
            yield manifest, template


def render(values: Mapping[str, Any] = LEAST, *, version: str = NEWEST, **more: Any) -> Chart:
    """The chart with these values; `more` are merged over them.

    Raises:
        RefusedError: helm renders nothing.

    """
    return _render("-", json.dumps(merged(values, more)), version)


def example(name: str, *, version: str = NEWEST) -> Chart:
    """The chart with the values file of an example."""
    return _render(str(CHART / "examples" / f"{name}.yaml"), "", version)


def merged(values: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Values with others over them, map by map."""
    result = dict(values)
    for key, value in over.items():
        below = result.get(key)
        result[key] = merged(below, value) if isinstance(value, Mapping) and isinstance(below, Mapping) else value
    return result


@cache
def _render(file: str, text: str, version: str) -> Chart:
    command = [HELM, "template", "batch-jobs-gateway", CHART, "--namespace", "batchjobs", "--kube-version", version]
    done = subprocess.run([*command, "--values", file], input=text, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stderr)
    return Chart([each for each in yaml.safe_load_all(done.stdout) if each])
