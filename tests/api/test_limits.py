"""Hostile questions cost little and are told why they are not answered."""

from __future__ import annotations

import logging

import pytest

from api.graphql import Answering, Question
from api.graphql.answering import ATTEMPTS
from cmdb.application import Application
from cmdb.changeset import Put
from cmdb.filters import Filter
from tests.api.counting import counted
from tests.api.estate import Desk, at, write

DEEP = '{ node(ref: "SRV-000001") { ' + "relationships { edges { node { " * 30 + "key" + " } } }" * 30 + " } }"
WIDE = "{ " + " ".join(f"a{n}: revision" for n in range(3_000)) + " }"
HEAVY = "{ nodes(first: 1000) { edges { node { relationships(first: 1000) { edges { node { key } } } } } } }"
COSTLY = "{ " + " ".join(f'a{n}: dependents(of: ["SRV-000001"]) {{ total }}' for n in range(60)) + " }"
BOMB = "query { ...f0 } " + " ".join(
    f"fragment f{n} on Query {{ a{n}: estate {{ id }} ...f{n + 1} ...f{n + 1} ...f{n + 1} }}" for n in range(30)
) + " fragment f30 on Query { revision }"  # fmt: skip
CIRCLE = "{ ...a } fragment a on Query { revision ...b } fragment b on Query { ...a }"
SELF = '{ node(ref: "x") { ...a } } fragment a on Node { relationships { edges { node { ...a } } } }'


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (DEEP, "levels deep"),
        (WIDE, "fields"),
        (HEAVY, "rows"),
        (COSTLY, "rows"),
        (BOMB, "fields"),
        (CIRCLE, "holds itself"),
        (SELF, "holds itself"),
        ("{a" * 4_000, "too deeply"),
        ("{ nodes(where: " + "{ NOT: " * 3_000 + "{}" + " }" * 3_000 + ") { totalCount } }", "too deeply"),
        ("{ a(b: " + "[" * 4_000 + "]" * 4_000 + ") }", "too deeply"),
        ("{ " + "revision " * 20_000 + "}", "characters"),
        ("{ " + "a " * 12_000 + "}", "tokens"),
        ("", "Unexpected <EOF>"),
        ("fragment a on Query { revision }", "no operation"),
        ("query a { revision } query b { revision }", "no operation"),
        ("subscription { revision }", "subscription"),
        ("{ revision @defer }", "defer"),
    ],
    ids=range(17),
)
async def test_a_hostile_query_is_refused_before_it_reads(application: Application, query: str, words: str) -> None:
    watched, calls = counted(application)
    answering = Answering(watched)
    answer = await answering.answer(Question(query))
    assert at(answer.body, "errors", 0, "extensions", "code") == "usage"
    assert words in str(at(answer.body, "errors", 0, "message"))
    assert not {"find", "nodes", "relationships", "count", "node_columns"} & set(calls)


async def test_a_filter_that_nests_in_variables_is_refused(desk: Desk) -> None:
    where: dict[str, object] = {"isA": "Item"}
    for _ in range(5_000):
        where = {"NOT": where}
    query = "query ($where: FilterInput) { nodes(where: $where) { totalCount } }"
    code, message = await desk.error(query, where=where)
    assert code == "usage"
    assert "too deeply" in str(message)


async def test_pages_in_variables_count_as_well(desk: Desk) -> None:
    query = "query ($n: Int! = 1000) { nodes(first: $n) { edges { node { relationships(first: $n) { edges { cursor } } } } } }"
    assert (await desk.error(query, n=1000))[0] == "usage"
    assert (await desk.error(query))[0] == "usage"
    await desk.ask(query, n=10)


async def test_people_may_introspect(desk: Desk) -> None:
    from graphql import get_introspection_query

    found = await desk.ask(get_introspection_query(), "__schema", "queryType")
    assert at(found, "name") == "Query"


async def test_what_nobody_expected_is_logged_and_not_told(
    application: Application, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken:
        def __getattr__(self, name: str) -> object:
            if name == "find":
                raise ZeroDivisionError("the inside of the store")
            return getattr(application.store, name)

    broken = Application(Broken(), application.door, application.follower, application.structures, application.clock)  # pyright: ignore[reportArgumentType]  # stands before a store
    with caplog.at_level(logging.ERROR):
        answer = await Answering(broken).answer(Question("{ nodes { edges { cursor } } }"))
    assert at(answer.body, "errors", 0, "message") == "the server failed"
    assert "inside" not in str(answer.body)
    assert "the inside of the store" in caplog.text


async def test_a_query_that_takes_too_long_is_ended(application: Application) -> None:
    answer = await Answering(application, seconds=0).answer(Question("{ nodes { totalCount } }"))
    assert "took longer" in str(at(answer.body, "errors", 0, "message"))


class _Restless:
    """A store that somebody else writes to in the middle of a read, `times` times."""

    def __init__(self, application: Application, times: int) -> None:
        self._application = application
        self.times = times

    def __getattr__(self, name: str) -> object:
        return getattr(self._application.store, name)

    async def count(self, where: Filter, as_of: int | None = None) -> int:
        if self.times:
            self.times -= 1
            await write(self._application, Put(node=0, attributes={"note": f"{self.times} more"}))
        return await self._application.store.count(where, as_of)


@pytest.mark.parametrize("times", [0, 1, ATTEMPTS - 1, 100])
async def test_an_answer_is_of_one_revision_whoever_writes(application: Application, times: int) -> None:
    restless = _Restless(application, times)
    shaken = Application(restless, application.door, application.follower, application.structures, application.clock)  # pyright: ignore[reportArgumentType]  # stands before a store
    query = """{ nodes(class: "Service") { totalCount edges { node { since } } } estate { revision } ledger { totalCount }
        dependents(of: ["SRV-000002"]) { revision } }"""
    answer = await Answering(shaken).answer(Question(query))
    revision = at(answer.body, "extensions", "revision")
    assert revision == 4 + min(times, ATTEMPTS - 1)
    assert at(answer.body, "data", "estate", "revision") == revision
    assert at(answer.body, "data", "ledger", "totalCount") == revision
    assert at(answer.body, "data", "dependents", "revision") == revision
    newest = at(answer.body, "data", "nodes", "edges", 0, "node", "since")
    assert newest == (2 if times == 0 else revision)
