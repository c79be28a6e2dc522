"""The files of the front, as `gateway rest-config` writes them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import yaml

from gateway.api.rest.descriptors import descriptor_set
from gateway.api.rest.envoy import DESCRIPTORS, Served, configuration
from gateway.api.rest.envoy_tls import secrets
from gateway.api.rest.front import Config, Front
from gateway.api.rest.parameters import in_paths, in_queries
from gateway.api.rest.routes import prefixes
from gateway.api.rest.twin import Twin

BOOTSTRAP: Final = "envoy.yaml"
"""What Envoy is started with."""


def front_files(front: Front, twins: Sequence[Twin]) -> Mapping[str, bytes]:
    """By name, all that Envoy needs to serve these twins, excepting certificates and keys."""
    routes = [route for twin in twins for route in twin.routes]
    served = Served([twin.service.full_name for twin in twins], prefixes(routes), in_queries(twins), in_paths(twins))
    files = {BOOTSTRAP: _yaml(configuration(front, served))}
    files[DESCRIPTORS] = descriptor_set(twin.service.file for twin in twins)
    return files | {name: _yaml(secret) for name, secret in secrets(front).items()}


def write_front(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write them into the folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice, and texts of several lines as they read."""

    def ignore_aliases(self, _data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Plain.add_representer(str, _text)


def _yaml(config: Config) -> bytes:
    return yaml.dump(config, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120).encode()
