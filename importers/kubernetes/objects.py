"""Turns one manifest into things; one function per group of kinds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from cmdb.reconciliation.claims import Raw
from cmdb.secrets import quoted
from importers.claiming import listed
from importers.kubernetes.facts import (
    CLASS_OF,
    DEFAULT_NAMESPACE,
    WITHOUT_NAMESPACE,
    WORKLOADS,
    Ref,
    Thing,
)
from importers.kubernetes.pods import claim_attributes, read_pods, volume_claims
from importers.yaml_access import Look
from importers.yaml_source import Yaml, YamlMap


def read_objects(look: Look, value: Yaml, row: int) -> Iterator[Thing]:
    """The things that a manifest, or a list of manifests, describes. What cannot be read is noted in `look`."""
    body = look.as_mapping(value, row, "the document")
    if not body:
        return
    kind = look.text(body, "kind")
    if kind is None:
        look.note(body.row, "the document has no `kind`", "check that this is a Kubernetes manifest")
    elif kind.endswith("List") and "items" in body:
        for item in look.mappings(body, "items"):
            yield from read_objects(look, item, item.row)
    elif kind not in CLASS_OF or kind == "Image":
        look.note(body.row, f"objects of kind {quoted(kind)} are not read", "nothing to do", warning=True)
    else:
        yield from _object(look, kind, body)


def _object(look: Look, kind: str, body: YamlMap) -> Iterator[Thing]:
    metadata = look.mapping(body, "metadata")
    name = look.text(metadata, "name")
    if not name:
        look.note(metadata.row, f"a {kind} without a name", "give it `metadata.name`")
        return
    namespace = look.text(metadata, "namespace")
    scope = "" if kind in WITHOUT_NAMESPACE else namespace or DEFAULT_NAMESPACE
    thing = Thing(Ref(kind, scope, name), look.where(metadata.rows["name"]))
    if kind not in WITHOUT_NAMESPACE:
        thing.attributes["namespace"] = thing.ref.namespace
        if namespace:
            thing.link("BELONGS_TO", Ref("Namespace", "", namespace), look.where(metadata.rows["namespace"]))
    spec = look.mapping(body, "spec")
    yield thing
    if kind in WORKLOADS:
        yield from _workload(look, thing, metadata, spec)
    elif kind in _READERS:
        _READERS[kind](look, thing, body, spec)


def _workload(look: Look, thing: Thing, metadata: YamlMap, spec: YamlMap) -> Iterator[Thing]:
    template = spec
    if thing.ref.kind == "CronJob":
        thing.attributes["schedule"] = look.text(spec, "schedule")
        template = look.mapping(look.mapping(spec, "jobTemplate"), "spec")
    if thing.ref.kind != "Pod":
        thing.attributes["replicas"] = look.count(spec, "replicas")
        template = look.mapping(template, "template")
        metadata, pods = look.mapping(template, "metadata"), look.mapping(template, "spec")
    else:
        pods = spec
    thing.labels = _labels(look, metadata, "labels")
    read_pods(look, thing, pods)
    yield from volume_claims(look, thing, spec)


def _service(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    del body
    thing.selector = _labels(look, spec, "selector")
    thing.attributes["service_kind"] = look.text(spec, "type") or "ClusterIP"
    ports = (
        (look.text(port, "port") or "", look.text(port, "targetPort"), look.text(port, "protocol"))
        for port in look.mappings(spec, "ports")
    )
    thing.attributes["ports"] = listed(
        dict.fromkeys(
            port + (f":{target}" if target else "") + (f"/{protocol}" if protocol else "")
            for port, target, protocol in ports
        )
    )


def _ingress(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    del body
    thing.attributes["route_kind"] = thing.ref.kind
    hosts: list[str] = []
    default = look.mapping(spec, "defaultBackend") if "defaultBackend" in spec else look.mapping(spec, "backend")
    backends = [default]
    for rule in look.mappings(spec, "rules"):
        hosts.append(look.text(rule, "host") or "")
        backends += [look.mapping(path, "backend") for path in look.mappings(look.mapping(rule, "http"), "paths")]
    for backend in backends:
        service = look.mapping(backend, "service")
        name = look.text(service, "name") or look.text(backend, "serviceName")
        if name:
            thing.link("ROUTES_TO", Ref("Service", thing.ref.namespace, name), look.where(backend.row))
    for tls in look.mappings(spec, "tls"):
        if secret := look.text(tls, "secretName"):
            ref = Ref("Secret", thing.ref.namespace, secret)
            thing.link("REFERENCES_SECRET", ref, look.where(tls.row))
    thing.attributes["hosts"] = listed(host for host in dict.fromkeys(hosts) if host)


def _gateway(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    """Gateways of Istio (`servers`) and of the Gateway API (`listeners`)."""
    del body
    thing.attributes["route_kind"] = thing.ref.kind
    servers = [host for server in look.mappings(spec, "servers") for host, _ in look.texts(server, "hosts")]
    listeners = [look.text(listener, "hostname") or "" for listener in look.mappings(spec, "listeners")]
    thing.attributes["hosts"] = listed(host for host in dict.fromkeys(servers + listeners) if host)


def _virtual_service(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    """Istio's routes: from the gateways to the services that they name."""
    del body
    thing.attributes["route_kind"] = thing.ref.kind
    thing.attributes["hosts"] = listed(dict.fromkeys(host for host, _ in look.texts(spec, "hosts")))
    for protocol in ("http", "tcp", "tls"):
        for rule in look.mappings(spec, protocol):
            for route in look.mappings(rule, "route"):
                destination = look.mapping(route, "destination")
                if host := look.text(destination, "host"):
                    _to_service(look, thing, host, destination.row)
    for name, row in look.texts(spec, "gateways"):
        if name != "mesh":
            namespace, _, short = name.rpartition("/")
            thing.entrances.append((Ref("Gateway", namespace or thing.ref.namespace, short), look.where(row)))


