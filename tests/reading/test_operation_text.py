"""Operations as data: every way of writing them says the same, and what is wrong is told with its place."""

from __future__ import annotations

import asyncio
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmdb.changeset import ChangeSet, Link, New, Put, Retire, Unlink
from cmdb.errors import Invalid, NotFound
from cmdb.reading.operation_text import (
    MOST_PROBLEMS,
    WrittenLink,
    WrittenOperation,
    WrittenPut,
    WrittenRetire,
    WrittenUnlink,
    operation_line,
    operation_of_line,
    read_operations,
    to_change_set,
    written,
)
from tests import strategies
from tests.reference.book import Book
from tests.reference.model import MODEL
from tests.store.places import SQLITE, opened

LINES = b"""\
{"put": {"ref": "@web", "class": "Server", "name": "web-7", "attributes": {"count": 16, "price": 12.50, "tags": ["a"]}}}
{"put": {"ref": "SRV-000001", "state": "under_change", "attributes": {"note": null}, "expects": 1}}

{"link": {"type": "RUNS_ON", "from": "Server:db", "to": "@web", "key": "b", "attributes": {"port": 443}, "expects": 0}}
{"unlink": {"type": "RUNS_ON", "from": "Server:db", "to": "SRV-000001"}}
{"retire": {"ref": "Server:db", "state": "dismantled"}}
"""
READ: tuple[WrittenOperation, ...] = (
    WrittenPut(
        ref="@web", class_name="Server", name="web-7", attributes={"count": 16, "price": "12.50", "tags": ("a",)}
    ),
    WrittenPut(ref="SRV-000001", state="under_change", attributes={"note": None}, expects=1),
    WrittenLink(type="RUNS_ON", source="Server:db", target="@web", key="b", attributes={"port": 443}, expects=0),
    WrittenUnlink(type="RUNS_ON", source="Server:db", target="SRV-000001"),
    WrittenRetire(ref="Server:db", state="dismantled"),
)
YAML = b"""\
# what the change does
- put: {ref: "@web", class: Server, name: web-7, attributes: {count: 16, price: 12.50, tags: [a]}}
- put:
    ref: SRV-000001
    state: under_change
    attributes: {note: null}
    expects: 1
- link: {type: RUNS_ON, from: "Server:db", to: "@web", key: b, attributes: {port: 443}, expects: 0}
- unlink: {type: RUNS_ON, from: "Server:db", to: SRV-000001}
- retire: {ref: "Server:db", state: dismantled}
"""


def listed(lines: bytes) -> bytes:
    return b"[" + b",\n".join(line for line in lines.splitlines() if line) + b"]"


@pytest.mark.parametrize("data", [LINES, listed(LINES), YAML, b"\xef\xbb\xbf" + LINES, b"\n " + listed(LINES)])
def test_each_way_of_writing_says_the_same(data: bytes) -> None:
    assert read_operations(data, "file") == READ


@pytest.mark.parametrize("data", [b"", b"\n\n", b"[]", b"# nothing\n"])
def test_nothing_is_no_operation(data: bytes) -> None:
    assert read_operations(data, "file") == ()


