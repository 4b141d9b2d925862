"""Kubernetes manifests: workloads, services and routes, and what they need from each other.

A thing's node has the name of the manifest; its source key is `Kind:namespace/name` (`Deployment:shop/web`,
`Namespace:shop`), an image's `image:reference`. What is referred to but not described is claimed by its name alone.
Of secrets and variables only names are kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Item, Progress, Raw, RowError
from cmdb.secrets import quoted
from graph_schema.metamodel import Model
from importers.claiming import Claims
from importers.kubernetes.addresses import services_in
from importers.kubernetes.facts import CLASS_OF, WITHOUT_NAMESPACE, WORKLOADS, Link, Ref, Thing, by_label, selected
from importers.kubernetes.objects import read_objects
from importers.text import head_of, progress_of
from importers.yaml_access import Look
from importers.yaml_source import documents


@dataclass(frozen=True)
class Kubernetes:
    """Importer of manifests, several documents and lists included. `cluster` is where they are applied, if known."""

    cluster: str = ""

    @property
    def name(self) -> str:
        """The word on the command line."""
        return "kubernetes"

    def recognises(self, path: Path) -> bool:
        """By the cluster's own `apiVersion`, and `kind`, in the first lines of a YAML or JSON file."""
        if path.suffix not in {".yml", ".yaml", ".json"} or not path.is_file():
            return False
        head = head_of(path)
        return _API_VERSION.search(head) is not None and _KIND.search(head) is not None

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims of all files together, because one manifest selects and names what stands in another.

        Memory is O(things described), whatever the size of the files.
        """
        note = progress_of(list(paths), progress)
        things: dict[Ref, Thing] = {}
        unread: set[str] = set()
        for path in paths:
            for document in documents(path, note):
                if isinstance(document, RowError):
                    yield document
                    continue
                look = Look(str(path))
                for thing in read_objects(look, document.value, document.row):
                    yield from _keep(thing, things)
                yield from _once(look.errors(), unread)
        yield from self._claims(things, Claims(model))

    def _claims(self, things: dict[Ref, Thing], claims: Claims) -> Iterator[Item]:
        workloads = by_label([thing for thing in things.values() if thing.ref.kind in WORKLOADS])
        described = frozenset(things)
        for thing in list(things.values()):
            _add_selected(thing, workloads)
        for thing in list(things.values()):
            _add_called(thing, described, things)
            yield from _add_entrances(thing, things)
        if self.cluster and things:
            where = next(iter(things.values())).where
            yield from claims.node(where, "OrchestratorCluster", self._cluster_key, self.cluster, {})
        for thing in list(things.values()):
            yield from self._node(thing, claims)
            for link in thing.links:
                if link.target not in things:
                    bare = Thing(link.target, link.where)
                    things[link.target] = bare
                    yield from _undescribed(bare)
                    yield from self._node(bare, claims)
        for thing in things.values():
            for link in thing.links:
                yield from _relationship(thing, link, claims)
            if self.cluster and thing.ref.kind in WORKLOADS:
                yield from claims.relationship(thing.where, "RUNS_ON", thing.ref.key, self._cluster_key)

    @property
    def _cluster_key(self) -> str:
        return f"Cluster:{self.cluster}"

    def _node(self, thing: Thing, claims: Claims) -> Iterator[Item]:
        attributes: dict[str, Raw] = dict(thing.attributes)
        if thing.ref.kind not in WITHOUT_NAMESPACE:
            attributes["namespace"] = thing.ref.namespace
        if self.cluster and thing.ref.kind != "Image":
            attributes["cluster_name"] = self.cluster
        yield from claims.node(thing.where, CLASS_OF[thing.ref.kind], thing.ref.key, thing.ref.name, attributes)


_API_VERSION: Final = re.compile(
    rb'^[\s{"-]*apiVersion"?\s*:\s*["\']?'
    rb"(?:v\d\w*|(?:apps|batch|extensions|policy|autoscaling)/v\w+|[a-z0-9.-]{0,80}(?:k8s|istio)\.io/v\w+)\b",
    re.MULTILINE,
)
_KIND: Final = re.compile(rb'(?:^|[,{])\s*(?:- )?"?kind"?\s*:', re.MULTILINE)
_USUALLY_ELSEWHERE: Final = frozenset({"Secret", "ServiceAccount", "Namespace", "Image"})


def _keep(thing: Thing, things: dict[Ref, Thing]) -> Iterator[RowError]:
    first = things.setdefault(thing.ref, thing)
    if first is not thing:
        yield RowError(
            where=thing.where,
            message=f"{thing.ref.kind} {quoted(thing.ref.name)} is described again; first in {first.where}",
            remedy="keep one of them, or import them as different sources",
        )


def _once(errors: Iterator[RowError], said: set[str]) -> Iterator[RowError]:
    """Each warning once per import: a folder has the same unread kind a hundred times."""
    for error in errors:
        if not error.warning or error.message not in said:
            said.add(error.message)
            yield error


def _add_selected(thing: Thing, workloads: dict[tuple[str, str, str], list[Thing]]) -> None:
    for workload in selected(thing, workloads):
        if thing.ref.kind == "NetworkPolicy":
            workload.link("PROTECTED_BY", thing.ref, thing.where)
        else:
            thing.link("ROUTES_TO", workload.ref, thing.where)


def _add_called(thing: Thing, described: frozenset[Ref], things: dict[Ref, Thing]) -> None:
    """A workload depends on the services its variables name, except on one that leads to itself alone."""
    for variable in thing.variables:
        for service in services_in(variable, thing.ref.namespace, described):
            if service not in things or _routes(things[service]) != {thing.ref}:
                thing.link("DEPENDS_ON", service, variable.where)


def _routes(thing: Thing) -> set[Ref]:
    return {link.target for link in thing.links if link.type == "ROUTES_TO"}


def _add_entrances(thing: Thing, things: dict[Ref, Thing]) -> Iterator[RowError]:
    for gateway, where in thing.entrances:
        if gateway not in things:
            things[gateway] = Thing(gateway, where, {"route_kind": gateway.kind})
            yield from _undescribed(things[gateway])
        things[gateway].link("ROUTES_TO", thing.ref, where)


def _undescribed(thing: Thing) -> Iterator[RowError]:
    if thing.ref.kind not in _USUALLY_ELSEWHERE:
        yield RowError(
            where=thing.where,
            message=f"{thing.ref.kind} {quoted(thing.ref.name)} is referred to, but no manifest describes it",
            remedy="import its manifest too; until then only its name is known",
            warning=True,
        )


def _relationship(thing: Thing, link: Link, claims: Claims) -> Iterator[Item]:
    yield from claims.relationship(link.where, link.type, thing.ref.key, link.target.key, "", dict(link.attributes))
