"""Folded effects to batched statements, and the ledger entry with them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypeVar, cast

import zstandard

from cmdb.changeset import EstateFounded, Linked, ModelInstalled
from cmdb.errors import Conflict, Failed
from cmdb.ledger import Commit
from cmdb.nodes import NodeIds
from cmdb.store.neo4j import leaves
from cmdb.store.neo4j.connection import Mark, Writing
from cmdb.store.neo4j.cypher import KIND_LABEL, name
from cmdb.store.neo4j.folding import Edge, Folding, stale, version_of_edge
from cmdb.store.neo4j.rows import Properties, nodes_of
from cmdb.store.neo4j.text import given, kept
from cmdb.store.touching import kinds_of
from cmdb.store.words import search_text, searchable_attributes, searched_otherwise
from graph_schema.metamodel import Model

K = TypeVar("K")
V = TypeVar("V")

NODES_AT_ONCE: Final = 5_000
EDGES_AT_ONCE: Final = 20_000

_NODES_BEFORE: Final = """
UNWIND $rows AS ordinal MATCH (n:Node {ordinal: ordinal}) RETURN n.ordinal, n{.*}
"""
_NODES_OF_CLASSES: Final = """
MATCH (n:Node) USING INDEX n:Node(ordinal) WHERE n.ordinal > $after AND n.class IN $classes AND n.retired = false
RETURN n{.*, search_text: null} ORDER BY n.ordinal LIMIT $most
"""
_SET_WORDS: Final = "UNWIND $rows AS row MATCH (n:Node {ordinal: row[0]}) SET n.search_text = row[1]"
_KEEP_AND_CHANGE_NODES: Final = """
UNWIND $rows AS row MATCH (n:Node {ordinal: row.ordinal})
CREATE (v:_NodeVersion) SET v = n{.*, search_text: null, _until: $revision} SET n += row.patch
"""
_KEEP_AND_CHANGE_EDGES: Final = """
UNWIND $rows AS row MATCH ()-[r]->() WHERE elementId(r) = row.place
CREATE (v:_RelationshipVersion) SET v = row.version SET r = row.after
"""
_KEEP_AND_END_EDGES: Final = """
UNWIND $rows AS row MATCH ()-[r]->() WHERE elementId(r) = row.place
CREATE (v:_RelationshipVersion) SET v = row.version DELETE r
"""
_APPEND: Final = """
CREATE (:_Commit {revision: $revision, time: $time, actor: $actor, authority: $authority, reason: $reason,
previous: $previous, hash: $hash, body: $body})
WITH 1 AS done MATCH (h:_Head {only: 1}) SET h.revision = $revision, h.hash = $hash, h.time = $time
WITH 1 AS done MATCH (c:_Counters {only: 1})
SET c.ordinal = CASE WHEN $ordinal > c.ordinal THEN $ordinal ELSE c.ordinal END
SET c.relationship = CASE WHEN $relationship > c.relationship THEN $relationship ELSE c.relationship END
"""
_COUNTERS: Final = "MATCH (c:_Counters {only: 1}) RETURN c{.*}"
_COUNT: Final = "MATCH (c:_Counters {only: 1}) SET c += $numbers"
_FOUND_ESTATE: Final = "MATCH (h:_Head {only: 1}) SET h.estate = $estate"
_INSTALL_MODEL: Final = """
CREATE (:_Model {revision: $revision, document: $document})
WITH 1 AS done MATCH (h:_Head {only: 1}) SET h.model = $revision
"""


def check_head(mark: Mark, commit: Commit) -> None:
    """Raises Conflict unless this commit follows the store's newest."""
    if (mark.revision + 1, mark.hash) != (commit.revision, commit.header.previous):
        raise Conflict(
            f"the store is at revision {mark.revision}; a commit for revision {commit.revision} does not follow it",
            remedy="read again, decide again, write again",
        )


async def apply(
    writing: Writing, commit: Commit, mark: Mark, model_before: Model | None, installed: Model | None
) -> None:
    """Write a commit whose head was checked: the state, the history and the ledger. O(effects · log n).

    `installed` is the model that the commit puts in force, if it does; where other attributes can be searched under it,
    the nodes of those classes are indexed anew.
    """
    estate, model = mark.estate, installed or model_before
    if installed and model_before:
        await _follow_searchable(writing, searchable_attributes(model_before), searchable_attributes(installed))
    for effect in commit.effects:
        if isinstance(effect, EstateFounded):
            estate = effect.estate
            await writing.run(_FOUND_ESTATE, {"estate": estate})
        elif isinstance(effect, ModelInstalled):
            document = zstandard.compress(effect.document.encode())
            await writing.run(_INSTALL_MODEL, {"revision": commit.revision, "document": document})
    folded = None
    if model is not None and estate:
        kinds, sizes = kinds_of(model), await leaves.next_ids(writing, commit.effects)
        if installed and model_before and not kinds.extends(kinds_of(model_before)):
            await leaves.forget(writing)
        folded = await _folded(writing, commit, NodeIds(estate), model)
        await _write(writing, folded, model)
        await leaves.touch(writing, commit.effects, commit.revision, kinds, sizes)
    await _append(writing, commit, folded)


