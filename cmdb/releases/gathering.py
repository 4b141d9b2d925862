"""Releases read from the graph, with the changes, artefacts, plans and reports around them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from cmdb.changes import Change, changes_of
from cmdb.errors import NotFound
from cmdb.filters import LIVE, And, Compare, Direction, IsA, Lookup
from cmdb.nodes import Node, Relationship
from cmdb.reading import every, resolve
from cmdb.records import CAUSED_BY, PROBLEM
from cmdb.releases.record import (
    AT_SITE,
    BUNDLES,
    CLOSES,
    DELIVERS,
    DIGEST,
    FOUND,
    PLANS,
    POLICY,
    RELEASE,
    REPORTS_ON,
    RESULTED_IN,
    TESTED_IN,
    Delivery,
    Release,
    SitePlan,
    Stage,
)
from cmdb.store.port import Store
from graph_schema.metamodel import Model

CHECKSUM = "checksum"


async def load_release(store: Store, reference: str) -> Release:
    """The release that a reference means: its key, name, id or `Release:name`. Raises NotFound."""
    is_key = bool(await store.ordinals_of_keys([reference]))
    named = [] if is_key else [node for node in await store.named([reference]) if node.class_name == RELEASE]
    try:
        node = named[0] if len(named) == 1 else await resolve(store, reference)
    except NotFound as error:
        raise NotFound(f"there is no release {reference!r}", remedy="see `cmdb release list`") from error
    if node.class_name != RELEASE:
        raise NotFound(f"{reference} is a {node.class_name}, no release", remedy="see `cmdb release list`")
    return (await releases_of(store, [node]))[0]


async def releases_in(store: Store, *stages: Stage) -> list[Release]:
    """All releases in these stages, by key. O(releases in them)."""
    wanted = Compare("state", Lookup.IN, tuple(stage.value for stage in stages))
    found = await every(store, And((IsA(RELEASE), wanted, LIVE)))
    return await releases_of(store, found) if found else []


async def releases_of(store: Store, nodes: Sequence[Node]) -> list[Release]:
    """These records with what is around them, in a number of statements that does not depend on how many they are."""
    model = await store.model()
    if model is None:
        raise NotFound(f"{store.url} is empty", remedy="run `cmdb init` first")
    ordinals = sorted(node.ordinal for node in nodes)
    out = await store.relationships(ordinals, Direction.OUT, [BUNDLES, CLOSES, FOUND, DELIVERS, TESTED_IN, RESULTED_IN])
    into = await store.relationships(ordinals, Direction.IN, [PLANS, REPORTS_ON, CAUSED_BY])
    plans = sorted({r.source for r in into if r.type == PLANS})
    places = await store.relationships(plans, Direction.OUT, [AT_SITE]) if plans else []
    near = {r.target for r in (*out, *places)} | {r.source for r in into}
    around = {node.ordinal: node for node in await store.nodes(sorted(near))} if near else {}
    bundled = sorted({r.target for r in out if r.type == BUNDLES})
    changes = await changes_of(store, [around[ordinal] for ordinal in bundled]) if bundled else []
    world = _World(
        model=model,
        around=around,
        changes={change.node.ordinal: change for change in changes},
        sites={r.source: around[r.target] for r in places},
        policies=tuple(_by_key(await every(store, And((IsA(POLICY), LIVE, Compare("state", Lookup.EQ, "active")))))),
    )
    leaving: dict[int, list[Relationship]] = {}
    reaching: dict[int, list[Relationship]] = {}
    for edge in out:
        leaving.setdefault(edge.source, []).append(edge)
    for edge in into:
        reaching.setdefault(edge.target, []).append(edge)
    return [world.release(node, leaving.get(node.ordinal, []), reaching.get(node.ordinal, [])) for node in nodes]


class _World:
    """What is near some releases, by ordinal."""

    def __init__(
        self,
        *,
        model: Model,
        around: Mapping[int, Node],
        changes: Mapping[int, Change],
        sites: Mapping[int, Node],
        policies: tuple[Node, ...],
    ) -> None:
        self._model, self._around, self._changes = model, around, changes
        self._sites, self._policies = sites, policies

    def release(self, node: Node, out: Sequence[Relationship], into: Sequence[Relationship]) -> Release:
        """One release, of the relationships that leave and reach it."""
        planned = {r.target: str(r.attributes.get(CHECKSUM, "")) for r in out if r.type == DELIVERS}
        return Release(
            node=node,
            changes=tuple(self._changes[found.ordinal] for found in self._targets(out, BUNDLES)),
            closes=tuple(self._targets(out, CLOSES)),
            found=tuple(self._targets(out, FOUND)),
            deliveries=tuple(
                Delivery(item, CHECKSUM in self._model.attributes[item.class_name], planned[item.ordinal])
                for item in self._targets(out, DELIVERS)
            ),
            sites=tuple(SitePlan(plan, self._sites.get(plan.ordinal)) for plan in self._sources(into, PLANS)),
            policies=self._policies,
            reports=tuple(self._sources(into, REPORTS_ON)),
            problems=tuple(n for n in self._sources(into, CAUSED_BY) if n.class_name == PROBLEM),
            planned={self._around[r.target].key: str(r.attributes.get(DIGEST, "")) for r in out if r.type == BUNDLES},
            tested_in=next(iter(self._targets(out, TESTED_IN)), None),
            baseline=next(iter(self._targets(out, RESULTED_IN)), None),
        )

    def _sources(self, into: Sequence[Relationship], kind: str) -> list[Node]:
        return _by_key(self._around[r.source] for r in into if r.type == kind)

    def _targets(self, out: Sequence[Relationship], kind: str) -> list[Node]:
        return _by_key(self._around[r.target] for r in out if r.type == kind)


def _by_key(nodes: Iterable[Node]) -> list[Node]:
    return sorted(nodes, key=lambda node: node.key)
