"""What becomes of relationships: which to make, to change, to end. Columns in, columns out.

A claim is compared with what the source claimed before as (source, target, type, digest of key and attributes); only what
is left on either side is read from the store. A source ends only relationships that it made and nobody else claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from cmdb.filters import Direction
from cmdb.nodes import Relationship
from cmdb.reconciliation.claims import RowError, Where
from cmdb.reconciliation.ends import Ends, Fitness, node_keys
from cmdb.reconciliation.gathering import Gathered, controlled
from cmdb.reconciliation.kept import Kept, Touched
from cmdb.reconciliation.plan import KeepLink, Links, Relink, Unlink, Words, no_links
from cmdb.reconciliation.said import SaidOfLink, attributes_of, digests, link_body, said_of_link
from cmdb.reconciliation.settling import Change, settle
from cmdb.secrets import quoted
from cmdb.store.port import Claim, ClaimKind, Store
from cmdb.writing.checking import Checks

BATCH: Final = 5_000
"""Relationships or nodes asked for at a time."""

Ints = npt.NDArray[np.int64]
T = TypeVar("T")

Natural = tuple[str, int, int, str]

_UNFIT: Final = {
    Fitness.UNKNOWN: ("which no row and no node is", "correct the reference, or add what it means", False),
    Fitness.AMBIGUOUS: ("which could be any of several nodes", "use a key like SRV-000231", False),
    Fitness.LEFT_OUT: ("whose row was left out", "see what is said about that row", True),
    Fitness.RETIRED: ("which is retired", "link another node, or take the row out of the source", True),
    Fitness.RETIRING: ("which the source no longer describes, so that it would be retired", "describe it, or drop the row", False),
}


@dataclass(slots=True)
class LinkPlan:
    """The part of a plan that is about relationships. `ending` has, by ordinal, those that end with a retired node."""

    link: Links
    relink: list[Relink] = field(default_factory=list[Relink])
    unlink: list[Unlink] = field(default_factory=list[Unlink])
    keep: list[KeepLink] = field(default_factory=list[KeepLink])
    drop: list[int] = field(default_factory=list[int])
    ending: dict[int, list[int]] = field(default_factory=dict[int, list[int]])
    messages: list[RowError] = field(default_factory=list[RowError])


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of relationships as columns of equal length."""

    source: Ints
    target: Ints
    type: Ints
    key: Ints
    body: Ints
    place: Ints
    from_slot: Ints
    to_slot: Ints

    def take(self, which: Ints | npt.NDArray[np.bool_]) -> Rows:
        """Some of the rows."""
        return Rows(
            self.source[which],
            self.target[which],
            self.type[which],
            self.key[which],
            self.body[which],
            self.place[which],
            self.from_slot[which],
            self.to_slot[which],
        )

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, slots=True, eq=False)
class Standing:
    """The kept claims whose relationships stand, as columns; `gone` are the ids of those that somebody ended."""

    id: Ints
    source: Ints
    target: Ints
    type: Ints
    gone: Ints

    def take(self, which: Ints | npt.NDArray[np.bool_]) -> Standing:
        """Some of those that stand."""
        return Standing(self.id[which], self.source[which], self.target[which], self.type[which], self.gone)


