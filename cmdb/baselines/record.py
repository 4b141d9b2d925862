"""A baseline as a value, and the record that it is kept as: written once, never edited, superseded by another at most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cmdb.baselines.scope import Scope, parse_scope
from cmdb.changeset import ChangeSet, Link, New, Operation, Put
from cmdb.errors import Invalid, NotFound
from cmdb.nodes import Node
from cmdb.reading import BASELINE, SEALED_REVISION
from cmdb.writing import Warrant
from graph_schema.values import Value

AUTHORITY: Final = Warrant("control:baseline")
"""By which authority baselines are written."""

SEALED, SUPERSEDED = "sealed", "superseded"
_HANDLE: Final = "baseline"


@dataclass(frozen=True, slots=True)
class Seal:
    """What is sealed: the scope as of a revision, its commit's hash, the content's counts and root, the model's version."""

    scope: Scope
    revision: int
    commit_hash: str
    root: str
    items: int
    relationships: int
    model_version: str


@dataclass(frozen=True, slots=True)
class Baseline:
    """A seal with its name and purpose, who recorded it and when. `node` is its record."""

    node: Node
    purpose: str
    seal: Seal
    recorded_by: str
    recorded_at: str

    @property
    def key(self) -> str:
        """The record's key."""
        return self.node.key

    @property
    def name(self) -> str:
        """The record's name."""
        return self.node.name


def baseline_of(node: Node) -> Baseline:
    """The baseline that a record says. Raises NotFound for a node that is none, Invalid for a record that was mangled."""
    if node.class_name != BASELINE:
        raise NotFound(f"{node.key} is a {node.class_name}, no baseline", remedy="see `cmdb baseline list`")
    said = node.attributes
    try:
        return Baseline(
            node=node,
            purpose=_text(said["purpose"]),
            seal=Seal(
                scope=parse_scope(_text(said["scope"])),
                revision=_number(said[SEALED_REVISION]),
                commit_hash=_text(said["commit_hash"]),
                root=_text(said["content_digest"]),
                items=_number(said["item_count"]),
                relationships=_number(said["relationship_count"]),
                model_version=_text(said["model_version"]),
            ),
            recorded_by=_text(said["recorded_by"]),
            recorded_at=_text(said["recorded_at"]),
        )
    except KeyError as error:
        raise Invalid(
            f"the record of baseline {node.key} has no {error.args[0]}",
            remedy="look whether it was altered: cmdb ledger verify",
        ) from error


def recording(
    seal: Seal,
    *,
    name: str,
    purpose: str,
    actor: str,
    time: str,
    service: int | None = None,
    supersedes: Baseline | None = None,
) -> ChangeSet:
    """The operations that record a seal; `service` is the ordinal of the service that it is of, `time` canonical."""
    put = Put(
        node=New(_HANDLE),
        class_name=BASELINE,
        name=name,
        attributes={
            "purpose": purpose,
            "scope": str(seal.scope),
            SEALED_REVISION: seal.revision,
            "commit_hash": seal.commit_hash,
            "content_digest": seal.root,
            "item_count": seal.items,
            "relationship_count": seal.relationships,
            "model_version": seal.model_version,
            "recorded_by": actor,
            "recorded_at": time,
        },
    )
    operations: list[Operation] = [put]
    if service is not None:
        operations.append(Link(type="BASELINE_OF", source=New(_HANDLE), target=service))
    if supersedes is not None:
        before = supersedes.node
        operations.append(Put(node=before.ordinal, state=SUPERSEDED, expects=before.version))
        operations.append(Link(type="SUPERSEDES", source=New(_HANDLE), target=before.ordinal))
    return ChangeSet(operations)


def created_in(created: dict[str, int]) -> int:
    """The ordinal of the record that `recording` made, from what the door says was created."""
    return created[_HANDLE]


def _text(value: Value) -> str:
    return value if isinstance(value, str) else str(value)


def _number(value: Value) -> int:
    if not isinstance(value, int):
        raise Invalid(f"{value!r} is no number", remedy="look whether the record was altered: cmdb ledger verify")
    return value
