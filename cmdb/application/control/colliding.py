"""What changes meet: one change, or all that are open, two by two."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import numpy as np

from cmdb.application.control.calendars import calendars
from cmdb.application.control.works import OPEN_STAGES, Doing, doings, names_of
from cmdb.application.opening import Application
from cmdb.changes import Change, Stage, changes_in
from cmdb.changes.calendars import frozen, outside_maintenance
from cmdb.changes.collisions import Collision, Collisions, all_collisions, board_of, collisions_of
from cmdb.changes.joint import JointCollisions, joint_collisions, joint_collisions_of
from cmdb.changes.spans import micros, moment_of
from cmdb.errors import Usage
from cmdb.projection.columns import Int64s
from cmdb.store.port import Store
from graph_schema.values import instant


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
    others = [other for other in await changes_in(store, *stages) if other.key != change.key]
    found = await doings(store, [change, *others])
    if not found or found[0].change is not change:
        return ()
    own, *rest = found
    names = {other.key: other.node.name for other in others}
    lines: list[str] = []
    for met in collisions_of(board_of(doing.work for doing in rest), own.work):
        other = met.second if met.first == own.work.key else met.first
        lines.append(f"meets {other} ({names[other]}) in {', '.join(await _common(store, met))}")
    standing = await application.structures.current()
    for joint in joint_collisions_of(standing.propagation, [doing.outage for doing in rest], own.outage):
        other = joint.second if joint.first == own.work.key else joint.first
        fallen = ", ".join(await names_of(store, "CI", joint.cis))
        lines.append(f"takes down {fallen} together with {other} ({names[other]})")
    return (*lines, *[line async for line in _by_calendar(application, own)])


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
    rows: list[OpenCollision] = []
    for pair in every[skip : skip + first].tolist():
        one, other = (by_key[board.works[int(place)].key] for place in (pair >> 32, pair & 0xFFFF_FFFF))
        what = [text for at in _places(alone, pair) for text in await _common(store, met.at(at))]
        fallen = [ordinal for at in _places(together, pair) for ordinal in joint.at(at).cis]
        jointly = [f"together they take down {text}" for text in await names_of(store, "CI", fallen)]
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


async def _common(store: Store, found: Collision) -> list[str]:
    """What two changes have in common."""
    what = [*await names_of(store, "CI", found.cis), *await names_of(store, "service", found.services)]
    return [*what, *(f"implementer {name}" for name in found.implementers)]


async def _by_calendar(application: Application, own: Doing) -> AsyncIterator[str]:
    store, work, found = application.store, own.work, await calendars(application)
    for freeze in frozen(work.window, work.touches, found):
        about = ", ".join(await names_of(store, "CI", freeze.ordinals)) or "everything"
        yield f"falls into the freeze {freeze.calendar} of {about}"
    for outside in outside_maintenance(work.window, work.touches, found):
        about = ", ".join(await names_of(store, "CI", outside.ordinals))
        yield f"is outside the maintenance windows {', '.join(outside.calendars)} of {about}"
