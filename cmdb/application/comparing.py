"""Two moments compared: what lies between them is worked out from the ledger, so it costs what was touched."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from cmdb.application.baselines import find_baseline
from cmdb.application.opening import Application
from cmdb.application.planned_graph import planned_graph
from cmdb.baselines import Baseline
from cmdb.baselines.comparing import Differences, State, compare, inverted
from cmdb.baselines.content import Ids, item_classes, items_of
from cmdb.baselines.netting import Natural, Net
from cmdb.baselines.scope import Everything, Scope
from cmdb.changes import load_change
from cmdb.changeset import Effect
from cmdb.errors import NotFound, Usage
from cmdb.filters import Direction
from cmdb.ledger import Header
from cmdb.nodes import Node, Relationship
from cmdb.projection.following import Follower
from cmdb.reading import moment_revision, nodes_by_ordinal
from cmdb.store.port import Store
from graph_schema.metamodel import Model

NOW: Final = "now"

PLANNED: Final = "planned:"
"""What stands before the key of a change, for the graph as its planned operations would make it."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things that are compared: a scope as of a revision, in the store and projection that tell of it.

    `laid_over` are effects that nobody has committed: `store` and `follower` then tell of the graph with them, as of None.
    """

    label: str
    revision: int
    scope: Scope
    store: Store
    follower: Follower
    as_of: int | None
    baseline: Baseline | None = None
    laid_over: tuple[Effect, ...] = ()

    @property
    def place(self) -> tuple[int, bool]:
        """Where it stands in time."""
        return self.revision, bool(self.laid_over)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs from one side to the other, and the headers of the commits that had to do with it, by revision."""

    before: Side
    after: Side
    differences: Differences
    headers: Mapping[int, Header]


async def compare_moments(application: Application, before: str, after: str, scope: Scope | None = None) -> Comparison:
    """What differs between two moments: each is `now`, a baseline, a revision, an instant, a day or `planned:` a change.

    Without `scope` each baseline counts with its own, and a side that is none with that of the other; where neither is
    one, everything is compared. Raises Usage, NotFound, and Invalid where too much was touched in between. O(touched).
    """
    one, other = await side_of(application, before, scope), await side_of(application, after, scope)
    return await compare_sides(*_with_scopes(one, other, scope))


async def side_of(application: Application, text: str, scope: Scope | None = None) -> Side:
    """The side that a text means, with the scope of the baseline, if it is one."""
    store, wanted = application.store, text.strip()
    if wanted.startswith(PLANNED):
        return await _planned(application, wanted, scope)
    baseline: Baseline | None = None
    if wanted == NOW:
        revision = (await store.head()).revision
    else:
        try:
            revision = await moment_revision(store, wanted)
            baseline = await _if_baseline(application, wanted)
        except Usage as error:
            baseline = await _if_baseline(application, wanted)
            if baseline is None:
                raise Usage(f"{text!r} is no moment and no baseline", remedy=error.remedy) from error
            revision = baseline.seal.revision
    own = Everything() if baseline is None else baseline.seal.scope
    return Side(text, revision, scope or own, store, application.follower, revision, baseline)


async def _planned(application: Application, text: str, scope: Scope | None) -> Side:
    change = await load_change(application.store, text.removeprefix(PLANNED))
    graph = await planned_graph(application, change.planned)
    laid_over, store = graph.planned.effects, graph.application.store
    return Side(text, graph.revision, scope or Everything(), store, application.follower, None, laid_over=laid_over)


async def compare_sides(before: Side, after: Side, *, either: bool = False) -> Comparison:
    """What differs between two sides; see `compare_moments`. Effects may be laid over one of them.

    With `either`, what is in scope on one side counts on both, so that nothing comes into the scope or leaves it.
    """
    if before.laid_over and after.laid_over:
        raise Usage("two plans cannot be compared with each other", remedy="compare each with now")
    turned = before.place > after.place
    early, late = (after, before) if turned else (before, after)
    net = Net()
    async for commit in late.store.commits(early.revision, late.revision):
        net.take(commit.revision, commit.effects)
    if late.laid_over:
        net.take(late.revision + 1, late.laid_over)
    states = await _states(net, early, late, either)
    found = compare(net, *states)
    headers = await late.store.headers(sorted({revision for one in found for revision in one.revisions}))
    return Comparison(before, after, inverted(found) if turned else found, headers)


def _with_scopes(before: Side, after: Side, scope: Scope | None) -> tuple[Side, Side]:
    """Of two sides of which one is a baseline, both have its scope."""
    match before.baseline, after.baseline:
        case Baseline() as sealed, None if scope is None:
            return before, replace(after, scope=sealed.seal.scope)
        case None, Baseline() as sealed if scope is None:
            return replace(before, scope=sealed.seal.scope), after
        case _:
            return before, after


async def _if_baseline(application: Application, text: str) -> Baseline | None:
    try:
        return await find_baseline(application, text)
    except (NotFound, Usage):
        return None


async def _states(net: Net, early: Side, late: Side, either: bool) -> tuple[State, State]:
    """Both sides as far as they are concerned: what was touched, what came into the scope or left it, and their ends."""
    items: tuple[Ids, Ids] | None = None
    if early.scope != late.scope or early.scope != Everything():
        items = await _items(early), await _items(late)
    if items is not None and either:
        items = np.union1d(*items), np.union1d(*items)
    moved: Ids = np.empty(0, dtype=np.int64) if items is None else np.setxor1d(*items)
    joined = await _at(early, moved), await _at(late, moved)
    ends = {end for natural in (*net.edges, *joined[0], *joined[1]) for end in natural[1:3]}
    concerned = sorted({*net.nodes, *ends, *moved.tolist()})
    return (
        await _state(early, items and items[0], concerned, joined[0]),
        await _state(late, items and items[1], concerned, joined[1]),
    )


async def _items(side: Side) -> Ids:
    return await items_of(side.store, side.follower, side.scope, side.as_of)


async def _at(side: Side, moved: Ids) -> dict[Natural, Relationship]:
    """The relationships of nodes that came into the scope or left it."""
    ordinals: list[int] = moved.tolist()
    found: dict[Natural, Relationship] = {}
    for direction in Direction if ordinals else ():
        for r in await side.store.relationships(ordinals, direction, as_of=side.as_of):
            found[r.type, r.source, r.target, r.key] = r
    return found


async def _state(side: Side, items: Ids | None, concerned: list[int], joined: Mapping[Natural, Relationship]) -> State:
    """One side. Where everything is in scope (`items` is None), each node tells of itself whether it is."""
    nodes = await nodes_by_ordinal(side.store, concerned, side.as_of)
    if items is None:
        model = await side.store.model(side.as_of)
        inside = frozenset(_live_items(model, nodes.values()))
    else:
        some = np.intersect1d(items, np.array(concerned, dtype=np.int64)).tolist()
        inside = frozenset(ordinal for ordinal in some if ordinal in nodes and not nodes[ordinal].retired)
    return State(nodes, inside, joined)


def _live_items(model: Model | None, nodes: Iterable[Node]) -> Iterable[int]:
    classes = frozenset(() if model is None else item_classes(model))
    return (node.ordinal for node in nodes if node.class_name in classes and not node.retired)