async def _follow_searchable(
    writing: Writing, before: Mapping[str, tuple[str, ...]], after: Mapping[str, tuple[str, ...]]
) -> None:
    classes, beyond = searched_otherwise(before, after), -1
    if not classes:
        return
    while rows := await writing.values(_NODES_OF_CLASSES, {"classes": classes, "after": beyond, "most": NODES_AT_ONCE}):
        nodes = nodes_of([row[0] for row in rows])
        texts = [
            (n.ordinal, search_text(n.key, n.name, [n.attributes.get(a) for a in after[n.class_name]])) for n in nodes
        ]
        await writing.run(_SET_WORDS, {"rows": texts})
        beyond = nodes[-1].ordinal


async def _folded(writing: Writing, commit: Commit, ids: NodeIds, model: Model) -> Folding:
    old = stale(commit.effects)
    nodes: dict[int, Properties] = {}
    wanted = sorted(old.nodes)
    for first in range(0, len(wanted), NODES_AT_ONCE):
        for ordinal, properties in await writing.values(_NODES_BEFORE, {"rows": wanted[first : first + NODES_AT_ONCE]}):
            nodes[cast("int", ordinal)] = given(cast("Properties", properties))
    edges: dict[int, Properties] = {}
    for type_name, group in _grouped((e.type, e) for e in old.edges).items():
        edges |= await _edges_before(writing, type_name, group)
    if len(nodes) < len(old.nodes) or len(edges) < len(old.edges):
        raise Failed(
            f"commit {commit.revision} alters what the store does not have",
            remedy="run `cmdb ledger verify`, then restore from a backup",
        )
    folded = Folding(commit.revision, ids, searchable_attributes(model), nodes, edges)
    folded.take(commit.effects)
    return folded


async def _edges_before(writing: Writing, type_name: str, edges: list[Edge]) -> dict[int, Properties]:
    """The properties of relationships of one type, and under `_place` where Neo4j has them.

    With both ends bound, Neo4j looks from the end that has fewer relationships.
    """
    statement = (
        "UNWIND $rows AS row MATCH (a:Node {ordinal: row[1]}) MATCH (b:Node {ordinal: row[2]}) WITH a, b, row "
        f"MATCH (a)-[r:{name(type_name)}]->(b) WHERE r.id = row[0] RETURN r.id, r{{.*, _place: elementId(r)}}"
    )
    found: dict[int, Properties] = {}
    for first in range(0, len(edges), EDGES_AT_ONCE):
        rows = [[e.id, e.source, e.target] for e in edges[first : first + EDGES_AT_ONCE]]
        for ident, properties in await writing.values(statement, {"rows": rows}):
            found[cast("int", ident)] = cast("Properties", properties)
    return found


async def _write(writing: Writing, folded: Folding, model: Model) -> None:
    by_class = _grouped((cast("str", n["class"]), kept(n)) for n in folded.created.values())
    for class_name, created in by_class.items():
        kind = KIND_LABEL[model.class_by_name[class_name].kind]
        statement = f"UNWIND $rows AS row CREATE (n:Node:{kind}:{name(class_name)}) SET n = row"
        await writing.run_chunks(statement, created, NODES_AT_ONCE)
    await writing.run_chunks(_KEEP_AND_CHANGE_NODES, folded.patches(), NODES_AT_ONCE, {"revision": folded.revision})
    changes = [{**_kept(folded, edge), "after": _placeless(after)} for edge, after in folded.relinked.values()]
    await writing.run_chunks(_KEEP_AND_CHANGE_EDGES, changes, EDGES_AT_ONCE)
    await writing.run_chunks(_KEEP_AND_END_EDGES, [_kept(folded, e) for e in folded.ended.values()], EDGES_AT_ONCE)
    new = ((e.type, (e.source, e.target, e.id, key, attributes)) for e, key, attributes in folded.linked.values())
    for type_name, links in _grouped(new).items():
        statement = (
            "UNWIND $rows AS row MATCH (a:Node {ordinal: row[0]}) MATCH (b:Node {ordinal: row[1]}) "
            f"CREATE (a)-[r:{name(type_name)} {{id: row[2], key: row[3], since: $revision}}]->(b)"
        )
        revision = {"revision": folded.revision}
        await writing.run_chunks(statement, [link[:4] for link in links if not link[4]], EDGES_AT_ONCE, revision)
        rich = [link for link in links if link[4]]
        await writing.run_chunks(f"{statement} SET r += row[4]", rich, EDGES_AT_ONCE, revision)


async def _append(writing: Writing, commit: Commit, folded: Folding | None) -> None:
    header = commit.header
    await writing.run(
        _APPEND,
        {
            "revision": header.revision,
            "time": header.time,
            "actor": header.actor,
            "authority": header.authority,
            "reason": header.reason,
            "previous": header.previous,
            "hash": commit.hash,
            "body": zstandard.compress(commit.body),
            "ordinal": 1 + max(folded.created, default=-1) if folded else 0,
            "relationship": 1 + max((e.id for e in commit.effects if isinstance(e, Linked)), default=-1),
        },
    )
    if folded and folded.numbers:
        there = cast("dict[str, int]", (await writing.values(_COUNTERS))[0][0])
        numbers = {f"_{code}": max(number, there.get(f"_{code}", 0)) for code, number in folded.numbers.items()}
        await writing.run(_COUNT, {"numbers": numbers})


def _kept(folded: Folding, edge: Edge) -> Properties:
    before = folded.edges_before[edge.id]
    return {"place": before["_place"], "version": version_of_edge(edge, _placeless(before), folded.revision)}


def _placeless(properties: Mapping[str, object]) -> Properties:
    return {name: value for name, value in properties.items() if name != "_place"}


def _grouped(pairs: Iterable[tuple[K, V]]) -> dict[K, list[V]]:
    groups: dict[K, list[V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return groups
