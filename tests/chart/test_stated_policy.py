"""Each rule of the stated policy finds what breaks it."""

import copy

import pytest

from chart.stated_policy import findings

GOOD = {
    "kind": "Deployment",
    "metadata": {"name": "it"},
    "spec": {
        "template": {
            "spec": {
                "automountServiceAccountToken": False,
                "securityContext": {
                    "runAsNonRoot": True,
                    "runAsUser": 65532,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
                "containers": [
                    {
                        "name": "main",
                        "image": "registry.example:5000/gateway:1.0",
                        "securityContext": {
                            "allowPrivilegeEscalation": False,
                            "readOnlyRootFilesystem": True,
                            "capabilities": {"drop": ["ALL"]},
                        },
                        "resources": {
                            kind: {"cpu": "1", "memory": "1Gi", "ephemeral-storage": "1Gi"}
                            for kind in ("requests", "limits")
                        },
                        "startupProbe": {},
                        "livenessProbe": {},
                        "readinessProbe": {},
                    }
                ],
            }
        }
    },
}


def changed(change):
    manifest = copy.deepcopy(GOOD)
    pod = manifest["spec"]["template"]["spec"]
    change(pod, pod["containers"][0])
    return [manifest]


def test_a_good_pod_has_nothing_to_find():
    assert findings([GOOD]) == []


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda pod, _: pod["securityContext"].pop("runAsNonRoot"), "may run as root"),
        (lambda pod, _: pod["securityContext"].update(runAsUser=0), "may run as root"),
        (lambda pod, _: pod["securityContext"].pop("seccompProfile"), "no seccomp profile"),
        (lambda pod, _: pod.pop("automountServiceAccountToken"), "token of the cluster"),
        (lambda pod, _: pod.update(hostNetwork=True), "hostNetwork"),
        (lambda pod, _: pod.update(volumes=[{"name": "v", "hostPath": {}}]), "is the node's"),
        (lambda _, main: main["securityContext"].pop("allowPrivilegeEscalation"), "gain rights"),
        (lambda _, main: main["securityContext"].update(readOnlyRootFilesystem=False), "root file system"),
        (lambda _, main: main["securityContext"].pop("capabilities"), "keeps capabilities"),
        (lambda _, main: main["resources"]["limits"].pop("memory"), "no limits of memory"),
        (lambda _, main: main["resources"].pop("requests"), "no requests of cpu"),
        (lambda _, main: main.pop("livenessProbe"), "no livenessProbe"),
        (lambda _, main: main.update(image="registry.example:5000/gateway"), "may be anything"),
        (lambda _, main: main.update(image="gateway:latest"), "may be anything"),
        (lambda _, main: main.update(volumeMounts=[{"name": "policy", "subPath": "p"}]), "policy by subPath"),
    ],
)
def test_what_falls_short_is_found(change, finding):
    found = findings(changed(change))
    assert found
    assert all(each.startswith("Deployment it: ") for each in found)
    assert any(finding in each for each in found)


def test_what_runs_to_its_end_needs_no_probes():
    (job,) = changed(lambda _, main: [main.pop(each) for each in ("startupProbe", "livenessProbe", "readinessProbe")])
    assert findings([{**job, "kind": "Job"}]) == []
    assert findings([job])
