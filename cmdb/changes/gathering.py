"""Changes read from the graph, with the votes, certificates and boards around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cmdb.changes.record import (
    CERTIFIES,
    CHANGE,
    MADE_FROM,
    REFERRED_TO,
    TOUCHES,
    VOTES_ON,
    Board,
    CastVote,
    Certified,
    Change,
    Choice,
    Stage,
)
from cmdb.errors import NotFound
from cmdb.filters import LIVE, And, Compare, Direction, IsA, Lookup
from cmdb.nodes import Node, Relationship, many, said, whole
from cmdb.reading import every, resolve
from cmdb.store.port import Store

_QUORUM, _MAJORITY = 50, 50


async def load_change(store: Store, reference: str) -> Change:
    """The change that a reference means. Raises NotFound, also where it means something else."""
    node = await resolve(store, reference)
    if node.class_name != CHANGE:
        raise NotFound(f"{reference} is a {node.class_name}, no change", remedy="see `cmdb change list`")
    return (await changes_of(store, [node]))[0]


async def changes_of(store: Store, nodes: Sequence[Node]) -> list[Change]:
    """These records with what is around them, in a number of statements that does not depend on how many they are."""
    ordinals = sorted(node.ordinal for node in nodes)
    out = await store.relationships(ordinals, Direction.OUT, [TOUCHES, REFERRED_TO, MADE_FROM])
    into = await store.relationships(ordinals, Direction.IN, [CERTIFIES, VOTES_ON])
    near = {r.target for r in out if r.type != TOUCHES} | {r.source for r in into}
    around = {node.ordinal: node for node in await store.nodes(sorted(near))} if near else {}
    leaving = _grouped(out, lambda r: r.source)
    reaching = _grouped(into, lambda r: r.target)
    return [_change(n, leaving.get(n.ordinal, ()), reaching.get(n.ordinal, ()), around) for n in nodes]


async def changes_in(store: Store, *stages: Stage) -> list[Change]:
    """All changes in these stages, by key. O(changes in them)."""
    wanted = Compare("state", Lookup.IN, tuple(stage.value for stage in stages))
    found = await every(store, And((IsA(CHANGE), wanted, LIVE)))
    return await changes_of(store, found) if found else []


def _grouped(links: Sequence[Relationship], end: Callable[[Relationship], int]) -> dict[int, list[Relationship]]:
    groups: dict[int, list[Relationship]] = {}
    for link in links:
        groups.setdefault(end(link), []).append(link)
    return groups


def _change(node: Node, out: Sequence[Relationship], into: Sequence[Relationship], around: dict[int, Node]) -> Change:
    votes = [around[r.source] for r in into if r.type == VOTES_ON and around[r.source].state == "sealed"]
    certificates = [around[r.source] for r in into if r.type == CERTIFIES and around[r.source].state == "sealed"]
    boards = [around[r.target] for r in out if r.type == REFERRED_TO]
    templates = [around[r.target] for r in out if r.type == MADE_FROM]
    return Change(
        node=node,
        touches=frozenset(r.target for r in out if r.type == TOUCHES),
        votes=tuple(CastVote(vote.ordinal, said(vote, "voter"), Choice(said(vote, "choice"))) for vote in votes),
        board=_board(boards[0]) if boards else None,
        certified=Certified(max(certificates, key=lambda found: found.ordinal)) if certificates else None,
        template=templates[0] if templates else None,
    )


def _board(node: Node) -> Board:
    members = frozenset(many(node, "members")) | {said(node, "chair")}
    return Board(
        node, members, said(node, "chair"), whole(node, "quorum") or _QUORUM, whole(node, "majority") or _MAJORITY
    )
