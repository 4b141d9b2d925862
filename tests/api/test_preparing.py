"""A text that is asked again is answered anew: nothing of one request stays for the next."""

from __future__ import annotations

from api.graphql import Question
from tests.api.estate import Desk, at

CHOSEN = """query ($refs: [String!]!, $labelled: Boolean!) { nodesByRef(refs: $refs) {
    key classLabel @include(if: $labelled) { en } ... on Server { serial } ... on VirtualServer { share } } }"""
PLAIN = """query ($refs: [String!]!) { nodesByRef(refs: $refs) {
    __typename key ... on Server { serial } ... on VirtualServer { share } } }"""
SEVERAL = "query a { revision } query b { estate { revision } }"


async def test_directives_are_looked_at_each_time(desk: Desk) -> None:
    for labelled in (True, False, True):
        found = await desk.ask(CHOSEN, "nodesByRef", 0, refs=["Server:web-1"], labelled=labelled)
        assert found == {
            "key": "SRV-000001",
            **({"classLabel": {"en": "for tests"}} if labelled else {}),
            "serial": "S-1",
        }


async def test_each_class_is_read_by_its_own_fields_whichever_came_first(desk: Desk) -> None:
    web = {"__typename": "Server", "key": "SRV-000001", "serial": "S-1"}
    db1 = {"__typename": "VirtualServer", "key": "VM-000001", "share": 50}
    for refs, wanted in ((["Server:web-1"], [web]), (["VirtualServer:db1", "Server:web-1"], [db1, web])):
        assert await desk.ask(PLAIN, "nodesByRef", refs=refs) == wanted


async def test_an_operation_of_several_is_found_by_its_name_each_time(desk: Desk) -> None:
    for name in ("a", "b", "a"):
        answer = await desk.answering.answer(Question(SEVERAL, operation=name))
        revision = at(answer.body, "data", *(("revision",) if name == "a" else ("estate", "revision")))
        assert revision == at(answer.body, "extensions", "revision")


async def test_the_rows_of_a_text_are_counted_by_its_variables(desk: Desk) -> None:
    query = """query ($first: Int!) { nodes(first: 1000) { edges { node {
        relationships(first: $first) { totalCount edges { node { key } } } } } } }"""
    for _ in range(2):
        assert await desk.ask(query, "nodes", "edges", first=2)
        code, words = await desk.error(query, first=500)
        assert code == "usage"
        assert "rows" in str(words)