@pytest.mark.parametrize(
    ("data", "where", "words"),
    [
        (b'{"put": {"ref": "@a"}}\n{"put": {"rf": "@b"}}', "f:2", "unknown field `rf`"),
        (b'{"put": {"ref": "@a"}, "retire": {"ref": "@a"}}', "f:1", "exactly one of put, retire, link, unlink"),
        (b"{}", "f:1", "exactly one of"),
        (b'{"link": {"type": "T", "from": "a"}}', "f:1", "missing required field `to`"),
        (b'{"put": {"ref": "@"}}', "f:1", "a reference is empty"),
        (b'{"put": {"ref": "@a", "name": "x", "name": "y"}}', "f:1", "'name' is there twice"),
        (b'{"put": {"ref": "@a", "attributes": {"x": {"y": 1}}}}', "f:1", "Expected `bool | int | str | array | null`"),
        (b'{"put": {"ref": "@a", "attributes": {"x": %s}}}' % (b"9" * 5000), "f:1", "limit"),
        (b'{"put": {"ref": "@a", "attributes": {"x": NaN}}}', "f:1", "NaN is no number"),
        (b'{"put": {"ref": "@a", "name": "\\ud800"}}', "f:1", "Unicode"),
        (b'{"put": {"ref": "@a", "name": "\xff"}}', "f:1", "not UTF-8"),
        (b'{"put": ' * 100_000, "f:1", "nested too deep"),
        (b"[" * 1_000_000, "f", "this is no list in JSON"),
        (b'[{"put": {"ref": "@a"}}, 5]', "f, operation 2", "got `int`"),
        (b'[{"put": {"ref": "@a"}}', "f", "truncated"),
        (b"- put: {ref: '@a'}\n- put: {rf: '@b'}\n", "f:2", "unknown field `rf`"),
        (b"put: {ref: '@a'}\n", "f:1", "no list"),
        (b"- &a [*a]\n", "f:1", "anchors and aliases"),
        (b"- !!python/object:os.system {}\n", "f:1", "tags"),
        (b"- " * 50, "f:1", "deeper"),
        (b"- a: b: c\n", "f:1", "YAML"),
        (b"\xff\xfe[\x00]\x00", "f:1", "UTF-8"),
        (b"- x\n" * 300_000, "f", "MiB"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(data: bytes, where: str, words: str) -> None:
    with pytest.raises(Invalid) as caught:
        read_operations(data, "f")
    (problem,) = caught.value.problems
    assert (problem.where, words in problem.message) == (where, True), problem
    assert problem.remedy


def test_every_problem_is_told_at_once_up_to_a_bound() -> None:
    with pytest.raises(Invalid) as caught:
        read_operations(b'{"put": {}}\n{"put": {"ref": "@a"}}\nnonsense\n{"retire": {"ref": ""}}\n', "f")
    assert [problem.where for problem in caught.value.problems] == ["f:1", "f:3", "f:4"]
    with pytest.raises(Invalid) as caught:
        read_operations(b"{\n" * 10 * MOST_PROBLEMS, "f")
    assert len(caught.value.problems) == MOST_PROBLEMS + 1
    assert caught.value.problems[-1].message == "the rest was not looked at"


_text = st.one_of(strategies.text, st.just("@a"))
_refs = _text.filter(lambda text: text not in {"", "@"})
_scalars = st.one_of(st.booleans(), st.integers(-(2**63), 2**63 - 1), strategies.text)
_patches = st.dictionaries(_text, st.one_of(st.none(), _scalars, st.lists(_scalars, max_size=3).map(tuple)), max_size=4)
_maybe = st.none() | _text
_expects = st.none() | st.integers(0, 2**40)
operations = st.one_of(
    st.builds(
        WrittenPut, ref=_refs, class_name=_maybe, name=_maybe, state=_maybe, attributes=_patches, expects=_expects
    ),
    st.builds(WrittenRetire, ref=_refs, state=_maybe, expects=_expects),
    st.builds(WrittenLink, type=_text, source=_refs, target=_refs, key=_text, attributes=_patches, expects=_expects),
    st.builds(WrittenUnlink, type=_text, source=_refs, target=_refs, key=_text),
)


@given(st.lists(operations, max_size=4))
def test_a_line_says_the_operation_again_and_is_the_only_one_that_does(some: list[WrittenOperation]) -> None:
    lines = [operation_line(operation) for operation in some]
    assert [operation_of_line(line) for line in lines] == some
    assert all("\n" not in line for line in lines)
    shuffled = [json.dumps(json.loads(line), indent=1).replace("\n", " ") for line in lines]
    assert [operation_line(operation_of_line(text)) for text in shuffled] == lines
    assert read_operations("\n".join(lines).encode(), "f") == tuple(some)
    assert read_operations(f"[{','.join(lines)}]".encode(), "f") == tuple(some)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"put": {"ref": "@a"}}\n{"put": {"ref": "@a"}}', "- put: {ref: '@a'}", "\ud800"]
)
def test_what_is_not_one_line_is_no_operation(text: str) -> None:
    with pytest.raises(Invalid, match="this is no operation"):
        operation_of_line(text)


def test_what_cannot_be_kept_is_refused() -> None:
    with pytest.raises(Invalid, match="no Unicode"):
        operation_line(WrittenPut(ref="@a", attributes={"x": "\ud800"}))


async def test_references_become_nodes_and_back(tmp_path: Path) -> None:
    book = Book()
    book.commit()
    web, db = book.node("Server", "web"), book.node("Server", "db")
    book.commit()
    async with opened(f"{SQLITE}{tmp_path / 'store.db'}") as store:
        for commit in book.reference.commits:
            await store.commit(commit)
        change_set = await to_change_set(store, READ)
        assert change_set == ChangeSet(
            (
                Put(
                    node=New("web"),
                    class_name="Server",
                    name="web-7",
                    attributes={"count": 16, "price": "12.50", "tags": ("a",)},
                ),
                Put(node=web, state="under_change", attributes={"note": None}, expects=1),
                Link(type="RUNS_ON", source=db, target=New("web"), key="b", attributes={"port": 443}, expects=0),
                Unlink(type="RUNS_ON", source=db, target=web),
                Retire(node=db, state="dismantled"),
            )
        )
        said = await written(store, change_set)
        assert [operation_line(o).replace("Server:db", "SRV-000002") for o in READ] == [operation_line(o) for o in said]
        assert await to_change_set(store, said) == change_set
        assert await to_change_set(store, ()) == ChangeSet(())
        with pytest.raises(NotFound, match="SRV-000009"):
            await to_change_set(store, [*READ, WrittenRetire(ref="SRV-000009")])
        with pytest.raises(NotFound, match="ordinal 99"):
            await written(store, ChangeSet((Retire(node=99),)))


@given(strategies.histories(most_commits=2), st.data())
def test_any_change_set_is_said_and_understood_again(book: Book, data: st.DataObject) -> None:
    change_set = data.draw(strategies.change_sets(MODEL, book.reference.now))

    async def there_and_back(folder: str) -> ChangeSet:
        async with opened(f"{SQLITE}{folder}/store.db") as store:
            for commit in book.reference.commits:
                await store.commit(commit)
            try:
                lines = [operation_line(operation) for operation in await written(store, change_set)]
            except NotFound:
                assert "=1000000" in repr(change_set), "only who was never there is missing"
                return change_set
            return await to_change_set(store, [operation_of_line(line) for line in lines])

    with tempfile.TemporaryDirectory() as folder:
        assert asyncio.run(there_and_back(folder)) == change_set