def _http_route(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    """Routes of the Gateway API."""
    del body
    thing.attributes["route_kind"] = thing.ref.kind
    thing.attributes["hosts"] = listed(dict.fromkeys(host for host, _ in look.texts(spec, "hostnames")))
    for rule in look.mappings(spec, "rules"):
        for backend in look.mappings(rule, "backendRefs"):
            if name := look.text(backend, "name"):
                namespace = look.text(backend, "namespace") or thing.ref.namespace
                thing.link("ROUTES_TO", Ref("Service", namespace, name), look.where(backend.row))
    for parent in look.mappings(spec, "parentRefs"):
        if (name := look.text(parent, "name")) and look.text(parent, "kind") in {None, "Gateway"}:
            namespace = look.text(parent, "namespace") or thing.ref.namespace
            thing.entrances.append((Ref("Gateway", namespace, name), look.where(parent.row)))


def _to_service(look: Look, thing: Thing, host: str, row: int) -> None:
    name, *rest = host.split(".")
    if not rest or rest[1:2] == ["svc"]:
        namespace = rest[0] if rest else thing.ref.namespace
        thing.link("ROUTES_TO", Ref("Service", namespace, name), look.where(row))


def _entries(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    """Config maps and secrets: the names of their entries and nothing else."""
    del spec
    parts = ("data", "stringData", "binaryData")
    names = {name for part in parts for name in look.mapping(body, part)}
    thing.attributes["entry_names"] = listed(sorted(names))
    if thing.ref.kind == "Secret":
        thing.attributes["secret_kind"] = look.text(body, "type")


def _volume_claim(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    del body
    thing.attributes |= claim_attributes(look, spec)
    if volume := look.text(spec, "volumeName"):
        thing.link("STORES_ON", Ref("PersistentVolume", "", volume), look.where(spec.rows["volumeName"]))


def _volume(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    del body
    driver = look.text(look.mapping(spec, "csi"), "driver")
    values: dict[str, Raw] = {"storage_class": look.text(spec, "storageClassName"), "driver": driver}
    thing.attributes |= values


def _policy(look: Look, thing: Thing, body: YamlMap, spec: YamlMap) -> None:
    del body
    thing.selector = _labels(look, look.mapping(spec, "podSelector"), "matchLabels")


def _labels(look: Look, parent: YamlMap, key: str) -> dict[str, str]:
    return {name: value for name, value in look.mapping(parent, key).items() if isinstance(value, str)}


_READERS: Final[dict[str, Callable[[Look, Thing, YamlMap, YamlMap], None]]] = {
    "Service": _service,
    "Ingress": _ingress,
    "Gateway": _gateway,
    "VirtualService": _virtual_service,
    "HTTPRoute": _http_route,
    "ConfigMap": _entries,
    "Secret": _entries,
    "PersistentVolumeClaim": _volume_claim,
    "PersistentVolume": _volume,
    "NetworkPolicy": _policy,
}
