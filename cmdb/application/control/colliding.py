"""What changes meet: one change, or all that are open, two by two."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from cmdb.application.control.calendars import calendars
from cmdb.application.control.works import OPEN_STAGES, Doing, doings, span_of
from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_in
from cmdb.changes.calendars import Frozen, Outside, frozen, outside_maintenance
from cmdb.changes.collisions import Collision, Collisions, all_collisions, board_of, collisions_of
from cmdb.changes.joint import JointCollision, JointCollisions, joint_collisions, joint_collisions_of
from cmdb.changes.spans import micros, moment_of
from cmdb.errors import Usage
from cmdb.nodes import Node
from cmdb.projection.columns import Int64s
from cmdb.reading import nodes_by_ordinal
from cmdb.store.port import Store
from graph_schema.values import instant

SHOWN: Final = 10
"""CIs and services that a line names; of more it says how many."""


@dataclass(frozen=True, slots=True)
class OpenCollision:
    """Two open changes, of which `first` begins first, when both are to be made (instants), and what they meet in."""

    first: Change
    second: Change
    begin: str
    end: str
    what: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OpenCollisions:
    """Some of all collisions at a revision, in the order in which the first change of each begins."""

    revision: int
    total: int
    rows: tuple[OpenCollision, ...]


async def collisions_with(application: Application, change: Change, stages: Sequence[Stage]) -> tuple[str, ...]:
    """What a change collides with, a line each: changes in these stages, freezes, maintenance windows.

    O(changes in these stages and what they name + a closure for each that overlaps).
    """
    store = application.store
    if span_of(change) is None:
        return ()
    others = [other for other in await changes_in(store, *stages) if other.key != change.key]
    own, *rest = await doings(store, [change, *others])
    met = list(collisions_of(board_of(doing.work for doing in rest), own.work))
    standing = await application.structures.current()
    joint = list(joint_collisions_of(standing.propagation, [doing.outage for doing in rest], own.outage))
    known = await calendars(application)
    freezes = frozen(own.work.window, own.work.touches, known)
    outside = outside_maintenance(own.work.window, own.work.touches, known)
    nodes = await _nodes_of(
        store,
        *(some for found in met for some in (found.cis, found.services)),
        *(found.cis for found in joint),
        *(found.ordinals for found in (*freezes, *outside)),
    )
    names = {other.key: f"{other.key} ({other.node.name})" for other in others}
    return (
        *(f"meets {names[_other(found, change)]} in {', '.join(_common(found, nodes))}" for found in met),
        *(
            f"takes down {', '.join(_told('CI', found.cis, nodes))} together with {names[_other(found, change)]}"
            for found in joint
        ),
        *(_falls_into(found, nodes) for found in freezes),
        *(_stays_outside(found, nodes) for found in outside),
    )


async def open_collisions(application: Application, *, first: int, skip: int = 0) -> OpenCollisions:
    """Which open changes meet from now on, so many of them after the first `skip`. Raises Usage for numbers below 0.

    O(open changes and what they name + a closure for each + what overlapping ones have in common); see
    `cmdb.changes.joint` for what they take down jointly.
    """
    if first < 0 or skip < 0:
        raise Usage(f"{min(first, skip)} is no number of collisions", remedy="ask for 0 or more")
    store, now = application.store, micros(application.clock())
    revision = (await store.head()).revision
    found = await doings(store, await changes_in(store, *OPEN_STAGES))
    by_key = {doing.work.key: doing for doing in found if doing.work.window.end > now}
    board = board_of(doing.work for doing in by_key.values())
    standing = await application.structures.current()
    joint = joint_collisions(standing.propagation, [doing.outage for doing in by_key.values()])
    met = all_collisions(board)
    alone, together = _pairs(met), _pairs(joint)
    every = np.union1d(alone, together)
    shown = every[skip : skip + first].tolist()
    alike = {pair: [met.at(at) for at in _places(alone, pair)] for pair in shown}
    fallen = {pair: [o for at in _places(together, pair) for o in joint.at(at).cis] for pair in shown}
    nodes = await _nodes_of(
        store,
        *(some for found in alike.values() for each in found for some in (each.cis, each.services)),
        *fallen.values(),
    )
    rows: list[OpenCollision] = []
    for pair in shown:
        one, other = (by_key[board.works[int(place)].key] for place in (pair >> 32, pair & 0xFFFF_FFFF))
        what = [text for found in alike[pair] for text in _common(found, nodes)]
        jointly = [f"together they take down {text}" for text in _told("CI", fallen[pair], nodes)]
        rows.append(_collision(one, other, [*what, *jointly]))
    return OpenCollisions(revision, len(every), tuple(rows))


def _pairs(found: Collisions | JointCollisions) -> Int64s:
    """The pairs as numbers, sorted; both kinds number changes in the order in which they begin."""
    return found.first.astype(np.int64) << 32 | found.second


def _places(pairs: Int64s, pair: int) -> range:
    """Where a pair stands among others: once, or not at all."""
    return range(int(np.searchsorted(pairs, pair, "left")), int(np.searchsorted(pairs, pair, "right")))


def _collision(one: Doing, other: Doing, what: Sequence[str]) -> OpenCollision:
    begin = max(one.work.window.begin, other.work.window.begin)
    end = min(one.work.window.end, other.work.window.end)
    return OpenCollision(one.change, other.change, instant(moment_of(begin)), instant(moment_of(end)), tuple(what))


def _other(found: Collision | JointCollision, change: Change) -> str:
    return found.second if found.first == change.key else found.first


async def _nodes_of(store: Store, *lists: Sequence[int]) -> dict[int, Node]:
    """The nodes that are told of these sorted lists, read together."""
    return await nodes_by_ordinal(store, {ordinal for some in lists for ordinal in some[:SHOWN]}, None)


def _told(what: str, ordinals: Sequence[int], nodes: Mapping[int, Node]) -> list[str]:
    """The first CIs or services of a sorted list in words, and how many more there are."""
    more = [f"{len(ordinals) - SHOWN} more {what}s"] if len(ordinals) > SHOWN else []
    return [f"{what} {node.name} ({node.key})" for o in ordinals[:SHOWN] if (node := nodes.get(o))] + more


def _common(found: Collision, nodes: Mapping[int, Node]) -> list[str]:
    """What two changes have in common."""
    what = [*_told("CI", found.cis, nodes), *_told("service", found.services, nodes)]
    return [*what, *(f"implementer {name}" for name in found.implementers)]


def _falls_into(freeze: Frozen, nodes: Mapping[int, Node]) -> str:
    about = ", ".join(_told("CI", freeze.ordinals, nodes)) or "everything"
    return f"falls into the freeze {freeze.calendar} of {about}"


def _stays_outside(found: Outside, nodes: Mapping[int, Node]) -> str:
    about = ", ".join(_told("CI", found.ordinals, nodes))
    return f"is outside the maintenance windows {', '.join(found.calendars)} of {about}"
