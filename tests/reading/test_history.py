"""The story of a node: its own steps and those of its relationships, and that they add up to what stands."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given

from cmdb.nodes import Attributes
from cmdb.reading import Event, node_events
from cmdb.reading.history import FieldChange, Step
from cmdb.store.port import Store
from tests import strategies
from tests.reference.book import Book
from tests.store.places import SQLITE, opened


def told(event: Event) -> tuple[int, Step, dict[str, tuple[object, object]], tuple[str, str, str] | None]:
    """Revision, step, changes, and (source, type and key, target) of a relationship."""
    r = event.relationship
    ends = None if r is None else (r.source.name, f"{r.type}{r.key}", r.target.name)
    return event.header.revision, event.step, {c.field: (c.before, c.after) for c in event.changes}, ends


async def written(store: Store, book: Book) -> None:
    for commit in book.reference.commits:
        await store.commit(commit)


async def test_a_small_life_is_told_in_order(tmp_path: Path) -> None:
    book = Book()
    book.commit()
    web, db = book.node(name="web", attributes={"count": 2}), book.node(name="db")
    book.commit()
    cable = book.link(web, db, attributes={"speed": 1})
    runs = book.link(db, web, "RUNS_ON", key="b")
    book.commit()
    book.change(web, name="web-1", state="under_change", attributes={"count": None, "note": "new"})
    book.commit()
    book.relink(cable, {"speed": 10})
    book.commit()
    book.change(db, name="db-1")
    book.commit()
    book.unlink(runs)
    book.commit()
    book.retire(web)
    book.commit()

    async with opened(f"{SQLITE}{tmp_path / 'store.db'}") as store:
        await written(store, book)
        events = await node_events(store, web)
        others = await node_events(store, db)

    linked = ("web-1", "CONNECTED_TO", "db-1")
    assert [told(event) for event in events] == [
        (2, Step.CREATED, {"name": (None, "web"), "state": (None, "in_use"), "count": (None, 2)}, None),
        (3, Step.LINKED, {"speed": (None, 1)}, linked),
        (3, Step.LINKED, {}, ("db-1", "RUNS_ONb", "web-1")),
        (
            4,
            Step.CHANGED,
            {"name": ("web", "web-1"), "state": ("in_use", "under_change"), "count": (2, None), "note": (None, "new")},
            None,
        ),
        (5, Step.RELINKED, {"speed": (1, 10)}, linked),
        (7, Step.UNLINKED, {}, ("db-1", "RUNS_ONb", "web-1")),
        (8, Step.RETIRED, {"state": ("under_change", "dismantled")}, None),
        (8, Step.UNLINKED, {}, linked),
    ]
    assert [(e.header.revision, e.step) for e in others] == [
        (2, Step.CREATED),
        (3, Step.LINKED),
        (3, Step.LINKED),
        (5, Step.RELINKED),
        (6, Step.CHANGED),
        (7, Step.UNLINKED),
        (8, Step.UNLINKED),
    ]
    for event in events:
        assert event.header == book.reference.commits[event.header.revision - 1].header


async def test_a_node_that_was_never_linked_has_its_own_steps_only(tmp_path: Path) -> None:
    book = Book()
    book.commit()
    loop = book.node(name="loop")
    book.link(loop, loop, attributes={"speed": 1})
    alone = book.node(name="alone")
    book.commit()
    async with opened(f"{SQLITE}{tmp_path / 'store.db'}") as store:
        await written(store, book)
        assert [e.step for e in await node_events(store, alone)] == [Step.CREATED]
        assert [e.step for e in await node_events(store, loop)] == [Step.CREATED, Step.LINKED]
        assert await node_events(store, 99) == []


def apply(fields: Attributes, changes: tuple[FieldChange, ...]) -> None:
    for change in changes:
        assert fields.get(change.field) == change.before
        assert change.before != change.after
        if change.after is None:
            del fields[change.field]
        else:
            fields[change.field] = change.after


@given(strategies.histories())
def test_the_steps_add_up_to_what_stands(book: Book) -> None:
    async def check() -> None:
        with tempfile.TemporaryDirectory() as folder:
            async with opened(f"{SQLITE}{Path(folder) / 'store.db'}") as store:
                await written(store, book)
                for ordinal in book.reference.now.nodes:
                    _adds_up(book, ordinal, await node_events(store, ordinal))

    asyncio.run(check())


def _adds_up(book: Book, ordinal: int, events: list[Event]) -> None:
    node = book.reference.now.nodes[ordinal]
    fields: Attributes = {}
    joined: dict[int, Attributes] = {}
    for event in events:
        r = event.relationship
        if r is None:
            apply(fields, event.changes)
            assert (event.step is Step.CREATED) == (event is events[0])
        elif event.step is Step.UNLINKED:
            del joined[r.id]
        else:
            assert (event.step is Step.LINKED) == (r.id not in joined)
            apply(joined.setdefault(r.id, {}), event.changes)
    assert fields == {"name": node.name, "state": node.state, **node.attributes}
    assert joined == {
        r.id: r.attributes for r in book.reference.now.relationships.values() if ordinal in {r.source, r.target}
    }
    revisions = [event.header.revision for event in events]
    assert revisions == sorted(revisions)
