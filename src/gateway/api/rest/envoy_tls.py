"""TLS on either side of Envoy. Certificates are read again when they change, as the gateway does with its own."""

from pathlib import PurePosixPath
from typing import Any, Final

from gateway.api.rest.front import TYPE, Config, Front, extension

CALLERS: Final = "callers"
GATEWAY: Final = "gateway"

_KIND: Final = "transport_sockets.tls.v3"


def to_callers(front: Front) -> Config:
    """The side that callers see."""
    secrets = [_from_file(front, CALLERS)]
    common = {"alpn_protocols": ["h2", "http/1.1"], "tls_certificate_sds_secret_configs": secrets}
    return extension("transport_sockets.tls", f"{_KIND}.DownstreamTlsContext", common_tls_context=common)


def to_gateway(front: Front) -> Config:
    """The side of the gateway. Envoy shows no certificate of its own: each call has its caller's token."""
    common: Config = {"alpn_protocols": ["h2"]}
    if front.gateway_ca is not None:
        name = {"san_type": "DNS", "matcher": {"exact": front.gateway_name}}
        common["combined_validation_context"] = {
            "default_validation_context": {"match_typed_subject_alt_names": [name]},
            "validation_context_sds_secret_config": _from_file(front, GATEWAY),
        }
    return extension(
        "transport_sockets.tls", f"{_KIND}.UpstreamTlsContext", sni=front.gateway_name, common_tls_context=common
    )


def secrets(front: Front) -> dict[str, Config]:
    """By file name, what says where certificates are: Envoy reads these again when their folder changes."""
    found = {}
    if front.certificate is not None and front.key is not None:
        certificate = {
            "certificate_chain": {"filename": str(front.certificate)},
            "private_key": {"filename": str(front.key)},
            "watched_directory": {"path": str(front.certificate.parent)},
        }
        found[_file(CALLERS)] = _secret(CALLERS, tls_certificate=certificate)
    if front.gateway_tls and front.gateway_ca is not None:
        trusted = {
            "trusted_ca": {"filename": str(front.gateway_ca)},
            "watched_directory": {"path": str(front.gateway_ca.parent)},
        }
        found[_file(GATEWAY)] = _secret(GATEWAY, validation_context=trusted)
    return found


def _secret(name: str, **content: Any) -> Config:
    return {"resources": [{"@type": f"{TYPE}extensions.{_KIND}.Secret", "name": name, **content}]}


def _from_file(front: Front, name: str) -> Config:
    path: PurePosixPath = front.folder / _file(name)
    return {"name": name, "sds_config": {"path_config_source": {"path": str(path)}, "resource_api_version": "V3"}}


def _file(name: str) -> str:
    return f"{name}.yaml"
