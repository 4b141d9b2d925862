"""Hits in groups, and the pools that a failure touches: the whole of an answer in a size that people can take in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from cmdb.application.assessing import Assessed
from cmdb.application.describing import DescribedReason, described_reason
from cmdb.application.opening import Application
from cmdb.filters import Direction
from cmdb.impact import Impact, State
from cmdb.nodes import Node
from cmdb.projection.columns import Int32s
from cmdb.reading import nodes_by_ordinal

OWNED_BY: Final = "OWNED_BY"

VERDICTS: Final = ("down", "degraded", "at_risk")
"""What may have become of a hit, the worst first."""

_FEW: Final = 10_000
"""Hits whose owners are read one by one; for more of them all owners of the estate are read as columns."""

_Codes = NDArray[np.int64]


class GroupBy(StrEnum):
    """What hits are put together by."""

    VERDICT = "verdict"
    CLASS = "class"
    ENVIRONMENT = "environment"
    OWNER = "owner"


@dataclass(frozen=True, eq=False)
class HitGroup:
    """Hits that share a value: where they are among the hits in order, and how many of each verdict.

    `value` is a verdict, a class, an environment or an owner's ordinal; None for the hits that have none.
    """

    value: str | int | None
    places: Int32s
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class DescribedPool:
    """A pool with a member that got worse, its owner, and its arithmetic."""

    owner: Node
    reason: DescribedReason


def verdict_codes(impact: Impact) -> _Codes:
    """For each hit, in order, which of VERDICTS it is. O(hits)."""
    before, after = impact.before_and_after(impact.ordinals)
    return np.where(after > before, State.DOWN - after.astype(np.int64), len(VERDICTS) - 1)


def verdict_of(impact: Impact, ordinal: int) -> str | None:
    """What became of a CI, as in VERDICTS; None where it is no hit. O(log hits)."""
    before, after = impact.before_and_after(np.array([ordinal], dtype=np.int32))[:, 0]
    if after > before:
        return State(after).name.lower()
    at = int(np.searchsorted(impact.at_risk, ordinal))
    return VERDICTS[-1] if at < len(impact.at_risk) and impact.at_risk[at] == ordinal else None


async def groups(application: Application, found: Assessed, by: GroupBy) -> list[HitGroup]:
    """All groups of the hits, the largest first; a hit with several owners is in several.

    O(hits · log), and O(nodes) for environments and for owners of more than 10,000 hits; one or two statements.
    """
    verdicts = verdict_codes(found.impact)
    values, places, codes = await _coded(application, found, by, verdicts)
    order = np.lexsort((places, codes))
    places, codes = places[order], codes[order]
    starts = np.flatnonzero(np.diff(codes, prepend=np.int64(-1)))
    made: list[HitGroup] = []
    distinct: list[int] = codes[starts].tolist()
    for code, some in zip(distinct, np.split(places, starts[1:]), strict=True):
        numbers = np.bincount(verdicts[some], minlength=len(VERDICTS)).tolist()
        value = values[code] if code < len(values) else None
        made.append(HitGroup(value, some, dict(zip(VERDICTS, numbers, strict=True))))
    return sorted(made, key=lambda group: (-len(group.places), str(group.value)))


async def describe_pools(
    application: Application, found: Assessed, start: int = 0, count: int | None = None
) -> list[DescribedPool]:
    """`count` of the pools that the failure touches from position `start` on, or all, by owner. O(their members)."""
    margins = list(found.impact.margins(start, count))
    wanted = {margin.owner for margin in margins} | {m.provider for margin in margins for m in margin.members}
    nodes = await nodes_by_ordinal(application.store, wanted, found.revision)
    return [DescribedPool(nodes[margin.owner], described_reason(margin, nodes)) for margin in margins]


async def _coded(
    application: Application, found: Assessed, by: GroupBy, verdicts: _Codes
) -> tuple[Sequence[str | int], Int32s, _Codes]:
    """Values, and as columns which hit has which of them; an index behind the values is none."""
    ordinals = found.impact.ordinals
    everybody = np.arange(len(ordinals), dtype=np.int32)
    match by:
        case GroupBy.VERDICT:
            return VERDICTS, everybody, verdicts
        case GroupBy.CLASS:
            classes, codes = found.standing.roster.coded(ordinals)
            return classes, everybody, codes
        case GroupBy.ENVIRONMENT:
            _, said = await application.store.node_values("environment", found.revision)
            codes = said.codes_of(ordinals).astype(np.int64)
            return [str(value) for value in said.values], everybody, np.where(codes < 0, len(said.values), codes)
        case GroupBy.OWNER:
            owned, owner = await _owners(application, found)
            owners = np.unique(owner)
            codes = np.searchsorted(owners, owner)
            by_ordinal = np.argsort(ordinals)
            places = by_ordinal[np.searchsorted(ordinals[by_ordinal], owned)].astype(np.int32)
            without = np.setdiff1d(everybody, places)
            nobody = np.full(len(without), len(owners), dtype=np.int64)
            names: list[int] = owners.tolist()
            return names, np.concatenate([places, without]), np.concatenate([codes, nobody])


async def _owners(application: Application, found: Assessed) -> tuple[Int32s, Int32s]:
    """The hits that have owners, each with one of them: two columns. Whose owner is named twice stands once."""
    ordinals = found.impact.ordinals
    if len(ordinals) <= _FEW:
        there = await application.store.relationships(ordinals.tolist(), Direction.OUT, [OWNED_BY], found.revision)
        pairs = np.array([(r.source, r.target) for r in there], dtype=np.int32).reshape(-1, 2)
    else:
        _, columns = await application.store.relationship_columns([OWNED_BY], found.revision)
        hit = np.isin(columns.source, ordinals)
        pairs = np.stack([columns.source[hit], columns.target[hit]], axis=1)
    pairs = np.unique(pairs, axis=0)
    return pairs[:, 0], pairs[:, 1]
