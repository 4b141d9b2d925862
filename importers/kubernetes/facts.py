"""What one manifest says, before it is known what the other manifests say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from cmdb.reconciliation.claims import Raw, Where

CLASS_OF: Final[Mapping[str, str]] = {
    "Deployment": "Deployment",
    "StatefulSet": "StatefulSet",
    "DaemonSet": "DaemonSet",
    "ReplicaSet": "ReplicaSet",
    "ReplicationController": "ReplicaSet",
    "Pod": "Pod",
    "Job": "Job",
    "CronJob": "CronJob",
    "Service": "KubernetesService",
    "Ingress": "Ingress",
    "Gateway": "Ingress",
    "VirtualService": "Ingress",
    "HTTPRoute": "Ingress",
    "ConfigMap": "ConfigMap",
    "Secret": "SecretReference",
    "ServiceAccount": "ServiceAccount",
    "PersistentVolumeClaim": "VolumeClaim",
    "PersistentVolume": "Volume",
    "Namespace": "Namespace",
    "NetworkPolicy": "NetworkPolicy",
    "Image": "ContainerImage",
}
"""The class of each kind that is read; `Image` is ours, for the images that containers name."""

WORKLOADS: Final = frozenset(
    {"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Pod", "Job", "CronJob"}
)
WITHOUT_NAMESPACE: Final = frozenset({"Namespace", "PersistentVolume", "Image"})
DEFAULT_NAMESPACE: Final = "default"


@dataclass(frozen=True, slots=True)
class Ref:
    """A thing by kind, namespace and name."""

    kind: str
    namespace: str
    name: str

    @property
    def key(self) -> str:
        """The source key: `Deployment:shop/web`, `Namespace:shop`, `image:redis:7`."""
        if self.kind == "Image":
            return f"image:{self.name}"
        return (
            f"{self.kind}:{self.name}"
            if self.kind in WITHOUT_NAMESPACE
            else f"{self.kind}:{self.namespace}/{self.name}"
        )


@dataclass(frozen=True, slots=True)
class Link:
    """A relationship from the thing that a manifest describes to another one."""

    type: str
    target: Ref
    where: Where
    attributes: dict[str, Raw] = field(default_factory=dict[str, Raw])


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable with its value, which is looked at for addresses and then forgotten."""

    name: str
    value: str
    where: Where


@dataclass(slots=True)
class Thing:
    """One described thing.

    `labels` are those of a workload's pods, `selector` picks the pods of a service or policy, `entrances` are the
    gateways that lead to a route.
    """

    ref: Ref
    where: Where
    attributes: dict[str, Raw] = field(default_factory=dict[str, Raw])
    links: list[Link] = field(default_factory=list[Link])
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    selector: Mapping[str, str] = field(default_factory=dict[str, str])
    variables: list[Variable] = field(default_factory=list[Variable])
    entrances: list[tuple[Ref, Where]] = field(default_factory=list[tuple[Ref, Where]])

    def link(self, kind: str, target: Ref, where: Where, attributes: dict[str, Raw] | None = None) -> None:
        """Adds a relationship, once per type and target."""
        if all((known.type, known.target) != (kind, target) for known in self.links):
            self.links.append(Link(kind, target, where, attributes or {}))


def selects(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether pods with these labels are picked; an empty selector picks none."""
    return bool(selector) and all(labels.get(name) == value for name, value in selector.items())


def by_label(things: list[Thing]) -> dict[tuple[str, str, str], list[Thing]]:
    """The workloads by namespace, label and value, so that a selector is resolved in O(those that match)."""
    found: dict[tuple[str, str, str], list[Thing]] = {}
    for thing in things:
        for name, value in thing.labels.items():
            found.setdefault((thing.ref.namespace, name, value), []).append(thing)
    return found


def selected(thing: Thing, index: Mapping[tuple[str, str, str], list[Thing]]) -> Iterator[Thing]:
    """The workloads that the selector of `thing` picks in its namespace."""
    if not thing.selector:
        return
    candidates = [index.get((thing.ref.namespace, *label), []) for label in thing.selector.items()]
    yield from (workload for workload in min(candidates, key=len) if selects(thing.selector, workload.labels))
