"""What a workload's pods need: images, variables, config maps, secrets, volumes, an account."""

from __future__ import annotations

from collections.abc import Iterator

from cmdb.reconciliation.claims import Raw
from importers.claiming import listed
from importers.kubernetes.facts import Ref, Thing, Variable
from importers.yaml_access import Look
from importers.yaml_source import YamlMap


def read_pods(look: Look, thing: Thing, spec: YamlMap) -> None:
    """Adds to `thing` what the pod specification says. O(size of the specification)."""
    containers = [*look.mappings(spec, "initContainers"), *look.mappings(spec, "containers")]
    mounts = _mount_paths(look, containers)
    for container in containers:
        _container(look, thing, container)
    for volume in look.mappings(spec, "volumes"):
        name = look.text(volume, "name") or ""
        _volume(look, thing, volume, {"mount_path": mounts.get(name)})
    for secret in look.mappings(spec, "imagePullSecrets"):
        _link(look, thing, "REFERENCES_SECRET", "Secret", secret, "name")
    account = "serviceAccountName" if "serviceAccountName" in spec else "serviceAccount"
    _link(look, thing, "USES", "ServiceAccount", spec, account)
    thing.attributes["image"] = look.text(_last(containers, spec.row), "image")
    thing.attributes["variable_names"] = listed(sorted({variable.name for variable in thing.variables}))
    thing.attributes["ports"] = listed(dict.fromkeys(_ports(look, containers)))


def volume_claims(look: Look, thing: Thing, spec: YamlMap) -> Iterator[Thing]:
    """The claims that a stateful set makes for its pods; one stands for all of its replicas."""
    for template in look.mappings(spec, "volumeClaimTemplates"):
        name = look.text(look.mapping(template, "metadata"), "name")
        if name:
            ref = Ref("PersistentVolumeClaim", thing.ref.namespace, f"{name}-{thing.ref.name}")
            thing.link("STORES_ON", ref, look.where(template.row))
            claim = Thing(ref, look.where(template.row))
            claim.attributes |= claim_attributes(look, look.mapping(template, "spec"))
            yield claim


def claim_attributes(look: Look, spec: YamlMap) -> dict[str, Raw]:
    """What a volume claim says about itself."""
    return {
        "storage_class": look.text(spec, "storageClassName"),
        "access_mode": next((mode for mode, _ in look.texts(spec, "accessModes")), None),
    }


def _container(look: Look, thing: Thing, container: YamlMap) -> None:
    image = look.text(container, "image")
    if image:
        thing.link("USES_IMAGE", Ref("Image", "", image), look.where(container.rows["image"]))
    for variable in look.mappings(container, "env"):
        name = look.text(variable, "name")
        if not name:
            look.note(variable.row, "a variable without a name", "give it a name")
            continue
        value = look.text(variable, "value") or ""
        thing.variables.append(Variable(name, value, look.where(variable.row)))
        origin = look.mapping(variable, "valueFrom")
        _link(look, thing, "REFERENCES_SECRET", "Secret", look.mapping(origin, "secretKeyRef"), "name")
        _link(look, thing, "CONFIGURED_BY", "ConfigMap", look.mapping(origin, "configMapKeyRef"), "name")
    for origin in look.mappings(container, "envFrom"):
        _link(look, thing, "REFERENCES_SECRET", "Secret", look.mapping(origin, "secretRef"), "name")
        _link(look, thing, "CONFIGURED_BY", "ConfigMap", look.mapping(origin, "configMapRef"), "name")


def _volume(look: Look, thing: Thing, volume: YamlMap, at: dict[str, Raw]) -> None:
    claim = look.mapping(volume, "persistentVolumeClaim")
    _link(look, thing, "STORES_ON", "PersistentVolumeClaim", claim, "claimName", at)
    _link(look, thing, "CONFIGURED_BY", "ConfigMap", look.mapping(volume, "configMap"), "name", at)
    _link(look, thing, "REFERENCES_SECRET", "Secret", look.mapping(volume, "secret"), "secretName", at)
    for source in look.mappings(look.mapping(volume, "projected"), "sources"):
        _link(look, thing, "CONFIGURED_BY", "ConfigMap", look.mapping(source, "configMap"), "name", at)
        _link(look, thing, "REFERENCES_SECRET", "Secret", look.mapping(source, "secret"), "name", at)


def _link(
    look: Look, thing: Thing, type_: str, kind: str, body: YamlMap, field: str, at: dict[str, Raw] | None = None
) -> None:
    name = look.text(body, field)
    if name:
        thing.link(type_, Ref(kind, thing.ref.namespace, name), look.where(body.rows[field]), at)


def _mount_paths(look: Look, containers: list[YamlMap]) -> dict[str, str | None]:
    return {
        look.text(mount, "name") or "": look.text(mount, "mountPath")
        for container in containers
        for mount in look.mappings(container, "volumeMounts")
    }


def _ports(look: Look, containers: list[YamlMap]) -> Iterator[str]:
    for container in containers:
        for port in look.mappings(container, "ports"):
            number, protocol = look.text(port, "containerPort"), look.text(port, "protocol")
            if number:
                yield f"{number}/{protocol}" if protocol else number


def _last(containers: list[YamlMap], row: int) -> YamlMap:
    """The main container: the first one that is not for initialisation cannot be told apart from its helpers."""
    return containers[-1] if containers else YamlMap(row)
