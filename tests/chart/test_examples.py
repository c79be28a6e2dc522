"""Every example is what Kubernetes takes, what the project demands, and what the gateway starts with."""

import copy

import kubernetes_validate
import pytest

from chart.custom_resources import KINDS, is_custom, problems
from chart.rendered import EXAMPLES, Chart, example
from chart.stated_policy import findings
from gateway.identity.issuers import parse_issuers
from gateway.policy.load import parse_policy
from gateway.settings import Settings

VERSIONS = ("1.29.0", "1.31.0", "1.34.0", "1.37.0")


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", EXAMPLES)
def test_kubernetes_takes_every_manifest(name, version):
    for manifest in example(name, version=version).manifests:
        if not is_custom(manifest):
            kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_operators_take_every_custom_resource(name):
    custom = [each for each in example(name).manifests if is_custom(each)]
    assert {each["metadata"]["name"]: problems(each) for each in custom if problems(each)} == {}


def test_the_examples_together_show_every_kind_of_custom_resource():
    shown = {each["kind"] for name in EXAMPLES for each in example(name).manifests if is_custom(each)}
    assert shown == set(KINDS)


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("Certificate", lambda spec: spec.update(dnsName=["jobs"]), "dnsName"),
        ("Certificate", lambda spec: spec.pop("issuerRef"), "issuerRef"),
        ("Certificate", lambda spec: spec["privateKey"].update(algorithm="DSA"), "DSA"),
        ("PodMonitor", lambda spec: spec["podMetricsEndpoints"][0].update(interval=30), "interval"),
        ("PodMonitor", lambda spec: spec.pop("selector"), "selector"),
        ("PrometheusRule", lambda spec: spec["groups"][0].update(interval="soon"), "soon"),
        ("PrometheusRule", lambda spec: spec["groups"][1]["rules"][0].pop("expr"), "expr"),
    ],
)
def test_what_an_operator_would_not_take_is_found(kind, change, said):
    manifest = copy.deepcopy(example("production").one(kind))
    change(manifest["spec"])
    assert any(said in problem for problem in problems(manifest))


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_pod_keeps_to_the_stated_policy(name):
    assert findings(example(name).manifests) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_gateway_starts_with_these_settings_and_never_insecure(name):
    settings = Settings.read(example(name).environment())
    assert not settings.insecure
    assert settings.evaluation == (name == "evaluation")


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_gateway_reads_the_policy_and_the_issuers(name):
    texts = {key: text for each in example(name).all("ConfigMap") for key, text in each["data"].items()}
    assert parse_issuers(texts["issuers.yaml"])
    if "policy.yaml" in texts:
        assert parse_policy(texts["policy.yaml"]).teams


@pytest.mark.parametrize("name", EXAMPLES)
def test_names_are_one_installations_own(name):
    chart = example(name)
    named = [(each["kind"], each["metadata"]["name"]) for each in chart.manifests]
    assert len(named) == len(set(named))
    assert all(name.startswith("batch-jobs-gateway") for _, name in named)


def mounted(chart: Chart) -> dict[str, str]:
    return {each["mountPath"]: each["name"] for each in chart.pod()["containers"][0]["volumeMounts"]}


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_file_that_a_setting_names_is_mounted(name):
    chart = example(name)
    settings = Settings.read(chart.environment())
    files = (
        settings.policy,
        settings.tls_certificate,
        settings.tls_key,
        settings.tls_client_ca,
        settings.issuers,
        settings.database_password_file,
    )
    for file in filter(None, files):
        volume = next(each for each in chart.pod()["volumes"] if each["name"] == mounted(chart)[str(file.parent)])
        kept = volume.get("configMap") or volume.get("secret")
        paths = {item["path"] for item in kept.get("items", [])} or {file.name}
        assert file.name in paths


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_replica_has_memory_for_every_watch_that_it_takes(name):
    """As measured, docs/operate.md: what a leader with a core full of calls holds, and what each watch adds."""
    chart = example(name)
    limit = chart.pod()["containers"][0]["resources"]["limits"]["memory"]
    assert limit.endswith("Mi")
    held = 190_000_000 + 33_000 * Settings.read(chart.environment()).watches
    assert int(limit.removesuffix("Mi")) * 2**20 > held * 1.25
