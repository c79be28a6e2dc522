"""What the project demands of every pod that it brings into a cluster, and a finding for each pod that falls short."""

from collections.abc import Iterator
from typing import Any

from chart.rendered import Manifest, templates

PROBES = ("startupProbe", "livenessProbe", "readinessProbe")


def findings(manifests: list[Manifest]) -> list[str]:
    """A sentence for each thing that is wrong; empty where nothing is."""
    return [
        f"{owner['kind']} {owner['metadata']['name']}: {finding}"
        for owner, template in templates(manifests)
        for finding in _of_pod(template["spec"], runs_to_an_end=owner["kind"] == "Job")
    ]


def _of_pod(pod: Manifest, *, runs_to_an_end: bool) -> Iterator[str]:
    security = pod.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or security.get("runAsUser", 0) == 0:
        yield "the pod may run as root"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "the pod is given a token of the cluster"
    yield from (f"the pod has {each}" for each in ("hostNetwork", "hostPID", "hostIPC") if pod.get(each))
    yield from (f"volume {each['name']} is the node's" for each in pod.get("volumes", []) if "hostPath" in each)
    initial = pod.get("initContainers", [])
    for container in [*initial, *pod["containers"]]:
        ends = container in initial and container.get("restartPolicy") != "Always"
        probed = not ends and not runs_to_an_end
        yield from (f"{container['name']} {each}" for each in _of_container(container, probed=probed))


def _of_container(container: dict[str, Any], *, probed: bool) -> Iterator[str]:
    security = container.get("securityContext", {})
    if security.get("allowPrivilegeEscalation") is not False:
        yield "may gain rights"
    if security.get("readOnlyRootFilesystem") is not True:
        yield "can write its root file system"
    if security.get("capabilities") != {"drop": ["ALL"]}:
        yield "keeps capabilities"
    for kind in ("requests", "limits"):
        missing = {"cpu", "memory", "ephemeral-storage"} - set(container.get("resources", {}).get(kind, {}))
        yield from (f"has no {kind} of {each}" for each in sorted(missing))
    yield from (f"has no {each}" for each in PROBES if probed and each not in container)
    image = container["image"]
    name = image.rpartition("/")[2]
    if "@sha256:" not in image and (":" not in name or name.endswith(":latest")):
        yield f"runs {image}, which may be anything"
    yield from (f"mounts {each['name']} by subPath" for each in container.get("volumeMounts", []) if "subPath" in each)
