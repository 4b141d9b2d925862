"""What all importers do with a finding before it becomes a claim: known class, proper name, no secrets."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Final

from cmdb.reconciliation.claims import ClaimEnd, Item, NodeClaim, Raw, RelationshipClaim, RowError, Where
from cmdb.secrets import looks_like_secret, quoted
from graph_schema.metamodel import Model

LONGEST_NAME: Final = 1024
"""Characters of a name or source key; longer ones are mistakes."""


class Claims:
    """Makes claims that fit a model. Everything it returns is to be yielded in order; holds O(classes) memory."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._missing: set[str] = set()

    def node(
        self,
        where: Where,
        class_name: str,
        key: str,
        name: str,
        attributes: dict[str, Raw],
        state: str | None = None,
    ) -> Iterator[Item]:
        """A claim about a node. Attributes that are None or empty are left out, secrets with a warning."""
        if error := self._unfit(where, class_name, key, name):
            yield error
            return
        kept = dict(said(attributes))
        yield from without_secrets(where, kept)
        yield NodeClaim(source_key=key, class_name=class_name, name=name, state=state, attributes=kept, where=where)

    def relationship(
        self,
        where: Where,
        kind: str,
        source: ClaimEnd,
        target: ClaimEnd,
        key: str = "",
        attributes: dict[str, Raw] | None = None,
    ) -> Iterator[Item]:
        """A claim about a relationship, treated likewise."""
        if kind not in self._model.type_by_name:
            yield from self._once(where, "relationship type", kind, self._model.type_by_name)
            return
        kept = dict(said(attributes or {}))
        yield from without_secrets(where, kept)
        yield RelationshipClaim(type=kind, source=source, target=target, key=key, attributes=kept, where=where)

    def _unfit(self, where: Where, class_name: str, key: str, name: str) -> RowError | None:
        found = self._model.class_by_name.get(class_name)
        if found is None or found.abstract:
            return next(self._once(where, "class", class_name, concrete(self._model)), None)
        if not name.strip() or not key:
            return RowError(where=where, message=f"a {class_name} without a name", remedy="give it a name")
        if len(name) > LONGEST_NAME or len(key) > LONGEST_NAME:
            message = f"the name of a {class_name} is longer than {LONGEST_NAME} characters"
            return RowError(where=where, message=message, remedy="shorten it")
        if reason := looks_like_secret("", name) or looks_like_secret("", key):
            message = f"the name of a {class_name} {reason}"
            return RowError(where=where, message=message, remedy="give it a name that is no secret")
        return None

    def _once(self, where: Where, what: str, name: str, known: Iterable[str]) -> Iterator[RowError]:
        """The first time that something is missing from the model it is an error; that says enough."""
        if name not in self._missing:
            self._missing.add(name)
            yield unknown(where, what, name, known)


def unknown(where: Where, what: str, name: str, known: Iterable[str]) -> RowError:
    """The error for a name that the model does not have, with the names that come close."""
    close = difflib.get_close_matches(name[:100], list(known), n=3, cutoff=0.6)
    remedy = f"did you mean {' or '.join(close)}?" if close else "see `cmdb model show` for the names there are"
    return RowError(where=where, message=f"the model has no {what} {quoted(name)}", remedy=remedy)


def suggestion(name: str, known: Iterable[str]) -> str:
    """A question about the known names that come close to `name`; empty when none does."""
    close = difflib.get_close_matches(name[:100], list(known)[:10_000], n=3, cutoff=0.6)
    return f"did you mean {' or '.join(quoted(found) for found in close)}?" if close else ""


def concrete(model: Model) -> list[str]:
    """The names of the classes that nodes can have."""
    return [c.name for c in model.classes if not c.abstract]


def listed(values: Iterable[str]) -> Raw:
    """Texts as the value of a list attribute."""
    return list(values)


def said(attributes: dict[str, Raw]) -> Iterator[tuple[str, Raw]]:
    """The attributes that something is said about."""
    return ((name, value) for name, value in attributes.items() if value is not None and value not in ("", []))


def without_secrets(where: Where, attributes: dict[str, Raw]) -> Iterator[RowError]:
    """Takes secrets out of `attributes`, with a warning for each that names the attribute and never the value."""
    for name, value in list(attributes.items()):
        parts = value if isinstance(value, list) else [value]
        reason = next((r for part in parts if (r := looks_like_secret(name, str(part)))), None)
        if reason is not None and not isinstance(value, bool):
            del attributes[name]
            yield RowError(
                where=where,
                message=f"{quoted(name)} was left out: its value {reason}",
                remedy="keep secrets in a vault and record where, not what",
                warning=True,
            )