class Linker:
    """Plans the relationships of one import."""

    def __init__(
        self, store: Store, checks: Checks, source: str, gathered: Gathered, ends: Ends, retiring: Set[int]
    ) -> None:
        self._store = store
        self._checks = checks
        self._source = source
        self._gathered = gathered
        self._ends = ends
        self._words = _words_of(gathered, checks)
        self._digests: dict[tuple[int, int], bytes] = {}
        self._messages: list[RowError] = []
        _, self._digest_link = digests(checks.model)
        self._retiring = retiring

    async def plan(self, kept: Kept, touched: Touched) -> LinkPlan:
        """The plan. O(claims · log claims), with reads only for what is new, changed or gone."""
        rows, doubtful = self._distinct(self._fit(self._columns()))
        standing = await self._standing(kept)
        same_rows, same_kept = self._pairs(rows, standing, kept)
        untouched = ~np.isin(standing.id[same_kept], _ints(touched.links))
        rest = rows.take(_others(len(rows), same_rows[untouched]))
        there = await self._there(rest)
        found = LinkPlan(no_links(), messages=self._messages)
        await self._compare(rest, there, found)
        lost = standing.take(_others(len(standing.id), same_kept[untouched]))
        lost = lost.take(~np.isin(lost.id, _ints(relationship.id for relationship in there.values())))
        await self._withdraw(lost, doubtful, kept, found)
        found.drop.extend(standing.gone.tolist())
        found.link = self._links(await self._within_bounds(rest.take(_others(len(rest), _ints(there))), found.unlink))
        return found

    # -- rows of the input --------------------------------------------------------------------------------------------

    def _columns(self) -> Rows:
        """The claims as columns, with types and keys as places in the sorted tables of `words`."""
        links, gathered, words = self._gathered.links, self._gathered, self._words
        slots = len(gathered.slots)
        from_slot, to_slot = np.array(links.source, dtype=np.int64), np.array(links.target, dtype=np.int64)
        from_slot, to_slot = (np.where(slot < 0, slots - 1 - slot, slot) for slot in (from_slot, to_slot))
        types = {name: place for place, name in enumerate(words.types)}
        keys = {key: place for place, key in enumerate(words.keys)}
        recode_types = np.array([types[name] for name in gathered.types] or [0], dtype=np.int64)
        recode_keys = np.array([keys[key] for key in gathered.keys], dtype=np.int64)
        return Rows(
            source=self._ends.ordinal[from_slot],
            target=self._ends.ordinal[to_slot],
            type=recode_types[np.array(links.type, dtype=np.int64)],
            key=recode_keys[np.array(links.key, dtype=np.int64)],
            body=np.array(links.body, dtype=np.int64),
            place=np.array(links.place, dtype=np.int64),
            from_slot=from_slot,
            to_slot=to_slot,
        )

    def _fit(self, rows: Rows) -> Rows:
        """The rows whose ends can be joined like that."""
        ends, words = self._ends, self._words
        fit = (ends.fitness[rows.from_slot] == Fitness.FIT) & (ends.fitness[rows.to_slot] == Fitness.FIT)
        for row in np.flatnonzero(~fit).tolist():
            slot = next(s for s in (int(rows.from_slot[row]), int(rows.to_slot[row])) if ends.fitness[s] != Fitness.FIT)
            what, remedy, warning = _UNFIT[Fitness(int(ends.fitness[slot]))]
            self._say(rows, row, f"leads to or from {quoted(words.ends[slot])}, {what}", remedy, warning=warning)
        rows = rows.take(fit)
        from_class, to_class = ends.class_code[rows.from_slot], ends.class_code[rows.to_slot]
        table, place = self._checks.joinable(ends.classes)
        kinds = np.array([place[name] for name in words.types], dtype=np.int64)
        joined = table[kinds[rows.type], from_class, to_class]
        for row in np.flatnonzero(~joined).tolist():
            kind = self._checks.model.type_by_name[words.types[rows.type[row]]]
            self._say(
                rows,
                row,
                f"does not lead from {ends.classes[from_class[row]]} to {ends.classes[to_class[row]]}",
                "it leads " + ", ".join(f"from {e.source} to {e.target}" for e in kind.ends),
            )
        return rows.take(joined)

    def _distinct(self, rows: Rows) -> tuple[Rows, set[tuple[int, int, int]]]:
        """One row for each natural key, by (source, type, target, key); and (source, target, type) where rows disagree."""
        rows = rows.take(np.lexsort((rows.place, rows.key, rows.target, rows.type, rows.source)))
        again = np.zeros(len(rows), dtype=np.bool_)
        again[1:] = np.logical_and.reduce(
            [column[1:] == column[:-1] for column in (rows.source, rows.type, rows.target, rows.key)]
        )
        if not again.any():
            return rows, set()
        group = np.cumsum(~again) - 1
        first = np.flatnonzero(~again)
        other = again & (rows.body != rows.body[first[group]])
        differing, place = np.unique(group[other], return_index=True)
        for row in np.flatnonzero(other)[place].tolist():
            at = self._words.place(int(rows.place[first[group[row]]]))
            self._say(rows, row, f"stands at {at} already, with other attributes", "keep one of the rows")
        unsure = np.isin(group, differing)
        doubtful = set(
            zip(rows.source[unsure].tolist(), rows.target[unsure].tolist(), rows.type[unsure].tolist(), strict=True)
        )
        return rows.take(~again & ~unsure), doubtful

    def _say(self, rows: Rows, row: int, message: str, remedy: str, *, warning: bool = False) -> None:
        words = self._words
        kind = words.types[rows.type[row]]
        where = words.place(int(rows.place[row]))
        self._messages.append(RowError(where=where, message=f"{kind} {message}", remedy=remedy, warning=warning))

    # -- what the source claimed before -------------------------------------------------------------------------------

    async def _standing(self, kept: Kept) -> Standing:
        if not len(kept.links):
            return Standing(kept.links, kept.links, kept.links, kept.links, kept.links)
        _, columns = await self._store.relationship_columns(self._words.types)
        place = np.searchsorted(columns.id, kept.links)
        place[place == len(columns.id)] = 0
        stands = columns.id[place] == kept.links if len(columns.id) else np.zeros(len(place), dtype=np.bool_)
        here = place[stands]
        return Standing(
            id=kept.links[stands],
            source=columns.source[here].astype(np.int64),
            target=columns.target[here].astype(np.int64),
            type=columns.type_code[here].astype(np.int64),
            gone=kept.links[~stands],
        )

    def _pairs(self, rows: Rows, standing: Standing, kept: Kept) -> tuple[Ints, Ints]:
        """The rows, and the kept claims, that say the same."""
        code_of: dict[bytes, int] = {b"": 0}
        details = (rows.key << 32) | rows.body
        codes = np.zeros(len(rows), dtype=np.int64)
        for detail in np.unique(details).tolist():
            digest = self._digest(detail >> 32, detail & 0xFFFFFFFF)
            if digest:
                codes[details == detail] = code_of.setdefault(digest, len(code_of))
        if not len(standing.id):
            return codes[:0], codes[:0]
        kept_codes = np.zeros(len(standing.id), dtype=np.int64)
        for ident, digest in kept.link_digests.items():
            place = int(np.searchsorted(standing.id, ident))
            if place < len(standing.id) and standing.id[place] == ident:
                kept_codes[place] = code_of.get(digest, -1 - place)
        nodes = np.concatenate([(rows.source << 32) | rows.target, (standing.source << 32) | standing.target])
        rest = np.concatenate([(rows.type << 32) + codes, (standing.type << 32) + kept_codes])
        order = np.lexsort((rest, nodes))
        equal = (nodes[order][1:] == nodes[order][:-1]) & (rest[order][1:] == rest[order][:-1])
        first, second = order[:-1][equal], order[1:][equal]
        return np.minimum(first, second), np.maximum(first, second) - len(rows)

    def _digest(self, key: int, body: int) -> bytes:
        if (key, body) not in self._digests:
            words = self._words
            self._digests[key, body] = self._digest_link(words.keys[key], words.bodies[body])
        return self._digests[key, body]

    # -- what the graph has -------------------------------------------------------------------------------------------

    async def _there(self, rows: Rows) -> dict[int, Relationship]:
        """The rows whose relationship is in the graph, and it."""
        old = np.flatnonzero((rows.source < self._ends.first_new) & (rows.target < self._ends.first_new))
        busy: set[int] = set()
        for sources in _batches(np.unique(rows.source[old]).tolist()):
            busy |= (await self._store.relationship_counts(sources, Direction.OUT)).keys()
        found: dict[int, Relationship] = {}
        for batch in _batches([row for row in old.tolist() if int(rows.source[row]) in busy]):
            naturals = {self._natural(rows, row): row for row in batch}
            for relationship in await self._store.joined(list(naturals)):
                found[naturals[relationship.type, relationship.source, relationship.target, relationship.key]] = relationship
        return found

    def _natural(self, rows: Rows, row: int) -> Natural:
        words = self._words
        return words.types[rows.type[row]], int(rows.source[row]), int(rows.target[row]), words.keys[rows.key[row]]

    async def _compare(self, rows: Rows, there: Mapping[int, Relationship], plan: LinkPlan) -> None:
        """What rows make of relationships that are in the graph."""
        for batch in _batches(list(there)):
            claims = await self._store.claims_on(ClaimKind.RELATIONSHIP, [there[row].id for row in batch])
            for row in batch:
                self._compare_one(rows, row, there[row], claims.get(there[row].id, ()), plan)

    def _compare_one(
        self, rows: Rows, row: int, relationship: Relationship, claims: Sequence[tuple[str, Claim]], plan: LinkPlan
    ) -> None:
        words, known = self._words, self._checks.of_type[relationship.type]
        body = attributes_of(words.bodies[rows.body[row]])
        own, others = self._own_and_others(claims)
        made = own is not None and said_of_link(own.body).made
        before = controlled(said_of_link(own.body).attributes, known) if own is not None and made else {}
        changes, held = settle(
            self._source,
            relationship.attributes,
            controlled(body, known),
            before,
            [(name, controlled(said.attributes, known)) for name, said in others],
            self._checks.required_of_type[relationship.type],
        )
        for one in held:
            told = f"keeps {one.field} {quoted(one.value, one.field)}, which {one.by or 'the model'} "
            told += "asks for" if one.claimed is None else f"claims; here it is {quoted(one.claimed, one.field)}"
            self._say(rows, row, told, "correct one of the two", warning=True)
        keep = KeepLink(
            relationship.id, self._digest(int(rows.key[row]), int(rows.body[row])), link_body(SaidOfLink(body, made))
        )
        if changes:
            place = words.place(int(rows.place[row]))
            plan.relink.append(_relink(relationship, changes, place, "the source says so", keep, drop=False))
        elif own is None or (own.digest, own.body) != (keep.digest, keep.body):
            plan.keep.append(keep)

    def _own_and_others(self, claims: Sequence[tuple[str, Claim]]) -> tuple[Claim | None, list[tuple[str, SaidOfLink]]]:
        own = next((claim for source, claim in claims if source == self._source), None)
        others = [(source, said_of_link(claim.body)) for source, claim in claims if source != self._source]
        return own, sorted(others, key=lambda other: other[0])

    # -- what the source no longer claims -----------------------------------------------------------------------------

    async def _withdraw(
        self, lost: Standing, doubtful: set[tuple[int, int, int]], kept: Kept, plan: LinkPlan
    ) -> None:
        gathered, ends = self._gathered, self._ends
        unclear = np.isin(ends.fitness[len(gathered.slots) :], [Fitness.UNKNOWN, Fitness.AMBIGUOUS])
        if gathered.unreadable or gathered.lost_links or unclear.any():
            return
        retiring = _ints(self._retiring)
        for end in (lost.source, lost.target):
            for place in np.flatnonzero(np.isin(end, retiring)).tolist():
                plan.ending.setdefault(int(end[place]), []).append(int(lost.id[place]))
        lost = lost.take(~np.isin(lost.source, retiring) & ~np.isin(lost.target, retiring))
        for batch in _batches(list(range(len(lost.id)))):
            part = lost.take(_ints(batch))
            relationships = await self._read(part, kept)
            claims = await self._store.claims_on(ClaimKind.RELATIONSHIP, part.id.tolist())
            keys = node_keys(await self._store.nodes(sorted({*part.source.tolist(), *part.target.tolist()})))
            for relationship in relationships:
                kind = self._words.types.index(relationship.type)
                if (relationship.source, relationship.target, kind) not in doubtful:
                    self._withdraw_one(relationship, claims.get(relationship.id, ()), keys, plan)

    async def _read(self, lost: Standing, kept: Kept) -> list[Relationship]:
        """These relationships; those of whose claim only the natural key is known need no search for it."""
        types = self._words.types
        plain = [n for n, ident in enumerate(lost.id.tolist()) if ident not in kept.link_digests]
        rows = zip(lost.type.tolist(), lost.source.tolist(), lost.target.tolist(), strict=True)
        naturals = [(types[kind], source, target, "") for kind, source, target in rows]
        found = await self._store.joined([naturals[n] for n in plain])
        wanted = set(lost.id.tolist())
        sources = sorted({naturals[n][1] for n in range(len(naturals)) if int(lost.id[n]) in kept.link_digests})
        if sources:
            found = [*found, *await self._store.relationships(sources, Direction.OUT)]
        return list({r.id: r for r in found if r.id in wanted}.values())

    def _withdraw_one(
        self, relationship: Relationship, claims: Sequence[tuple[str, Claim]], keys: Mapping[int, str], plan: LinkPlan
    ) -> None:
        own, others = self._own_and_others(claims)
        said = said_of_link(own.body) if own is not None else SaidOfLink({}, made=False)
        if said.made and not others:
            plan.unlink.append(
                Unlink(
                    id=relationship.id,
                    type=relationship.type,
                    source=relationship.source,
                    target=relationship.target,
                    key=relationship.key,
                    from_node=keys.get(relationship.source, ""),
                    to_node=keys.get(relationship.target, ""),
                    reason="the source no longer has it",
                )
            )
            return
        known = self._checks.of_type[relationship.type]
        changes, _ = settle(
            self._source,
            relationship.attributes,
            {},
            controlled(said.attributes, known) if said.made else {},
            [(name, controlled(other.attributes, known)) for name, other in others],
            self._checks.required_of_type[relationship.type],
        )
        if changes:
            keep = KeepLink(relationship.id, b"", b"")
            plan.relink.append(_relink(relationship, changes, None, "the source no longer says so", keep, drop=True))
        else:
            plan.drop.append(relationship.id)

    # -- what is to be made -------------------------------------------------------------------------------------------

    async def _within_bounds(self, rows: Rows, unlinks: Sequence[Unlink]) -> Rows:
        """Without the rows that would give a node more relationships of a type than the model allows."""
        fit = np.ones(len(rows), dtype=np.bool_)
        for code, name in enumerate(self._words.types):
            kind = self._checks.model.type_by_name[name]
            for most, direction in ((kind.from_max, Direction.OUT), (kind.to_max, Direction.IN)):
                if most is not None:
                    fit &= await self._bounded(rows, code, name, most, direction, unlinks)
        return rows.take(fit)

    async def _bounded(
        self, rows: Rows, code: int, name: str, most: int, direction: Direction, unlinks: Sequence[Unlink]
    ) -> npt.NDArray[np.bool_]:
        out = direction is Direction.OUT
        fit = np.ones(len(rows), dtype=np.bool_)
        mine = np.flatnonzero(rows.type == code)
        near = (rows.source if out else rows.target)[mine]
        nodes, gained = np.unique(near, return_counts=True)
        counts: dict[int, int] = {}
        for batch in _batches([node for node in nodes.tolist() if node < self._ends.first_new]):
            counts |= await self._store.relationship_counts(batch, direction, [name])
        for unlink in unlinks:
            end = unlink.source if out else unlink.target
            if unlink.type == name and end in counts:
                counts[end] -= 1
        for node, more in zip(nodes.tolist(), gained.tolist(), strict=True):
            total = counts.get(node, 0) + more
            if total > most:
                for row in mine[near == node].tolist():
                    slot = int((rows.from_slot if out else rows.to_slot)[row])
                    way = "leave" if out else "reach"
                    told = f"is one of {total} that would {way} {quoted(self._words.ends[slot])}, at most {most} may"
                    self._say(rows, row, told, "correct the source, or unlink another one first")
                    fit[row] = False
        return fit

    def _links(self, rows: Rows) -> Links:
        details = np.unique((rows.key << 32) | rows.body).tolist()
        return Links(
            words=self._words,
            first_new=self._ends.first_new,
            source=rows.source,
            target=rows.target,
            type=rows.type,
            key=rows.key,
            body=rows.body,
            place=rows.place,
            from_slot=rows.from_slot,
            to_slot=rows.to_slot,
            digests={(d >> 32, d & 0xFFFFFFFF): self._digest(d >> 32, d & 0xFFFFFFFF) for d in details},
        )


def _words_of(gathered: Gathered, checks: Checks) -> Words:
    return Words(
        types=tuple(sorted(checks.of_type)),
        keys=tuple(sorted(gathered.keys)),
        bodies=tuple(body for body, _ in gathered.bodies),
        graphed=tuple(graphed for _, graphed in gathered.bodies),
        ends=(*gathered.slots, *gathered.known),
        files=tuple(gathered.files),
    )


def _relink(
    relationship: Relationship, changes: tuple[Change, ...], where: Where | None, reason: str, keep: KeepLink, *, drop: bool
) -> Relink:
    return Relink(
        id=relationship.id,
        type=relationship.type,
        source=relationship.source,
        target=relationship.target,
        key=relationship.key,
        changes=changes,
        where=where,
        reason=reason,
        body=keep.body,
        digest=keep.digest,
        drop=drop,
    )


def _ints(values: Iterable[int]) -> Ints:
    return np.array(sorted(values), dtype=np.int64)


def _others(count: int, places: Ints) -> npt.NDArray[np.bool_]:
    rest = np.ones(count, dtype=np.bool_)
    rest[places] = False
    return rest


def _batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]
