"""What each value of the chart does, branch by branch."""

import base64

import pytest
import yaml
from click.testing import CliRunner
from cryptography import x509

from chart.rendered import CHART, EXAMPLES, LEAST, RefusedError, example, render
from gateway.cli.main import main

BY_CERTIFICATE = {"tokens": {"enabled": False}, "mtls": {"enabled": True, "clientCa": {"secretName": "callers"}}}


def test_the_least_values_make_three_spread_replicas_that_never_fall_below_three():
    chart = render()
    spec = chart.one("Deployment")["spec"]
    assert spec["replicas"] == 3
    assert spec["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    topologies = {each["topologyKey"] for each in chart.pod()["topologySpreadConstraints"]}
    assert topologies == {"topology.kubernetes.io/zone", "kubernetes.io/hostname"}
    assert chart.one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"image": {"repository": ""}}, "image.repository is needed"),
        ({"gateway": {"name": ""}}, "gateway.name is needed"),
        ({"policy": {"content": ""}}, "policy.content or policy.existingConfigMap is needed"),
        ({"policy": {"existingConfigMap": "mine"}}, "are both set"),
        ({"database": {"url": ""}}, "database.url is needed"),
        ({"identity": {"tokens": {"enabled": False}}}, "callers prove who they are"),
        ({"identity": {"tokens": {"cluster": {"enabled": False}}}}, "whose tokens count"),
        ({"identity": {"mtls": {"enabled": True}}}, "clientCa.secretName is needed"),
        ({"tls": {"source": "certManager"}}, "issuerRef.name is needed"),
        ({"database": {"cloudSql": {"enabled": True, "image": "proxy:1"}}}, "instance is needed"),
        ({"autoscaling": {"enabled": True, "cpu": 0}}, "what to scale on"),
        ({"gateway": {"settings": {"policy": "/tmp/mine"}}}, "gateway.settings.policy is set by the chart"),
        ({"image": {"tag": "latest"}}, "image"),
        ({"database": {"cloudSql": {"image": "proxy:latest"}}}, "cloudSql"),
        ({"database": {"url": "postgresql://gateway:secret@db/gateway"}}, "url"),
        ({"replicas": 0}, "replicas"),
        ({"rest": {"enabled": True}}, "rest.image is needed"),
        ({"rest": {"enabled": True, "image": "envoy:latest"}}, "rest"),
        ({"rest": {"enabled": True, "image": "envoy:v1"}, "identity": BY_CERTIFICATE}, "rest.enabled needs"),
        ({"monitoring": {"rules": {"enabled": True}}}, "runbookBase is needed"),
        ({"monitoring": {"rules": {"runbookBase": "https://git/main"}}}, "runbookBase"),
        ({"unheard": 1}, "unheard"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(values, said):
    with pytest.raises(RefusedError, match=said):
        render(**values)


def test_a_cluster_that_is_too_old_is_refused():
    with pytest.raises(RefusedError, match="kubeVersion"):
        render(version="1.28.0")


def test_a_digest_goes_before_a_tag_and_the_chart_knows_its_own_version():
    def image(**said):
        return render(image=said).pod()["containers"][0]["image"]

    assert image() == "registry.example/gateway:0.1.0"
    assert image(tag="1.2.3") == "registry.example/gateway:1.2.3"
    assert image(tag="1.2.3", digest="sha256:" + "a" * 64) == "registry.example/gateway@sha256:" + "a" * 64


def test_probes_ask_the_plaintext_health_listener_by_what_they_are_for():
    container = render().pod()["containers"][0]
    assert container["startupProbe"]["grpc"] == container["livenessProbe"]["grpc"] == {"port": 8471, "service": "live"}
    assert container["readinessProbe"]["grpc"] == {"port": 8471, "service": "batchjobs.v1.BatchJobs"}


def test_why_a_start_has_failed_is_what_kubectl_describe_shows():
    chart = render()
    told = {each: chart.pod(each)["containers"][0]["terminationMessagePolicy"] for each in ("gateway", "migration")}
    assert set(told.values()) == {"FallbackToLogsOnError"}


def test_the_grace_period_leaves_time_for_the_whole_drain():
    chart = render(drain={"delay": 7, "grace": 40})
    assert chart.environment()["GATEWAY_DRAIN_DELAY"] == "7"
    assert chart.environment()["GATEWAY_DRAIN_GRACE"] == "40"
    assert chart.pod()["terminationGracePeriodSeconds"] > 47


def test_the_policy_is_a_folder_so_that_a_change_reaches_running_replicas():
    chart = render()
    (mount,) = [each for each in chart.pod()["containers"][0]["volumeMounts"] if each["name"] == "policy"]
    assert mount == {"name": "policy", "mountPath": "/etc/gateway/policy", "readOnly": True}
    assert chart.environment()["GATEWAY_POLICY"] == "/etc/gateway/policy/policy.yaml"


def test_another_policy_alone_restarts_nothing():
    first, second = (render(policy={"content": text}).one("Deployment") for text in ("pools: []", "teams: {}"))
    assert first == second


def test_other_issuers_roll_the_replicas_since_they_are_read_at_the_start():
    other = {"tokens": {"cluster": {"audiences": ["somebody-else"]}}}
    first, second = (each.one("Deployment")["spec"]["template"] for each in (render(), render(identity=other)))
    assert first["metadata"]["annotations"] != second["metadata"]["annotations"]


def test_a_policy_of_the_operators_own_is_mounted_and_none_is_made():
    chart = render(policy={"content": "", "existingConfigMap": "mine", "key": "rules.yaml"})
    (volume,) = [each for each in chart.pod()["volumes"] if each["name"] == "policy"]
    assert volume["configMap"] == {"name": "mine", "items": [{"key": "rules.yaml", "path": "policy.yaml"}]}
    assert [each["metadata"]["name"] for each in chart.all("ConfigMap")] == ["batch-jobs-gateway-issuers"]


def ports(chart):
    return {service["metadata"]["name"]: [each["port"] for each in service["spec"]["ports"]] for service in chart}


@pytest.mark.parametrize(("tokens", "mtls"), [(True, False), (False, True), (True, True)])
def test_each_way_in_has_its_port_and_its_settings(tokens, mtls):
    ca = {"secretName": "mesh-ca"}
    chart = render(identity={"tokens": {"enabled": tokens}, "mtls": {"enabled": mtls, "clientCa": ca}})
    wanted = [port for port, on in ((8470, tokens), (8472, mtls)) if on]
    assert ports(chart.all("Service")) == {"batch-jobs-gateway": wanted, "batch-jobs-gateway-headless": wanted}
    rules = chart.all("NetworkPolicy")[0]["spec"]["ingress"][0]["ports"]
    assert [each["port"] for each in rules] == [name for name, on in (("grpc", tokens), ("grpc-mtls", mtls)) if on]
    environment = chart.environment()
    assert bool(environment["GATEWAY_API_LISTEN"]) == ("GATEWAY_ISSUERS" in environment) == tokens
    assert ("GATEWAY_MTLS_LISTEN" in environment) == ("GATEWAY_TLS_CLIENT_CA" in environment) == mtls


def test_one_service_has_one_address_and_the_other_every_replicas():
    addresses = {each["metadata"]["name"]: each["spec"].get("clusterIP") for each in render().all("Service")}
    assert addresses == {"batch-jobs-gateway": None, "batch-jobs-gateway-headless": "None"}


def test_a_database_password_is_a_file_and_never_a_variable():
    chart = render(database={"password": {"secretName": "db", "key": "pw"}})
    for component in ("gateway", "migration"):
        pod = chart.pod(component)
        (volume,) = [each for each in pod["volumes"] if each["name"] == "database"]
        assert volume["secret"]["items"] == [{"key": "pw", "path": "password"}]
        variables = {each["name"]: each["value"] for each in pod["containers"][0]["env"]}
        assert variables["GATEWAY_DATABASE_PASSWORD_FILE"] == "/etc/gateway/database/password"
    assert "GATEWAY_DATABASE_PASSWORD_FILE" not in render().environment()


def test_cloud_sqls_proxy_outlives_the_drain_and_serves_the_migration_too():
    chart = render(database={"cloudSql": {"enabled": True, "instance": "p:r:i", "image": "proxy:1"}})
    for component in ("gateway", "migration"):
        (proxy,) = chart.pod(component)["initContainers"]
        assert proxy["restartPolicy"] == "Always"
        assert {"p:r:i", "--auto-iam-authn"} <= set(proxy["args"])
    with_password = {"enabled": True, "instance": "p:r:i", "image": "proxy:1", "iamAuthentication": False}
    (proxy,) = render(database={"cloudSql": with_password}).pod()["initContainers"]
    assert "--auto-iam-authn" not in proxy["args"]
    ports = [port["port"] for rule in chart.all("NetworkPolicy")[0]["spec"]["egress"] for port in rule["ports"]]
    assert 3307 in ports
    assert 5432 not in ports


def test_the_migration_runs_after_an_installation_and_before_an_upgrade():
    annotations = render().one("Job")["metadata"]["annotations"]
    assert annotations["helm.sh/hook"] == "post-install,pre-upgrade"
    assert not render(migration={"enabled": False}).all("Job")


def test_it_acts_as_a_google_service_account_where_one_is_named():
    account = render(serviceAccount={"googleServiceAccount": "gw@corp.iam.gserviceaccount.com"}).one("ServiceAccount")
    assert account["metadata"]["annotations"] == {"iam.gke.io/gcp-service-account": "gw@corp.iam.gserviceaccount.com"}
    assert "annotations" not in render().one("ServiceAccount")["metadata"]


@pytest.mark.parametrize(("said", "name"), [({"name": "mine"}, "mine"), ({}, "default")])
def test_a_service_account_of_the_operators_own_is_used_and_none_is_made(said, name):
    chart = render(serviceAccount={"create": False, **said})
    assert not chart.all("ServiceAccount")
    assert chart.pod()["serviceAccountName"] == chart.pod("migration")["serviceAccountName"] == name


def test_scaling_takes_the_number_of_replicas_over():
    chart = render(autoscaling={"enabled": True, "minReplicas": 2, "maxReplicas": 5, "cpu": 60, "callsInFlight": 100})
    assert "replicas" not in chart.one("Deployment")["spec"]
    spec = chart.one("HorizontalPodAutoscaler")["spec"]
    assert (spec["minReplicas"], spec["maxReplicas"]) == (2, 5)
    assert [each["type"] for each in spec["metrics"]] == ["ContainerResource", "Pods"]
    assert spec["metrics"][1]["pods"]["metric"]["name"] == "batchjobs_calls_in_flight"
    assert not render().all("HorizontalPodAutoscaler")


def test_the_network_is_open_to_the_named_callers_alone():
    callers, database = [{"podSelector": {"matchLabels": {"a": "b"}}}], [{"ipBlock": {"cidr": "10.0.0.5/32"}}]
    chart = render(networkPolicy={"callers": callers, "database": database, "databasePort": 6432})
    policy, migration = (each["spec"] for each in chart.all("NetworkPolicy"))
    assert policy["ingress"][0]["from"] == callers
    assert "ingress" not in migration
    for each in (policy, migration):
        assert each["policyTypes"] == ["Ingress", "Egress"]
        assert {"ports": [{"protocol": "TCP", "port": 6432}], "to": database} in each["egress"]
    assert not render(networkPolicy={"enabled": False}).all("NetworkPolicy")


def test_extra_ways_out_are_added():
    extra = [{"ports": [{"protocol": "TCP", "port": 4317}]}]
    assert extra[0] in render(networkPolicy={"extraEgress": extra}).all("NetworkPolicy")[0]["spec"]["egress"]


def test_cert_manager_is_asked_for_every_name_that_callers_use():
    issuer = {"issuerRef": {"name": "corp"}}
    spec = render(tls={"source": "certManager", "dnsNames": ["jobs.corp"], "certManager": issuer}).one("Certificate")[
        "spec"
    ]
    assert spec["secretName"] == "batch-jobs-gateway-tls"
    assert {"jobs.corp", "batch-jobs-gateway-headless.batchjobs.svc.cluster.local"} <= set(spec["dnsNames"])
    assert not render().all("Certificate")


def test_the_charts_own_certificate_holds_those_names_and_is_signed_by_its_ca():
    data = render(tls={"source": "chart"}).one("Secret")["data"]
    ca, certificate = (x509.load_pem_x509_certificate(base64.b64decode(data[each])) for each in ("ca.crt", "tls.crt"))
    certificate.verify_directly_issued_by(ca)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "batch-jobs-gateway-headless.batchjobs.svc.cluster.local" in names.get_values_for_type(x509.DNSName)


def test_monitoring_is_made_of_the_files_beside_the_chart():
    on = {"enabled": True}
    chart = render(monitoring={"podMonitor": on, "rules": {**on, "runbookBase": "https://git/"}, "dashboards": on})
    file = yaml.safe_load((CHART / "monitoring" / "alerts.yaml").read_text())
    groups = chart.one("PrometheusRule")["spec"]["groups"]
    assert [each["name"] for each in groups] == [each["name"] for each in file["groups"]]
    urls = [each["annotations"]["runbook_url"] for group in groups for each in group["rules"] if "alert" in each]
    assert urls
    assert all(each.startswith("https://git/docs/runbooks/") for each in urls)
    dashboards = {key for each in chart.all("ConfigMap") for key in each["data"] if key.endswith(".json")}
    assert dashboards == {path.name for path in (CHART / "monitoring" / "dashboards").glob("*.json")}
    assert chart.one("PodMonitor")["spec"]["podMetricsEndpoints"][0]["port"] == "metrics"


def test_monitoring_is_off_unless_asked_for():
    kinds = {each["kind"] for each in render().manifests}
    assert not kinds & {"PodMonitor", "PrometheusRule"}


def test_nothing_of_the_evaluation_is_in_any_other_installation():
    for name in EXAMPLES:
        chart = example(name)
        assert bool(chart.all("StatefulSet")) == ("GATEWAY_VERTEX_EMULATOR" in chart.environment())
        assert bool(chart.all("StatefulSet")) == (name == "evaluation")


def test_placement_and_labels_reach_every_pod():
    said = {"nodeSelector": {"pool": "apps"}, "tolerations": [{"operator": "Exists"}], "priorityClassName": "high"}
    chart = render(**said, imagePullSecrets=[{"name": "pull"}], affinity={"nodeAffinity": {}}, podLabels={"team": "ml"})
    for component in ("gateway", "migration"):
        pod = chart.pod(component)
        assert {key: pod[key] for key in said} == said
        assert pod["imagePullSecrets"] == [{"name": "pull"}]
    assert chart.pod()["affinity"] == {"nodeAffinity": {}}
    assert chart.one("Deployment")["spec"]["template"]["metadata"]["labels"]["team"] == "ml"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"fullnameOverride": "jobs"}, "jobs"),
        ({"nameOverride": "mesh"}, "batch-jobs-gateway-mesh"),
        ({}, "batch-jobs-gateway"),
    ],
)
def test_names_can_be_chosen(said, name):
    assert render(LEAST, **said).one("Deployment")["metadata"]["name"] == name


