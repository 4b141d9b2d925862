"""The planned graph answers as the graph will, once the operations are written."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.application import Application, Scenario, assess, describe_hits, evidence, open_application
from cmdb.application.planned_graph import PlannedGraph, assess_planned, planned_graph
from cmdb.changeset import ChangeSet
from cmdb.errors import CmdbError, Invalid, NotFound, Usage
from cmdb.filters import Direction
from cmdb.reading import read_operations, to_change_set, written
from cmdb.store.port import Store
from cmdb.writing import INITIALISATION
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.places import SQLITE, opened


async def everything(store: Store, size: int) -> dict[str, object]:
    """What can be read of nodes, relationships and attributes; keys left out, which new nodes do not have yet."""
    everybody = range(size)
    nodes = await store.nodes(everybody)
    found: dict[str, object] = {
        "nodes": [msgspec.structs.replace(node, key="") for node in nodes],
        "some": [node.ordinal for node in await store.nodes([2, 1, 1])],
        "named": [n.ordinal for n in await store.named(["web", "db-1", *(n.name for n in nodes[-3:])])],
    }
    for direction in Direction:
        for types in (None, [MODEL.relationship_types[0].name], []):
            found[f"counts {direction} {types}"] = await store.relationship_counts(everybody, direction, types)
            for limit in (None, 1, 2):
                read = await store.relationships(everybody, direction, types, limit=limit)
                found[f"{direction} {types} {limit}"] = read
    types_of_all = [kind.name for kind in MODEL.relationship_types]
    edges = (await store.relationship_columns(types_of_all))[1]
    rows: list[list[int]] = np.stack([edges.id, edges.type_code, edges.source, edges.target]).T.tolist()
    found["edges"] = [(ident, edges.types[code], *ends) for ident, code, *ends in rows]
    for name in sorted({name for known in MODEL.attributes.values() for name in known}):
        columns = (await store.node_values(name))[1]
        found[name] = [(ident, columns.values[code]) for ident, code in zip(columns.ident, columns.code, strict=True)]
    return found


async def failing(application: Application, ids: list[str]) -> dict[str, object]:
    """What fails with each of these, with its arithmetic, and by which way."""
    found: dict[str, object] = {}
    for node_id in ids:
        answer = await assess(application, Scenario([node_id]))
        hits = await describe_hits(application, answer)
        hops = [hop for hit in hits for hop in hit.path]
        found[node_id] = (
            answer.by_class(),
            [(hit.node.name, hit.verdict, hit.hit.distance, [r.margin for r in hit.reasons]) for hit in hits],
            [(hop.relationship, hop.type, hop.provider.id) for hop in hops],
            {
                relationship: behind.since
                for relationship, behind in (await evidence(application, answer, hops)).items()
            },
        )
    return found


async def live_ids(store: Store, size: int) -> list[str]:
    return [node.id for node in await store.nodes(range(size)) if not node.retired]


@given(strategies.histories(most_commits=3), st.data())
def test_what_is_planned_is_what_is_read_when_it_is_written(book: Book, data: st.DataObject) -> None:
    change_set = data.draw(strategies.change_sets(MODEL, book.reference.now))

    async def both(folder: str) -> None:
        url = f"{SQLITE}{folder}/store.db"
        async with opened(url) as store:
            for commit in book.reference.commits:
                await store.commit(commit)
        application = await open_application(url)
        try:
            await compared(application, change_set)
        finally:
            await application.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(both(folder))


async def compared(application: Application, change_set: ChangeSet) -> None:
    try:
        said = await written(application.store, change_set)
        graph = await planned_graph(application, said)
    except CmdbError:
        with pytest.raises(CmdbError):
            await application.door.write(change_set, actor="test", authority=INITIALISATION)
        return
    size = graph.planned.after.structure.nodes + 1
    standing = await everything(application.store, size)
    planned = await everything(graph.application.store, size)
    ids = await live_ids(graph.application.store, size)
    fails = await failing(graph.application, ids)
    assert await everything(application.store, size) == standing
    await application.door.write(change_set, actor="test", authority=INITIALISATION)
    assert planned == await everything(application.store, size)
    assert ids == await live_ids(application.store, size)
    assert fails == await failing(application, ids)


OPERATIONS = b"""
{"put": {"ref": "@third", "class": "Server", "name": "third"}}
{"link": {"type": "RUNS_ON", "from": "@third", "to": "Server:base"}}
{"link": {"type": "BACKED_BY", "from": "Service:svc-shop", "to": "@third"}}
{"retire": {"ref": "Server:two"}}
"""


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Application]:
    """A shop backed by one and two; one runs on the base."""
    book = Book()
    book.commit()
    shop = book.node("Service", "svc-shop", attributes={"owner": "ops"})
    one, two, base = (book.node("Server", name) for name in ("one", "two", "base"))
    book.link(shop, one, "BACKED_BY")
    book.link(shop, two, "BACKED_BY")
    book.link(one, base, "RUNS_ON")
    book.commit()
    url = f"{SQLITE}{tmp_path / 'store.db'}"
    async with opened(url) as store:
        for commit in book.reference.commits:
            await store.commit(commit)
    application = await open_application(url)
    yield application
    await application.close()


async def graph_of(application: Application) -> PlannedGraph:
    return await planned_graph(application, read_operations(OPERATIONS, "plan"))


async def test_both_sides_of_a_question(shop: Application) -> None:
    graph = await graph_of(shop)
    found = await assess_planned(graph, Scenario(["Server:base"]))
    before = {hit.node.name: hit.verdict for hit in await describe_hits(graph.present, found.before)}
    after = {hit.node.key: hit.verdict for hit in await describe_hits(graph.application, found.after)}
    assert before == {"base": "down", "one": "down", "svc-shop": "at_risk"}
    assert after == {"SRV-000003": "down", "SRV-000001": "down", "SVC-000001": "down", "@third": "down"}
    assert [len(column) for column in (found.difference.only_before, found.difference.worse)] == [0, 1]
    assert found.difference.only_after.tolist() == [4]
    assert (await shop.store.head()).revision == graph.revision == 2


async def test_a_limit_counts_what_is_left(shop: Application) -> None:
    operations = b'[{"unlink": {"type": "BACKED_BY", "from": "Service:svc-shop", "to": "Server:one"}}]'
    graph = await planned_graph(shop, read_operations(operations, "plan"))
    [left] = await graph.application.store.relationships([0], Direction.OUT, ["BACKED_BY"], limit=1)
    assert (await graph.application.store.nodes([left.target]))[0].name == "two"


async def test_who_is_not_on_a_side_is_left_out_there(shop: Application) -> None:
    graph = await graph_of(shop)
    new = await assess_planned(graph, Scenario(["@third"], context=["Server:two=degraded"]))
    assert (new.before.sources, len(new.before.impact)) == ((), 0)
    assert [node.key for node in new.after.sources] == ["@third"]
    assert new.after.context == ()
    gone = await assess_planned(graph, Scenario(["Server:two"], context=["@third=down"], assume_up=["Server:one"]))
    assert [node.name for node in gone.before.assumed_up] == ["one"]
    assert (len(gone.before.impact), len(gone.after.impact)) == (2, 0)


async def test_what_cannot_be_asked_is_refused(shop: Application) -> None:
    graph = await graph_of(shop)
    with pytest.raises(Usage, match="no node"):
        await assess_planned(graph, Scenario([]))
    with pytest.raises(NotFound, match="no operation creates @fourth"):
        await assess_planned(graph, Scenario(["@fourth"]))
    with pytest.raises(NotFound, match="SRV-000009"):
        await assess_planned(graph, Scenario(["SRV-000009"]))
    with pytest.raises(Invalid, match="nothing was written"):
        await planned_graph(shop, read_operations(b'{"put": {"ref": "@a", "class": "Server"}}', "plan"))
    assert len(await to_change_set(shop.store, read_operations(OPERATIONS, "plan"))) == 4
