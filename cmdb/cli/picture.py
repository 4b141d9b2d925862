"""What a picture of an impact shows: a box for each hit, or for each group of them, and what failed through what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from cmdb.application import Application, Assessed, DescribedFailure, describe_hits
from cmdb.application.assessing import SERVICE
from cmdb.application.grouping import VERDICTS
from cmdb.impact import State
from cmdb.projection.columns import Int64s

MOST_BOXES: Final = 300
"""Hits that are drawn one by one; of more, those of a distance, a verdict and a class are one box."""


@dataclass(frozen=True, slots=True)
class Box:
    """A CI or, with a `count` above 1, a group of them; `layer` is the distance from a source."""

    layer: int
    verdict: str
    name: str
    detail: str
    service: bool
    count: int = 1


@dataclass(frozen=True, slots=True)
class Picture:
    """Boxes by layer, and links: from the place of what failed nearer to a source to that of what failed through it."""

    title: str
    boxes: tuple[Box, ...]
    links: tuple[tuple[int, int], ...]
    total: int

    @property
    def layers(self) -> int:
        """How many."""
        return 1 + max((box.layer for box in self.boxes), default=0)


async def picture_of(application: Application, found: Assessed, title: str) -> Picture:
    """The picture of an impact. O(hits) up to MOST_BOXES, O(V + E) in columns above."""
    if len(found.impact) <= MOST_BOXES:
        return _one_by_one(found, await describe_hits(application, found), title)
    return _grouped(found, title)


def _one_by_one(found: Assessed, hits: Sequence[DescribedFailure], title: str) -> Picture:
    services = set(found.standing.model.descendants[SERVICE])
    place = {hit.node.ordinal: at for at, hit in enumerate(hits)}
    boxes = tuple(
        Box(
            hit.hit.distance,
            hit.verdict,
            hit.node.name,
            f"{hit.node.class_name} {hit.node.key}",
            hit.node.class_name in services,
        )
        for hit in hits
    )
    links = {
        (place[member.node.ordinal], place[hit.node.ordinal])
        for hit in hits
        for reason in hit.reasons
        for member in reason.culprits
        if member.node.ordinal in place and boxes[place[member.node.ordinal]].layer < hit.hit.distance
    }
    return Picture(title, boxes, tuple(sorted(links)), len(hits))


def _grouped(found: Assessed, title: str) -> Picture:
    impact, structure = found.impact, found.standing.structure
    classes, codes = found.standing.roster.coded(impact.ordinals)
    before, after = impact.before_and_after(impact.ordinals)
    verdict = np.where(after > before, np.where(after == State.DOWN, 0, 1), 2)
    key = (impact.distances.astype(np.int64) * len(VERDICTS) + verdict) * len(classes) + codes
    groups, group, sizes = np.unique(key, return_inverse=True, return_counts=True)
    services = set(found.standing.model.descendants[SERVICE])
    boxes: list[Box] = []
    for number, size in zip(cast("list[int]", groups.tolist()), cast("list[int]", sizes.tolist()), strict=True):
        rest, code = divmod(number, len(classes))
        distance, kind = divmod(rest, len(VERDICTS))
        name = classes[code]
        boxes.append(
            Box(distance, VERDICTS[kind], name, f"{size:,} CI{'' if size == 1 else 's'}", name in services, size)
        )
    of_node = np.full(structure.nodes, -1, dtype=np.int64)
    of_node[impact.ordinals] = group
    columns = structure.edges.columns
    pairs = _distinct_pairs(of_node[columns.provider], of_node[columns.dependent], len(groups))
    links = tuple((one, other) for one, other in pairs if boxes[other].layer == boxes[one].layer + 1)
    return Picture(title, tuple(boxes), links, len(impact))


def _distinct_pairs(first: Int64s, second: Int64s, size: int) -> list[tuple[int, int]]:
    there = (first >= 0) & (second >= 0)
    joined = np.unique(first[there] * size + second[there])
    return [divmod(pair, size) for pair in joined.tolist()]
