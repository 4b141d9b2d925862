"""What becomes of all relationships of an import: which to make, to change, to end. Columns in, columns out.

A claim is compared with what the source claimed before as (source, target, type, digest of key and attributes); only what
is left on either side is read from the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np

from cmdb.filters import Direction
from cmdb.nodes import Relationship
from cmdb.reconciliation.claims import RowError
from cmdb.reconciliation.ends import Ends, Fitness, node_keys
from cmdb.reconciliation.gathered import Gathered
from cmdb.reconciliation.kept import Kept, Touched
from cmdb.reconciliation.link_rows import Bools, Ints, Rows, Telling, Triple, columns_of, distinct, fit, words_of
from cmdb.reconciliation.plan import KeepLink, Links, Relink, Unlink, no_links
from cmdb.reconciliation.relationships import Others, compared_link, withdrawn_link
from cmdb.reconciliation.said import SaidOfLink, attributes_of, digests, said_of_link
from cmdb.secrets import quoted
from cmdb.store.port import Claim, ClaimKind, Store
from cmdb.writing.checking import Checks

BATCH: Final = 5_000
"""Relationships or nodes asked for at a time."""

T = TypeVar("T")
Natural = tuple[str, int, int, str]


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
class Standing:
    """The kept claims whose relationships stand, as columns; `gone` are the ids of those that somebody ended."""

    id: Ints
    source: Ints
    target: Ints
    type: Ints
    gone: Ints

    def take(self, which: Ints | Bools) -> Standing:
        """Some of those that stand."""
        return Standing(self.id[which], self.source[which], self.target[which], self.type[which], self.gone)


class Linker:
    """Plans the relationships of one import."""

    def __init__(
        self, store: Store, checks: Checks, source: str, gathered: Gathered, ends: Ends, retiring: AbstractSet[int]
    ) -> None:
        self._store = store
        self._checks = checks
        self._source = source
        self._gathered = gathered
        self._ends = ends
        self._words = words_of(gathered, checks)
        self._telling = Telling(self._words)
        self._digests: dict[tuple[int, int], bytes] = {}
        _, self._digest_link = digests(checks.model)
        self._retiring = retiring

    async def plan(self, kept: Kept, touched: Touched) -> LinkPlan:
        """The plan. O(claims · log claims), with reads only for what is new, changed or gone."""
        columns = columns_of(self._gathered, self._ends, self._words)
        rows, doubtful = distinct(fit(columns, self._ends, self._checks, self._telling), self._telling)
        standing = await self._standing(kept)
        same_rows, same_kept = self._pairs(rows, standing, kept)
        untouched = ~np.isin(standing.id[same_kept], _ints(touched.links))
        rest = rows.take(_others(len(rows), same_rows[untouched]))
        there = await self._there(rest)
        found = LinkPlan(no_links(), messages=self._telling.messages)
        await self._compare(rest, there, found)
        lost = standing.take(_others(len(standing.id), same_kept[untouched]))
        lost = lost.take(~np.isin(lost.id, _ints(relationship.id for relationship in there.values())))
        await self._withdraw(lost, doubtful, kept, found)
        found.drop.extend(standing.gone.tolist())
        found.link = self._links(await self._within_bounds(rest.take(_others(len(rest), _ints(there))), found.unlink))
        return found

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
                found[naturals[relationship.type, relationship.source, relationship.target, relationship.key]] = (
                    relationship
                )
        return found

    def _natural(self, rows: Rows, row: int) -> Natural:
        words = self._words
        return (
            words.types[int(rows.type[row])],
            int(rows.source[row]),
            int(rows.target[row]),
            words.keys[int(rows.key[row])],
        )

    async def _compare(self, rows: Rows, there: Mapping[int, Relationship], plan: LinkPlan) -> None:
        """What rows make of relationships that are in the graph."""
        words = self._words
        for batch in _batches(list(there)):
            claims = await self._store.claims_on(ClaimKind.RELATIONSHIP, [there[row].id for row in batch])
            for row in batch:
                own, others = self._own_and_others(claims.get(there[row].id, ()))
                outcome, held = compared_link(
                    self._checks,
                    self._source,
                    there[row],
                    attributes_of(words.bodies[int(rows.body[row])]),
                    self._digest(int(rows.key[row]), int(rows.body[row])),
                    words.place(int(rows.place[row])),
                    None if own is None else said_of_link(own.body),
                    others,
                )
                for one in held:
                    told = f"keeps {one.field} {quoted(one.value, one.field)}, which {one.by or 'the model'} "
                    told += (
                        "asks for" if one.claimed is None else f"claims; here it is {quoted(one.claimed, one.field)}"
                    )
                    self._telling.say(rows, row, told, "correct one of the two", warning=True)
                if isinstance(outcome, Relink):
                    plan.relink.append(outcome)
                elif own is None or (own.digest, own.body) != (outcome.digest, outcome.body):
                    plan.keep.append(outcome)

    def _own_and_others(self, claims: Sequence[tuple[str, Claim]]) -> tuple[Claim | None, Others]:
        own = next((claim for source, claim in claims if source == self._source), None)
        others = [(source, said_of_link(claim.body)) for source, claim in claims if source != self._source]
        return own, sorted(others, key=lambda other: other[0])

    # -- what the source no longer claims -----------------------------------------------------------------------------

    async def _withdraw(self, lost: Standing, doubtful: set[Triple], kept: Kept, plan: LinkPlan) -> None:
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
                if (relationship.source, relationship.target, kind) in doubtful:
                    continue
                own, others = self._own_and_others(claims.get(relationship.id, ()))
                outcome = withdrawn_link(
                    self._checks,
                    self._source,
                    relationship,
                    SaidOfLink({}, made=False) if own is None else said_of_link(own.body),
                    others,
                    keys,
                )
                match outcome:
                    case Relink():
                        plan.relink.append(outcome)
                    case Unlink():
                        plan.unlink.append(outcome)
                    case None:
                        plan.drop.append(relationship.id)

    async def _read(self, lost: Standing, kept: Kept) -> list[Relationship]:
        """These relationships; those of whose claim only the natural key is known need no search for it."""
        types = self._words.types
        plain = [n for n, ident in enumerate(lost.id.tolist()) if ident not in kept.link_digests]
        rows = zip(lost.type.tolist(), lost.source.tolist(), lost.target.tolist(), strict=True)
        naturals: list[Natural] = [(types[kind], source, target, "") for kind, source, target in rows]
        found = await self._store.joined([naturals[n] for n in plain])
        wanted = set(lost.id.tolist())
        sources = sorted({naturals[n][1] for n in range(len(naturals)) if int(lost.id[n]) in kept.link_digests})
        if sources:
            found = [*found, *await self._store.relationships(sources, Direction.OUT)]
        return list({r.id: r for r in found if r.id in wanted}.values())

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
    ) -> Bools:
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
                    self._telling.say(rows, row, told, "correct the source, or unlink another one first")
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


def _ints(values: Iterable[int]) -> Ints:
    return np.array(sorted(values), dtype=np.int64)


def _others(count: int, places: Ints) -> Bools:
    rest = np.ones(count, dtype=np.bool_)
    rest[places] = False
    return rest


def _batches(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(values), BATCH):
        yield values[start : start + BATCH]