def test_rest_is_served_by_an_envoy_beside_the_gateway_of_the_same_version():
    chart = render(rest={"enabled": True, "image": "envoy:v1"})
    config, envoy = chart.pod()["initContainers"]
    assert (config["name"], config["image"]) == ("rest-config", chart.pod()["containers"][0]["image"])
    assert "--no-vertex-api" in config["args"]
    assert (envoy["name"], envoy["restartPolicy"]) == ("rest", "Always")
    assert {"name": "rest", "port": 443, "targetPort": 8473} in chart.all("Service")[0]["spec"]["ports"]
    assert {"protocol": "TCP", "port": 8473} in chart.all("NetworkPolicy")[0]["spec"]["ingress"][0]["ports"]
    spoken = render(rest={"enabled": True, "image": "envoy:v1"}, gateway={"settings": {"vertex_api": True}})
    assert "--no-vertex-api" not in spoken.pod()["initContainers"][0]["args"]


def test_rest_stands_behind_the_databases_proxy_and_is_not_there_unasked():
    names = [each["name"] for each in example("production").pod()["initContainers"]]
    assert names == ["cloud-sql-proxy", "rest-config", "rest"]
    assert "initContainers" not in render().pod()


def test_the_files_that_rest_is_configured_with_can_be_written(tmp_path):
    """The init container's own arguments, with its folder elsewhere."""
    arguments = render(rest={"enabled": True, "image": "envoy:v1"}).pod()["initContainers"][0]["args"]
    elsewhere = [f"--out={tmp_path}" if each == "--out=/rest" else each for each in arguments]
    assert CliRunner().invoke(main, [*elsewhere, "--at=/rest"]).exit_code == 0
    assert {each.name for each in tmp_path.iterdir()} == {"envoy.yaml", "descriptors.pb", "callers.yaml"}
