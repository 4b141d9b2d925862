"""impact --change and --ongoing: what changes plan, and what is being worked on anyway."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from cmdb.changes import Action
from cmdb.reading.operation_text import read_operations
from tests.changes.office import an_estate, carried, drafted
from tests.cli.program import Here

DB_1, DB_2, WEB = "DatabaseInstance:db-1", "DatabaseInstance:db-2", "VirtualMachine:web-1"
THIRD = b"""
- put: {ref: "@three", class: DatabaseInstance, name: db-3}
- link: {type: HAS_MEMBER, from: DCL-000001, to: "@three"}
"""


@pytest.fixture
def office(nothing: Here) -> Here:
    """CHG-000001 is working on db-1, CHG-000002 is to add a database to the cluster, CHG-000003 plans nothing."""

    async def fill(folder: Path) -> None:
        async with an_estate(folder) as (application, hands):
            first = (await drafted(application, hands, DB_1)).change
            await drafted(application, hands, DB_2, operations=read_operations(THIRD, "plan"))
            await drafted(application, hands, WEB)
            await carried(application, hands, first.key, until=Action.BEGIN)

    asyncio.run(fill(nothing.folder))
    return nothing


def counts(said: object) -> tuple[object, object]:
    found = msgspec.convert(msgspec.convert(said, dict[str, object])["counts"], dict[str, int])
    return found["down"], found["at_risk"]


def test_what_is_being_worked_on_has_failed_already(office: Here) -> None:
    assert counts(office.done("impact", DB_2, "-o", "json").value()) == (1, 1)
    ongoing = office.done("impact", DB_2, "--ongoing", "-o", "json").value()
    assert counts(ongoing) == (3, 0)
    assert ongoing == office.done("impact", DB_2, "--context", DB_1, "-o", "json").value()
    refused = office("impact", DB_2, "--ongoing", "--as-of", "3")
    assert (refused.code, "--as-of" in refused.err) == (2, True)


def test_a_change_is_asked_with_what_it_plans(office: Here) -> None:
    whole = office.done("impact", "--change", "CHG-000002", "--ongoing", "-o", "json").value()
    assert (counts(whole["before"]), counts(whole["after"])) == ((3, 0), (1, 1))
    assert whole["redundancy_gained"] == []
    before = office.done("impact", DB_2, "-o", "json").value()
    assert office.done("impact", DB_2, "--change", "CHG-000002", "-o", "json").value()["before"] == before


def test_a_change_does_not_count_as_going_on_beside_itself(office: Here) -> None:
    alone = office.done("impact", "--change", "CHG-000001", "--ongoing", "-o", "json").value()
    assert counts(alone["before"]) == counts(alone["after"]) == (1, 1)


def test_what_cannot_be_asked_together_is_refused(office: Here) -> None:
    file = office.folder / "plan.yaml"
    file.write_bytes(THIRD)
    for arguments in (["--planned", file], ["--as-of", "3"], ["--format", "svg"]):
        assert office("impact", "--change", "CHG-000002", *map(str, arguments)).code == 2
    said = office("impact", "--change", WEB)
    assert (said.code, "no change" in said.err) == (3, True)
