"""The contract: leaves of everything that a store knows are right, whatever it knows, and what is touched is stale."""

from __future__ import annotations

import asyncio

from hypothesis import given

from cmdb.ledger import BUCKET, node_line, relationship_line
from cmdb.nodes import Relationship
from cmdb.store.leaves import NO_CONTENT, PARTS, Leaf, Leaves, Part, known_leaves, leaf_of, leaf_rows
from cmdb.store.lines import bucketed
from cmdb.store.port import Store
from graph_schema.metamodel import Ends, Kind, Model
from tests import strategies
from tests.reference.book import Book
from tests.reference.graph import Reference
from tests.reference.model import MODEL
from tests.store.pair import Pair
from tests.store.places import Places, opened
from tests.store.running import examples


def content(reference: Reference, revision: int) -> dict[Part, dict[int, Leaf]]:
    """The leaves of the live items and of the relationships between items, from the values themselves."""
    items = {
        node.ordinal: node
        for node in reference.all_nodes(revision)
        if reference.model.class_by_name[node.class_name].kind is Kind.CI
    }
    live = [node for node in items.values() if not node.retired]

    def inside(edge: Relationship) -> bool:
        return edge.source in items and edge.target in items

    inner = [edge for edge in reference.all_relationships(revision) if inside(edge)]
    return {
        Part.ITEMS: {lines.bucket: leaf_of(lines) for lines in bucketed(live, lambda n: n.ordinal, node_line)},
        Part.RELATIONSHIPS: {
            lines.bucket: leaf_of(lines) for lines in bucketed(inner, lambda r: r.id, relationship_line)
        },
    }


async def known_are_right(store: Store, reference: Reference) -> Leaves:
    kept = await store.leaves()
    assert kept.revision == reference.head.revision
    expected = content(reference, kept.revision)
    for part in PARTS:
        assert {b: expected[part].get(b, NO_CONTENT) for b in kept.known[part]} == kept.known[part]
        assert expected[part].keys() <= kept.known[part].keys() | kept.unknown(part)
    return kept


async def renewed(store: Store, reference: Reference) -> None:
    kept = await store.leaves()
    expected = content(reference, kept.revision)
    missing = {part: {b: expected[part].get(b, NO_CONTENT) for b in kept.unknown(part)} for part in PARTS}
    await store.renew_leaves(Leaves(kept.revision, kept.sizes, missing))


def test_what_is_known_is_right_whatever_is_committed(places: Places) -> None:
    @examples(places)
    @given(strategies.histories())
    def check(book: Book) -> None:
        asyncio.run(_replayed(places, book))

    check()


async def _replayed(places: Places, book: Book) -> None:
    reference = Reference()
    async with opened(await places.empty()) as store:
        for number, commit in enumerate(book.reference.commits):
            await store.commit(commit)
            reference.commit(commit)
            await known_are_right(store, reference)
            if number % 2:
                await renewed(store, reference)
                kept = await known_are_right(store, reference)
                assert not any(kept.unknown(part) for part in PARTS)


async def test_what_one_commit_fills_is_known_and_what_is_touched_is_not(pair: Pair) -> None:
    book, store = pair.book, pair.store
    await pair.commit()
    for number in range(3 * BUCKET):
        book.node(name=f"n{number}")
        if number:
            book.link(number, number // 2, "RUNS_ON", attributes={"port": number})
    await pair.commit()
    kept = await known_are_right(store, pair.reference)
    assert not any(kept.unknown(part) for part in PARTS)
    book.change(BUCKET, name="changed")
    book.unlink(0)
    await pair.commit()
    kept = await known_are_right(store, pair.reference)
    assert [kept.unknown(part) for part in PARTS] == [{1}, {0}]
    book.node(name="late")
    await pair.commit()
    kept = await known_are_right(store, pair.reference)
    assert [kept.unknown(part) for part in PARTS] == [{1}, {0}]
    book.retire(1)
    await pair.commit()
    assert Part.ITEMS in kept.known
    assert 0 in (await known_are_right(store, pair.reference)).unknown(Part.ITEMS)


async def test_what_was_read_before_a_commit_does_not_hide_what_it_touched(pair: Pair) -> None:
    await pair.commit()
    for number in range(2 * BUCKET):
        pair.book.node(name=f"n{number}")
    pair.book.change(0, name="changed at once")
    pair.book.change(BUCKET, name="changed at once")
    await pair.commit()
    before = await pair.store.leaves()
    assert before.unknown(Part.ITEMS) == {0, 1}
    read = {Part.ITEMS: content(pair.reference, before.revision)[Part.ITEMS], Part.RELATIONSHIPS: {}}
    pair.book.change(0, name="changed again")
    await pair.commit()
    await pair.store.renew_leaves(Leaves(before.revision, before.sizes, read))
    assert (await known_are_right(pair.store, pair.reference)).unknown(Part.ITEMS) == {0}


async def test_a_model_that_says_otherwise_what_joins_items_makes_all_of_them_stale(pair: Pair) -> None:
    book = pair.book
    await pair.commit()
    web, payroll = book.node(), book.node("Service", "svc-payroll", attributes={"owner": "ann"})
    await pair.commit()
    book.install(MODEL)
    await pair.commit()
    assert not (await known_are_right(pair.store, pair.reference)).unknown(Part.ITEMS)
    book.install(_joined_by_tickets_too("PART_OF"))
    await pair.commit()
    assert (await known_are_right(pair.store, pair.reference)).unknown(Part.ITEMS) == {0}
    ticket = book.node("Ticket", "help")
    book.link(web, payroll, "PART_OF")
    book.link(ticket, payroll, "PART_OF")
    await pair.commit()
    kept = await known_are_right(pair.store, pair.reference)
    assert kept.known[Part.RELATIONSHIPS][0].count == 1


def _joined_by_tickets_too(type_name: str) -> Model:
    types = tuple(
        kind.model_copy(update={"ends": (*kind.ends, Ends(source="Ticket", target="Service"))})
        if kind.name == type_name
        else kind
        for kind in MODEL.relationship_types
    )
    return MODEL.model_copy(update={"relationship_types": types})


def test_an_altered_leaf_is_as_good_as_none() -> None:
    [row] = leaf_rows({Part.ITEMS: {7: Leaf(3, b"\x01" * 32)}, Part.RELATIONSHIPS: {}})
    part, bucket, body = row
    assert body is not None
    assert known_leaves([row])[Part.ITEMS] == {7: Leaf(3, b"\x01" * 32)}
    for at in range(len(body)):
        altered = body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :]
        assert known_leaves([(part, bucket, altered)]) == {Part.ITEMS: {}, Part.RELATIONSHIPS: {}}
    for elsewhere in ((part, bucket + 1, body), (1 - part, bucket, body), (part, bucket, b""), (part, bucket, None)):
        assert not any(known_leaves([elsewhere]).values())
