"""Envoy's configuration: JSON over HTTP on one side, gRPC to the gateway on the other, the transcoder between them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Final

from gateway.api.rest.envoy_tls import to_callers, to_gateway
from gateway.api.rest.front import TYPE, Config, Front, extension, socket_address
from gateway.api.rest.own_replies import own_replies

DESCRIPTORS: Final = "descriptors.pb"
"""The descriptor set's file beside the configuration."""

_UPSTREAM: Final = "gateway"
_ENUMS: Final = "rest-enums"
"""The header by which the filter tells the route that enums are wanted as numbers."""
_TRANSCODER: Final = "envoy.filters.http.grpc_json_transcoder"


@dataclass(frozen=True, slots=True)
class Served:
    """What is behind the front: the services of the descriptor set, what the paths begin with that lead to them, and by
    each spelling the names of what a query may say and of what a path says.
    """

    services: Sequence[str]
    prefixes: Sequence[str]
    parameters: Mapping[str, str]
    in_path: Mapping[str, str]


def configuration(front: Front, served: Served) -> Config:
    """The whole of it. Envoy's own interface for operators stays off."""
    return {
        # Envoy reads no certificate again without a name for itself.
        "node": {"id": "rest", "cluster": "batch-jobs-gateway"},
        "static_resources": {"listeners": [_listener(front, served)], "clusters": [_cluster(front)]},
    }


def _listener(front: Front, served: Served) -> Config:
    chain: Config = {"filters": [_connections(front, served)]}
    if front.certificate is not None:
        chain["transport_socket"] = to_callers(front)
    return {
        "name": "rest",
        "address": socket_address(front.listen),
        # Two processes on one port would share its calls between them unnoticed.
        "enable_reuse_port": False,
        "per_connection_buffer_limit_bytes": 4 * front.body_bytes,
        "filter_chains": [chain],
    }


def _connections(front: Front, served: Served) -> Config:
    return extension(
        "filters.network.http_connection_manager",
        "filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="rest",
        codec_type="AUTO",
        server_name="batch-jobs-gateway",
        normalize_path=True,
        path_with_escaped_slashes_action="REJECT_REQUEST",
        # The gateway itself takes 16 KiB of metadata.
        max_request_headers_kb=12,
        common_http_protocol_options={"headers_with_underscores_action": "DROP_HEADER", "idle_timeout": "300s"},
        request_headers_timeout="20s",
        request_timeout="60s",
        stream_idle_timeout="90s",
        use_remote_address=True,
        generate_request_id=False,
        http2_protocol_options={"max_concurrent_streams": 100},
        local_reply_config=own_replies(),
        access_log=[_access_log()] if front.access_log else [],
        route_config=_routes(front, served),
        http_filters=[_google(served), _transcoder(front, served), _router()],
    )


def _routes(front: Front, served: Served) -> Config:
    """By the path that the caller sent and, once the transcoder has found the method, by that."""
    integers = {_TRANSCODER: _transcoding(front, served, integers=True)}
    every: list[Config] = []
    for prefix in served.prefixes:
        wanted = {"name": _ENUMS, "string_match": {"exact": "int"}}
        every.append({"match": {"prefix": prefix, "headers": [wanted]}, "typed_per_filter_config": integers})
        every.append({"match": {"prefix": prefix}})
    every += [{"match": {"prefix": f"/{service}/"}} for service in served.services]
    routes = [{**each, "route": _to_gateway()} for each in every]
    host = {"name": "rest", "domains": ["*"], "routes": routes, "request_headers_to_remove": [_ENUMS]}
    return {"name": "rest", "virtual_hosts": [host]}


def _to_gateway() -> Config:
    """A call is repeated only where it cannot have reached the gateway."""
    again = {"retry_on": "connect-failure,refused-stream", "num_retries": 3}
    return {"cluster": _UPSTREAM, "timeout": "70s", "retry_policy": again}


def _google(served: Served) -> Config:
    tables = f"local PARAMETERS = {_lua(served.parameters)}\nlocal IN_PATH = {_lua(served.in_path)}\n"
    source = tables + resources.files("gateway.api.rest").joinpath("google.lua").read_text(encoding="utf-8")
    return extension("filters.http.lua", "filters.http.lua.v3.Lua", default_source_code={"inline_string": source})


def _lua(table: Mapping[str, str]) -> str:
    """As Lua writes it; all in it are names of fields."""
    return "{" + ", ".join(f'["{key}"] = "{value}"' for key, value in sorted(table.items())) + "}"


def _transcoder(front: Front, served: Served) -> Config:
    return {"name": _TRANSCODER, "typed_config": _transcoding(front, served, integers=False)}


def _transcoding(front: Front, served: Served, *, integers: bool) -> Config:
    return {
        "@type": f"{TYPE}extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor": str(front.folder / DESCRIPTORS),
        "services": list(served.services),
        "convert_grpc_status": True,
        # Without it `ID:other` would be taken for an id.
        "match_unregistered_custom_verb": True,
        # As forms and Python's `requests` write a blank.
        "query_param_unescape_plus": True,
        "max_request_body_size": front.body_bytes,
        "request_validation_options": {"reject_unknown_method": True, "reject_unknown_query_parameters": True},
        "print_options": {"always_print_enums_as_ints": integers},
    }


def _router() -> Config:
    return extension("filters.http.router", "filters.http.router.v3.Router", suppress_envoy_headers=True)


def _cluster(front: Front) -> Config:
    kind = "extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"@type": f"{TYPE}{kind}", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoint = {"endpoint": {"address": socket_address(front.gateway)}}
    cluster: Config = {
        "name": _UPSTREAM,
        "type": "STRICT_DNS",
        "connect_timeout": "5s",
        "typed_extension_protocol_options": {f"envoy.{kind}": http2},
        "load_assignment": {"cluster_name": _UPSTREAM, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if front.gateway_tls:
        cluster["transport_socket"] = to_gateway(front)
    return cluster


def _access_log() -> Config:
    """A line a call, without the query."""
    line = {
        "time": "%START_TIME%",
        "method": "%REQ(:METHOD)%",
        "path": "%PATH(NQ)%",
        "code": "%RESPONSE_CODE%",
        "why": "%RESPONSE_CODE_DETAILS%",
        "milliseconds": "%DURATION%",
        "peer": "%DOWNSTREAM_REMOTE_ADDRESS%",
    }
    kind = "access_loggers.stream.v3.StdoutAccessLog"
    return extension("access_loggers.stdout", kind, log_format={"json_format": line})
