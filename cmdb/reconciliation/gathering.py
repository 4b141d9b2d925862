"""An importer's items, checked one by one and kept compactly: what a source says, and which rows made no sense.

Claims that are known already are recognised by their digest before anything about them is checked. Relationships become
columns; a node that is new or changed keeps its attributes as canonical bytes.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from cmdb.reconciliation.claims import Item, Known, NodeClaim, Raw, RelationshipClaim, RowError, Where
from cmdb.reconciliation.gathered import Gathered, NodeRow, controlled, identities
from cmdb.reconciliation.said import digests, encode
from cmdb.secrets import looks_like_secret, names_secret, quoted, suspicious
from cmdb.writing.checking import Checks, text_problems
from cmdb.writing.class_check import ClassCheck
from cmdb.writing.values import ValueCheck
from graph_schema.errors import did_you_mean
from graph_schema.values import Value

LONGEST_KEY: Final = 1024
"""Characters a source key may have."""

_NONE: Final = array("i", [0])
"""The number of no key, and of no attributes."""
_KEEP_ELSEWHERE: Final = "keep secrets in a vault, and record where, never what"


@dataclass(slots=True)
class _PlainLinks:
    """Claims about relationships of which nothing is said but that they are there."""

    types: list[str] = field(default_factory=list[str])
    sources: list[str] = field(default_factory=list[str])
    targets: list[str] = field(default_factory=list[str])
    places: list[Where] = field(default_factory=list[Where])


class Gatherer:
    """Takes items in. `same` says whether the claim with this source key and digest is known and stands as it was."""

    def __init__(self, checks: Checks, same: Callable[[str, bytes], bool]) -> None:
        self.found = Gathered()
        self._checks = checks
        self._same = same
        self._digest, _ = digests(checks.model)
        self._digests: dict[int, bytes] = {}
        self._plain_types: dict[str, int] = {}
        """Codes of the types that need no attributes."""
        self._file: tuple[str, str, int] = ("", "", -1)

    def take(self, items: Iterable[Item]) -> None:
        """Take in some items. O(items)."""
        found, plain, types = self.found, _PlainLinks(), self._plain_types
        for item in items:
            if isinstance(item, RelationshipClaim):
                source, target = item.source, item.target
                if (
                    item.type in types
                    and not (item.key or item.attributes)
                    and isinstance(source, str)
                    and isinstance(target, str)
                ):
                    plain.types.append(item.type)
                    plain.sources.append(source)
                    plain.targets.append(target)
                    plain.places.append(item.where)
                else:
                    found.claims += 1
                    self._link(item)
            elif isinstance(item, NodeClaim):
                found.claims += 1
                self._node(item)
            else:
                found.errors.append(item)
                found.unreadable |= not item.warning
        if plain.types:
            self._plain_links(plain)

    # -- nodes --------------------------------------------------------------------------------------------------------

    def _node(self, claim: NodeClaim) -> None:
        key, where = claim.source_key, claim.where
        try:
            attributes = encode(claim.attributes)
            digest = self._digest(claim.class_name, claim.name, claim.state, attributes)
        except UnicodeEncodeError:
            return self._error(where, "the row has broken Unicode", "save the file as UTF-8")
        if key != claim.name and (reason := _unfit_key(key)) is not None:
            return self._error(where, *reason)
        found = self.found
        slot = found.slots[key]
        if slot in self._digests:
            return self._twice(slot, key, digest, where)
        self._digests[slot] = digest
        found.said.add(slot)
        if self._same(key, digest):
            return None
        kind = self._checks.concrete.get(claim.class_name)
        values = kind.plain(claim.name, claim.attributes) if kind is not None else None
        if kind is None or values is None or (claim.state is not None and claim.state not in kind.states):
            row = self._row(claim, digest)
        else:
            row = _row(kind, claim, values, attributes if values == claim.attributes else encode(values), digest)
        if row is not None:
            found.rows[slot] = row
        return None

    def _twice(self, slot: int, key: str, digest: bytes, where: Where) -> None:
        if self._digests[slot] not in {digest, b""}:
            self._digests[slot] = b""
            self.found.rows.pop(slot, None)
            self._error(
                where, f"{quoted(key)} stands twice in the input, with different content", "keep one of the rows"
            )

    def _row(self, claim: NodeClaim, digest: bytes) -> NodeRow | None:
        """The row of a claim that has to be looked at closely; None, with errors noted, if it makes no sense."""
        model, where, class_name = self._checks.model, claim.where, claim.class_name
        found = model.class_by_name.get(class_name)
        if found is None or found.abstract:
            concrete = [c.name for c in model.classes if not c.abstract]
            return self._error(
                where, f"there is no class {quoted(class_name)} to make nodes of", did_you_mean(class_name, concrete)
            )
        name = self._checks.name(class_name, claim.name)
        if name.problems:
            if reason := looks_like_secret("", claim.name):
                return self._warning(where, f"a {class_name} was left out: its name {reason}", _KEEP_ELSEWHERE)
            return self._errors(where, class_name, name.problems)
        if claim.state is not None and claim.state not in model.lifecycle_of[class_name].by_name:
            states = model.lifecycle_of[class_name].by_name
            return self._error(
                where, f"a {class_name} has no state {quoted(claim.state)}", did_you_mean(claim.state, states)
            )
        checked = self._attributes(claim.attributes, self._checks.of_class[class_name], class_name, where)
        if checked is None:
            return None
        values, withheld = checked
        return _row(self._checks.concrete[class_name], claim, values, encode(values), b"" if withheld else digest)

    # -- relationships ------------------------------------------------------------------------------------------------

    def _link(self, claim: RelationshipClaim) -> None:
        found, kind = self.found, claim.type
        code = found.types.get(kind)
        if code is None:
            code = self._type(kind, claim.where)
        key = body = 0
        if code is not None and (claim.key or claim.attributes or self._checks.required_of_type[kind]):
            key, body = self._details(claim)
        if code is None or key < 0:
            found.lost_links = True
            return
        source, target = claim.source, claim.target
        slots, rows = found.slots, found.links
        rows.source.append(slots[source] if isinstance(source, str) else self._known(source))
        rows.target.append(slots[target] if isinstance(target, str) else self._known(target))
        rows.type.append(code)
        rows.key.append(key)
        rows.body.append(body)
        rows.place.append(self._place(claim.where))

    def _plain_links(self, plain: _PlainLinks) -> None:
        """Many at once of which nothing is said but that they are there."""
        number, links, count = self.found.slots.__getitem__, self.found.links, len(plain.types)
        self.found.claims += count
        links.source.extend(map(number, plain.sources))
        links.target.extend(map(number, plain.targets))
        links.type.extend(map(self._plain_types.__getitem__, plain.types))
        links.key.extend(_NONE * count)
        links.body.extend(_NONE * count)
        links.place.extend(map(self._place, plain.places))

    def _type(self, kind: str, where: Where) -> int | None:
        known = self._checks.of_type
        if kind not in known:
            return self._error(where, f"there is no relationship type {quoted(kind)}", did_you_mean(kind, known))
        code = self.found.types.setdefault(kind, len(self.found.types))
        if not self._checks.required_of_type[kind]:
            self._plain_types[kind] = code
        return code

    def _details(self, claim: RelationshipClaim) -> tuple[int, int]:
        """Indexes of key and attributes in their tables; -1 for what is not fit."""
        found = self.found
        if claim.key and suspicious(claim.key) and (reason := looks_like_secret("", claim.key)):
            self._warning(claim.where, f"a {claim.type} was left out: its key {reason}", _KEEP_ELSEWHERE)
            return -1, -1
        if claim.key and (problems := text_problems("its key", claim.key)):
            self._errors(claim.where, claim.type, problems)
            return -1, -1
        checked = self._attributes(claim.attributes, self._checks.of_type[claim.type], claim.type, claim.where)
        if checked is None:
            return -1, -1
        if missing := [name for name in self._checks.required_of_type[claim.type] if name not in checked[0]]:
            self._error(claim.where, f"{claim.type}: {', '.join(missing)} is required", "give it a value")
            return -1, -1
        key = found.keys.setdefault(claim.key, len(found.keys)) if claim.key else 0
        body, known = encode(checked[0]), self._checks.of_type[claim.type]
        graphed = controlled(checked[0], known)
        pair = (body, body if len(graphed) == len(checked[0]) else encode(graphed))
        return key, found.bodies.setdefault(pair, len(found.bodies))

    def _known(self, end: Known) -> int:
        return self.found.known.setdefault(end.reference, -1 - len(self.found.known))

    def _place(self, where: Where) -> int:
        file, sheet, code = self._file
        if where.file is not file or where.sheet is not sheet:
            code = self.found.files.setdefault((where.file, where.sheet), len(self.found.files))
            self._file = (where.file, where.sheet, code)
        return (code << 40) | where.row

    # -- values -------------------------------------------------------------------------------------------------------

    def _attributes(
        self, attributes: Mapping[str, Raw], known: Mapping[str, ValueCheck], owner: str, where: Where
    ) -> tuple[dict[str, Value], bool] | None:
        """Canonical values, and whether a secret was withheld; None, with errors noted, if a value is none."""
        values: dict[str, Value] = {}
        whole = True
        withheld = False
        for name, raw in attributes.items():
            check = known.get(name)
            if check is not None and (value := check.known(raw)) is not None:
                values[name] = value
            elif raw is None:
                pass
            elif reason := check.secret(raw) if check is not None else _secret_at(name, raw):
                withheld = True
                self._warning(where, f"{owner}: {quoted(name)} was left out: its value {reason}", _KEEP_ELSEWHERE)
            elif check is None:
                whole = False
                self._error(where, f"a {owner} has no attribute {quoted(name)}", did_you_mean(name, known))
            else:
                try:
                    values[name] = check.canonical(raw)
                except ValueError as error:
                    said = f"the value is no {check.attribute.type}" if check.attribute.sensitive else str(error)
                    whole = False
                    self._error(where, f"{owner}.{name}: {said}", "correct the value")
        return (values, withheld) if whole else None

    def _error(self, where: Where, message: str, remedy: str) -> None:
        self.found.errors.append(RowError(where=where, message=message, remedy=remedy))

    def _errors(self, where: Where, owner: str, problems: Iterable[tuple[str, str]]) -> None:
        for message, remedy in problems:
            self._error(where, f"{owner}: {message}", remedy)

    def _warning(self, where: Where, message: str, remedy: str) -> None:
        self.found.errors.append(RowError(where=where, message=message, remedy=remedy, warning=True))


def _row(kind: ClassCheck, claim: NodeClaim, values: dict[str, Value], attributes: bytes, digest: bytes) -> NodeRow:
    """A row of these canonical values, `attributes` being the same as JSON."""
    return NodeRow(
        source_key=claim.source_key,
        class_name=claim.class_name,
        name=claim.name,
        state=claim.state,
        attributes=attributes,
        graphed=attributes if kind.observed.isdisjoint(values) else encode(controlled(values, kind.attributes)),
        missing=tuple([name for name in kind.required if name not in values]),
        digest=digest,
        where=claim.where,
        rules=identities(kind.identification, claim.name, values),
    )


def _unfit_key(key: str) -> tuple[str, str] | None:
    if not key or len(key) > LONGEST_KEY:
        return f"a source key has 1 to {LONGEST_KEY} characters, this one {len(key)}", "name the thing shorter"
    if suspicious(key) and (reason := looks_like_secret("", key)):
        return f"the source key {reason}", "name the thing otherwise"
    return None


def _secret_at(name: str, raw: Raw) -> str | None:
    if isinstance(raw, list):
        return next((reason for part in raw if (reason := _secret_at(name, part))), None)
    if isinstance(raw, bool) or not (names_secret(name) or isinstance(raw, str)):
        return None
    return looks_like_secret(name, str(raw))
