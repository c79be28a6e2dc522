"""What the pages for operators have them type fits what the chart makes."""

import re
import shlex

import pytest
import yaml

from chart.rendered import EXAMPLES, ROOT, example, render, templates
from gateway.settings import Settings

PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "runbooks").glob("*.md")]
BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
INLINE = re.compile(r"`((?:kubectl|helm) [^`]+)`")
SEPARATOR = re.compile(r"\s(?:\|\|?|&&|;)\s|\n")
KINDS = {
    "deployment": "Deployment",
    "job": "Job",
    "service": "Service",
    "secret": "Secret",
    "horizontalpodautoscaler": "HorizontalPodAutoscaler",
    "certificate": "Certificate",
}
OWN = "batch-jobs-gateway"
NAMED = re.compile(rf"\b({'|'.join(KINDS)})[/ ](?:generic |tls )?({OWN}[\w-]*|\$DEPLOYMENT)")
SELECTORS = re.compile(r"(?:--selector[ =]|SELECTOR=)([\w./=,-]+)")
OF_NO_NAMESPACE = ("kubectl get --raw", "kubectl create namespace", "kubectl label namespace")


def commands() -> list[str]:
    """Every command of `kubectl` and `helm` that stands in a block, or in a sentence and names an object."""
    texts = [text for page in PAGES for text in page.read_text().split("<!--")]
    found = [block.replace("\\\n", " ") for text in texts for block in BLOCK.findall(text)]
    found += [command for text in texts for command in INLINE.findall(text) if NAMED.search(command)]
    lines = (line.strip() for block in found for line in SEPARATOR.split(block))
    return sorted({" ".join(line.split()) for line in lines if line.startswith(("kubectl ", "helm "))})


COMMANDS = commands()


def made() -> set[tuple[str, str]]:
    """What the chart makes, and has others make, in any of the examples."""
    everything = [each for name in EXAMPLES for each in example(name).manifests]
    own = {(each["kind"], each["metadata"]["name"]) for each in everything}
    signed = {("Secret", each["spec"]["secretName"]) for each in everything if each["kind"] == "Certificate"}
    return own | signed


def test_there_are_commands_to_look_at():
    assert len(COMMANDS) > 40
    assert [each for each in COMMANDS if NAMED.search(each)]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_which_namespace_it_is_about(command):
    about_one = {"-n", "--namespace"} & set(shlex.split(command, comments=True))
    assert about_one or command.startswith(OF_NO_NAMESPACE)


def test_every_object_that_a_command_names_is_one_that_the_chart_makes():
    deployment = example("production").one("Deployment", "gateway")["metadata"]["name"]
    named = {
        (KINDS[kind], deployment if name == "$DEPLOYMENT" else name)
        for command in COMMANDS
        for kind, name in NAMED.findall(command)
    }
    assert {kind for kind, _ in named} >= {"Deployment", "Job", "Service", "Secret", "HorizontalPodAutoscaler"}
    assert named <= made()


def test_every_selector_finds_the_gateways_pods_and_no_others():
    texts = "\n".join(page.read_text() for page in PAGES)
    selectors = {*SELECTORS.findall(texts)}
    assert selectors
    labels = [template["metadata"]["labels"] for _, template in templates(example("evaluation").manifests)]
    ours = [each for each in labels if each["app.kubernetes.io/component"] == "gateway"]
    assert 0 < len(ours) < len(labels)
    for selector in selectors:
        wanted = dict(each.split("=", 1) for each in selector.split(","))
        assert [each for each in labels if wanted.items() <= each.items()] == ours, selector


def test_the_runbooks_name_the_deployment_and_the_namespace_of_the_installation_page():
    readme = (ROOT / "docs" / "runbooks" / "README.md").read_text()
    exported = dict(re.findall(r"\b([A-Z]+)=(\S+)", re.search(r"export (NAMESPACE=.*)", readme)[1]))
    assert exported["DEPLOYMENT"] == example("production").one("Deployment", "gateway")["metadata"]["name"]
    assert f"NAMESPACE={exported['NAMESPACE']}" in (ROOT / "docs" / "install.md").read_text()


def test_the_values_that_the_page_about_traces_shows_turn_them_on_and_let_them_out():
    (text,) = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "traces.md").read_text(), re.DOTALL)
    chart = render(**yaml.safe_load(text))
    assert Settings.read(chart.environment()).traces_endpoint == "http://collector.observability.svc:4317"
    ports = [port["port"] for rule in chart.all("NetworkPolicy")[0]["spec"]["egress"] for port in rule["ports"]]
    assert 4317 in ports
