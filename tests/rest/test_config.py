"""`gateway rest-config`: the files that it writes, and the fronts that it will not make."""

from pathlib import Path

import yaml
from click.testing import CliRunner
from google.protobuf import descriptor_pb2

from gateway.api.rest.parameters import in_paths, in_queries
from gateway.api.rest.twins import batch_jobs_twin, rest_twins
from gateway.cli.main import main

SECURE = ("--listen=0.0.0.0:8473", "--certificate=/tls/tls.crt", "--key=/tls/tls.key", "--gateway=gateway:8470")


def run(out: Path, *options: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["rest-config", f"--out={out}", "--no-vertex-api", *options])
    return done.exit_code, done.output


def test_a_front_that_would_show_tokens_to_others_is_refused(tmp_path: Path) -> None:
    for options, named in (
        (("--listen=0.0.0.0:8473",), "--certificate"),
        (("--certificate=/tls/tls.crt",), "--key"),
        (SECURE, "--gateway-ca"),
        ((*SECURE, "--plaintext"), "--plaintext"),
        (("--listen=somewhere",), "--listen"),
        (("--gateway=somewhere",), "--gateway"),
    ):
        code, said = run(tmp_path, *options)
        assert (code, named in said, list(tmp_path.iterdir())) == (2, True, []), options


def test_everything_that_the_configuration_names_is_written_where_envoy_looks(tmp_path: Path) -> None:
    assert run(tmp_path, *SECURE, "--gateway-ca=/ca/ca.crt", "--gateway-name=gateway", "--at=/rest")[0] == 0
    text = (tmp_path / "envoy.yaml").read_text()
    for name in ("descriptors.pb", "callers.yaml", "gateway.yaml"):
        assert f"/rest/{name}" in text
        assert (tmp_path / name).is_file()
    [secret] = yaml.safe_load((tmp_path / "callers.yaml").read_text())["resources"]
    assert secret["tls_certificate"]["watched_directory"] == {"path": "/tls"}


def test_the_front_shows_no_certificate_of_its_own_to_the_gateway(tmp_path: Path) -> None:
    run(tmp_path, *SECURE, "--gateway-ca=/ca/ca.crt")
    [cluster] = yaml.safe_load((tmp_path / "envoy.yaml").read_text())["static_resources"]["clusters"]
    common = cluster["transport_socket"]["typed_config"]["common_tls_context"]
    assert set(common) == {"alpn_protocols", "combined_validation_context"}


def test_the_descriptor_set_has_every_detail_that_an_error_may_carry(tmp_path: Path) -> None:
    run(tmp_path)
    read = descriptor_pb2.FileDescriptorSet.FromString((tmp_path / "descriptors.pb").read_bytes())
    messages = {f"{file.package}.{message.name}" for file in read.file for message in file.message_type}
    details = ("ErrorInfo", "BadRequest", "PreconditionFailure", "QuotaFailure", "ResourceInfo", "RetryInfo")
    assert messages.issuperset(f"google.rpc.{name}" for name in details)


def test_a_twin_has_every_unary_method_and_takes_bodies_as_they_are() -> None:
    twin = batch_jobs_twin()
    unary = {method.name for route in twin.routes for method in route.method.containing_service.methods}
    assert set(twin.service.methods_by_name) == {name for name in unary if not name.startswith("Watch")}
    for route in twin.routes:
        fields = {field.name: field for field in twin.service.methods_by_name[route.method.name].input_type.fields}
        bodies = [
            name for name, field in fields.items() if field.message_type and "HttpBody" in field.message_type.name
        ]
        assert len(bodies) == bool(route.body)


def test_a_query_may_say_what_neither_a_path_nor_a_body_says() -> None:
    twins = rest_twins(vertex_api=True)
    assert set(in_paths(twins)) == {"name", "parent"}
    assert set(in_queries(twins).values()) == {
        "filter",
        "pageSize",
        "pageToken",
        "readMask",
        "requestId",
        "validateOnly",
    }
    assert in_queries(twins)["page_size"] == "pageSize"
    for twin in twins:
        for method in twin.service.methods:
            assert not any(field.is_repeated for field in method.input_type.fields), "a parameter is taken once"
