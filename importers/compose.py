"""Docker Compose files: services, what they depend on, their images, networks, volumes, configs and secrets.

| thing | class | name | source key |
| --- | --- | --- | --- |
| project | Stack | its `name:`, else from the file's or folder's name | `stack:shop` |
| service | ContainerService | as in the file | `service:shop/web` |
| network, volume | ContainerNetwork, Volume | as in the file | `network:shop/back`, `volume:shop/data` |
| config, secret | ConfigMap, SecretReference | as in the file | `config:shop/web`, `secret:shop/db` |
| image | ContainerImage | the reference | `image:redis:7` |

What is declared external has no project in its key. Values of variables are never kept, only their names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from cmdb.reconciliation.claims import Item, Progress, Raw, RowError, Where
from cmdb.secrets import quoted
from graph_schema.metamodel import Model
from importers.claiming import Claims, listed, suggestion
from importers.text import Note, head_of, progress_of
from importers.yaml_access import Look
from importers.yaml_source import Yaml, YamlList, YamlMap, documents


class Compose:
    """Importer of Compose files of all versions."""

    name = "compose"

    def recognises(self, path: Path) -> bool:
        """By `services:` at the start of a line, or by its name."""
        if path.suffix not in {".yml", ".yaml"} or not path.is_file():
            return False
        head = head_of(path)
        return _SERVICES.search(head) is not None or (
            _FILE_NAME.search(path.name) is not None and b"apiVersion:" not in head
        )

    def read(
        self, paths: Sequence[Path], model: Model, progress: Callable[[Progress], None] = lambda _: None
    ) -> Iterator[Item]:
        """Claims service by service. Memory is O(largest file + names)."""
        note = progress_of(list(paths), progress)
        seen: set[str] = set()
        for path in paths:
            yield from _file(path, Claims(model), seen, note)


def project_of(path: Path) -> str:
    """The project that a file belongs to when it does not say: `shop.compose.yaml` → shop, else its folder."""
    stem = _SUFFIX.sub("", path.name)
    own = "" if _FILE_NAME.match(stem) else _TAIL.sub("", stem)
    return own or path.absolute().parent.name or "compose"


_SERVICES: Final = re.compile(rb"^services\s*:", re.MULTILINE)
_FILE_NAME: Final = re.compile(r"(?:docker-)?compose\b")
_SUFFIX: Final = re.compile(r"\.ya?ml$")
_TAIL: Final = re.compile(r"[._-]?(?:docker-)?compose$")
_VARIABLE: Final = re.compile(r"\$(?:(\$)|\{[A-Za-z_]\w{0,127}:?-([^{}]{0,512})\})")
_TOP_LEVEL: Final = ("networks", "volumes", "configs", "secrets")
_CLASS_OF: Final = {
    "networks": ("network", "ContainerNetwork"),
    "volumes": ("volume", "Volume"),
    "configs": ("config", "ConfigMap"),
    "secrets": ("secret", "SecretReference"),
}
_UNREAD: Final = {
    "extends": "what the extended service says is not merged",
    "external_links": "the containers it names are outside of this project",
    "volumes_from": "the other container's volumes are not followed",
}


def _file(path: Path, claims: Claims, seen: set[str], note: Note) -> Iterator[Item]:
    for document in documents(path, note):
        if isinstance(document, RowError):
            yield document
            continue
        look = Look(str(path))
        top = look.as_mapping(document.value, document.row, "the document")
        if top:
            project = _plain(look.text(top, "name") or "") or project_of(path)
            yield from _Project(project, look, claims, seen).items(_current(top))
        yield from look.errors()


def _current(top: YamlMap) -> YamlMap:
    """The oldest format has the services at the top; this puts them where they are now."""
    if "services" in top or not all(isinstance(v, YamlMap) and ("image" in v or "build" in v) for v in top.values()):
        return top
    current = YamlMap(top.row)
    current["services"] = top
    current.rows["services"] = top.row
    return current


class _Project:
    """The claims of one project out of one file. `seen` has the keys claimed so far, of other files too."""

    def __init__(self, name: str, look: Look, claims: Claims, seen: set[str]) -> None:
        self._name = name
        self._look = look
        self._claims = claims
        self._seen = seen
        self._keys: dict[tuple[str, str], str] = {}

    def items(self, top: YamlMap) -> Iterator[Item]:
        look = self._look
        yield from self._node(look.where(top.row), "Stack", f"stack:{self._name}", self._name, {"project": self._name})
        for kind in _TOP_LEVEL:
            for name, row in look.mapping(top, kind).rows.items():
                yield from self._resource(kind, name, look.mapping(look.mapping(top, kind), name), row)
        if "include" in top:
            look.note(
                top.rows["include"],
                "`include` is not followed",
                "import the included files too",
                warning=True,
            )
        services = look.mapping(top, "services")
        if not services:
            look.note(top.row, "there are no services", "check that this is a Compose file", warning=True)
        bodies = {
            name: look.as_mapping(services[name], row, f"service {quoted(name)}") for name, row in services.rows.items()
        }
        for name, body in bodies.items():
            yield from self._service(name, body, services.rows[name])
        for name, body in bodies.items():
            yield from self._dependencies(name, body, services)
        yield from look.errors()

    def _resource(self, kind: str, name: str, body: YamlMap, row: int) -> Iterator[Item]:
        word, class_name = _CLASS_OF[kind]
        external = body.get("external")
        outside = isinstance(external, YamlMap) or external in {"true", "yes"}
        given = self._look.text(external, "name") if isinstance(external, YamlMap) else self._look.text(body, "name")
        shown = _plain(given) if given and outside else name
        key = f"{word}:{shown}" if outside else f"{word}:{self._name}/{name}"
        self._keys[kind, name] = key
        attributes: dict[str, Raw] = {} if outside else {"project": self._name}
        if kind in {"networks", "volumes"}:
            attributes["driver"] = self._look.text(body, "driver")
        yield from self._node(self._look.where(row), class_name, key, shown, attributes)

    def _service(self, name: str, body: YamlMap, row: int) -> Iterator[Item]:
        look, where, key = self._look, self._look.where(row), self._service_key(name)
        image = _plain(look.text(body, "image") or "")
        deploy = look.mapping(body, "deploy")
        again = key in self._seen
        yield from self._node(
            where,
            "ContainerService",
            key,
            name,
            {
                "project": self._name,
                "image": image,
                "replicas": look.count(deploy, "replicas") if "replicas" in deploy else look.count(body, "scale"),
                "restart_policy": _plain(look.text(body, "restart") or ""),
                "ports": listed(self._ports(body)),
                "variable_names": self._variables(body),
            },
        )
        if again:
            look.note(
                row,
                f"service {quoted(name)} is defined in another file too; only its relationships are added",
                "merge the files first: `docker compose config`",
                warning=True,
            )
        yield from self._relate(where, "BELONGS_TO", key, f"stack:{self._name}")
        if image:
            yield from self._node(where, "ContainerImage", f"image:{image}", image, {})
            yield from self._relate(where, "USES_IMAGE", key, f"image:{image}")
        for kind, relationship in (
            ("networks", "IN_NETWORK"),
            ("configs", "CONFIGURED_BY"),
            ("secrets", "REFERENCES_SECRET"),
        ):
            for used, path, at in self._mounts(body, kind):
                yield from self._use(at, relationship, key, kind, used, path)
        for used, path, at in self._volumes(body):
            yield from self._use(at, "STORES_ON", key, "volumes", used, path)
        for unread, consequence in _UNREAD.items():
            if unread in body:
                message = f"`{unread}` of service {quoted(name)} is not followed: {consequence}"
                look.note(
                    body.rows[unread],
                    message,
                    "add the relationships by hand where they matter",
                    warning=True,
                )

    def _dependencies(self, name: str, body: YamlMap, services: YamlMap) -> Iterator[Item]:
        """`depends_on` and `links`; a pair counts once however often it is named."""
        found = dict(self._look.names(body, "depends_on"))
        for link, row in self._look.texts(body, "links"):
            found.setdefault(link.partition(":")[0], row)
        for other, row in found.items():
            if other not in services:
                remedy = suggestion(other, services) or "add it, or import the file that has it together with this one"
                message = f"service {quoted(name)} depends on {quoted(other)}, which is no service of this file"
                self._look.note(row, message, remedy)
            elif other == name:
                self._look.note(row, f"service {quoted(name)} depends on itself", "take the line away")
            else:
                ends = self._service_key(name), self._service_key(other)
                yield from self._relate(self._look.where(row), "DEPENDS_ON", *ends)

    def _use(self, row: int, relationship: str, key: str, kind: str, used: str, path: str | None) -> Iterator[Item]:
        target = self._keys.get((kind, used))
        if target is None:
            if (kind, used) != ("networks", "default"):
                known = [name for word, name in self._keys if word == kind]
                message = f"{quoted(used)} is not among the `{kind}` of this file"
                self._look.note(row, message, suggestion(used, known) or f"declare it under `{kind}`")
            return
        yield from self._relate(self._look.where(row), relationship, key, target, path)

    def _relate(self, where: Where, kind: str, source: str, target: str, path: str | None = None) -> Iterator[Item]:
        """A relationship, unless it was claimed before."""
        if (pair := f"{kind} {source} {target}") not in self._seen:
            self._seen.add(pair)
            attributes: dict[str, Raw] = {"mount_path": path} if path else {}
            yield from self._claims.relationship(where, kind, source, target, "", attributes)

    def _mounts(self, body: YamlMap, kind: str) -> Iterator[tuple[str, str | None, int]]:
        """Names of networks, configs or secrets that a service uses, with the path in the container."""
        value = body.get(kind)
        if not isinstance(value, YamlList):
            yield from ((name, None, row) for name, row in self._look.names(body, kind))
            return
        for element, row in zip(value, value.rows, strict=True):
            if isinstance(element, YamlMap):
                yield self._look.text(element, "source") or "", self._look.text(element, "target"), row
            elif isinstance(element, str):
                yield element, None, row

    def _volumes(self, body: YamlMap) -> Iterator[tuple[str, str | None, int]]:
        """Named volumes only: paths of the host and anonymous volumes are nobody's configuration items."""
        volumes = self._look.listing(body, "volumes")
        for element, row in zip(volumes, volumes.rows, strict=True):
            if isinstance(element, YamlMap):
                source = self._look.text(element, "source")
                if source and self._look.text(element, "type") in {None, "volume"}:
                    yield source, self._look.text(element, "target"), row
            elif isinstance(element, str):
                source, separator, rest = _plain(element).partition(":")
                if separator and not source.startswith((".", "/", "~", "$")) and len(source) > 1:
                    yield source, rest.partition(":")[0], row

    def _ports(self, body: YamlMap) -> Iterator[str]:
        for element in self._look.listing(body, "ports"):
            if isinstance(element, YamlMap):
                ends = (self._look.text(element, "published"), self._look.text(element, "target"))
                protocol = self._look.text(element, "protocol")
                yield ":".join(end for end in ends if end) + (f"/{protocol}" if protocol else "")
            elif isinstance(element, str):
                yield _plain(element)

    def _variables(self, body: YamlMap) -> Raw:
        names = {name.partition("=")[0].strip() for name, _ in self._look.names(body, "environment")}
        return listed(sorted(names - {""}))

    def _node(self, where: Where, class_name: str, key: str, name: str, attributes: dict[str, Raw]) -> Iterator[Item]:
        if key not in self._seen:
            self._seen.add(key)
            yield from self._claims.node(where, class_name, key, name, attributes)

    def _service_key(self, name: str) -> str:
        return f"service:{self._name}/{name}"


def _plain(text: Yaml) -> str:
    """A text with `${NAME:-default}` replaced by the default; variables without one stay as they are."""
    if not isinstance(text, str):
        return ""
    return _VARIABLE.sub(lambda found: found[1] or found[2] or "", text)
