"""Makes commits by hand: effects in readable words, sealed into the next commit and applied to the reference."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from cmdb.changeset import (
    Effect,
    EstateFounded,
    Linked,
    ModelInstalled,
    NodeChanged,
    NodeCreated,
    NodeRetired,
    Patch,
    Relinked,
    Unlinked,
)
from cmdb.ledger import Commit, Header, seal
from cmdb.nodes import Attributes, node_key
from graph_schema.document import model_document
from graph_schema.metamodel import Model
from graph_schema.values import instant
from tests.reference.graph import Reference, State, applied
from tests.reference.model import MODEL

ESTATE: Final = "0123456789ab8def8123"
START: Final = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Book:
    """A reference and the effects that were done since its last commit.

    Each method does one thing to the state to come and gives the effect; `commit` seals all since the last one.
    """

    def __init__(self, model: Model = MODEL) -> None:
        self.reference = Reference()
        self.coming = State()
        """What stands after the effects so far."""
        self._effects: list[Effect] = []
        self._ordinal = self._relationship = 0
        self._numbers: dict[str, int] = {}
        self._do(EstateFounded(ESTATE))
        self.install(model)

    def _do(self, effect: Effect) -> None:
        applied(self.coming, effect, self.reference.head.revision + 1)
        self._effects.append(effect)

    def install(self, model: Model) -> None:
        """Put a model in force."""
        self._do(ModelInstalled(model_document(model).decode()))

    def node(
        self,
        class_name: str = "Server",
        name: str = "web",
        state: str | None = None,
        attributes: Attributes | None = None,
    ) -> int:
        """Create a node; its ordinal."""
        assert self.coming.model is not None
        model = self.coming.model
        code = model.class_by_name[class_name].code
        assert code is not None
        number = self._numbers[code] = self._numbers.get(code, 0) + 1
        first_state = state or model.lifecycle_of[class_name].initial[0]
        ordinal, self._ordinal = self._ordinal, self._ordinal + 1
        self._do(NodeCreated(ordinal, node_key(code, number), class_name, name, first_state, attributes or {}))
        return ordinal

    def change(
        self, ordinal: int, name: str | None = None, state: str | None = None, attributes: Patch | None = None
    ) -> None:
        """Give a node a new version."""
        node = self.coming.nodes[ordinal]
        before, after = differences(node.attributes, attributes or {})
        names = (node.name, node.name if name is None else name)
        self._do(NodeChanged(ordinal, node.version + 1, names, (node.state, state or node.state), before, after))

    def retire(self, ordinal: int, state: str = "dismantled") -> None:
        """End a node's relationships and move it to a final state."""
        for relationship in list(self.coming.relationships.values()):
            if ordinal in {relationship.source, relationship.target}:
                self.unlink(relationship.id)
        node = self.coming.nodes[ordinal]
        self._do(NodeRetired(ordinal, node.version + 1, (node.state, state)))

    def link(
        self,
        source: int,
        target: int,
        kind: str = "CONNECTED_TO",
        key: str = "",
        attributes: Attributes | None = None,
    ) -> int:
        """Create a relationship; its id."""
        ident, self._relationship = self._relationship, self._relationship + 1
        self._do(Linked(ident, kind, source, target, key, attributes or {}))
        return ident

    def relink(self, ident: int, attributes: Patch) -> None:
        """Change a relationship's attributes."""
        r = self.coming.relationships[ident]
        before, after = differences(r.attributes, attributes)
        self._do(Relinked(r.id, r.type, r.source, r.target, r.key, before, after))

    def unlink(self, ident: int) -> None:
        """End a relationship."""
        r = self.coming.relationships[ident]
        self._do(Unlinked(r.id, r.type, r.source, r.target, r.key, r.attributes))

    def commit(self, minutes: int = 1) -> Commit:
        """Seal what was done since the last commit, so many minutes after it."""
        head = self.reference.head
        last = datetime.fromisoformat(head.time) if head.time else START
        header = Header(
            revision=head.revision + 1,
            time=instant(last + timedelta(minutes=minutes)),
            actor="tester",
            authority="initialisation",
            reason="",
            previous=head.hash,
        )
        sealed = seal(header, tuple(self._effects))
        self._effects.clear()
        self.reference.commit(sealed)
        self.coming = self.reference.now.copy()
        return sealed


def differences(attributes: Attributes, patch: Patch) -> tuple[Patch, Patch]:
    """What a patch changes: before and after, only where they differ; None is absence."""
    changed = [name for name, value in patch.items() if attributes.get(name) != value]
    return {name: attributes.get(name) for name in changed}, {name: patch[name] for name in changed}
