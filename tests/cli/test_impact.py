"""impact on the command line: the verdict, the reasons and the evidence, as the definition of failure has them."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from cmdb.application import open_application
from tests.cli.program import Here, url
from tests.examples.estate import Answer, answers
from tests.impact.test_following import case_of
from tests.reference.impact import Reference

ARRAY = "StorageDevice:dui-sto-01"


def expected(here: Here, scenario: dict[str, str], context: dict[str, str] | None = None) -> dict[str, object]:
    """What the reference says of the store, CIs called by their keys."""

    async def read() -> dict[str, object]:
        application = await open_application(url(here.folder / "store.sqlite"))
        nodes = [n async for batch in application.store.all_nodes() for n in batch]
        relationships = [r async for batch in application.store.all_relationships() for r in batch]
        model = await application.model()
        await application.close()
        key = {str(node.ordinal): node.key for node in nodes}
        ordinal = {node.key: str(node.ordinal) for node in nodes}
        case = case_of(model, nodes, relationships, {ordinal[k]: state for k, state in scenario.items()})
        case["context"] = {ordinal[k]: state for k, state in (context or {}).items()}
        answer = Reference(case).expected()
        return {
            **{name: {key[o] for o in answer[name]} for name in ("down", "degraded", "at_risk", "saved")},
            "distance": {key[o]: distance for o, distance in answer["distance"].items()},
        }

    return asyncio.run(read())


@pytest.mark.parametrize(
    ("things", "options", "context"),
    [
        (("StorageDevice:dui-sto-01",), (), {}),
        (("Hypervisor:dui-hyp-01",), (), {}),
        (("Hypervisor:dui-hyp-01", "Hypervisor:dui-hyp-02"), (), {}),
        (("Hypervisor:dui-hyp-01",), ("--context", "Hypervisor:dui-hyp-02"), {"Hypervisor:dui-hyp-02": "down"}),
        (
            ("Hypervisor:dui-hyp-01",),
            ("--context", "DeviceStack:dui-core=degraded"),
            {"DeviceStack:dui-core": "degraded"},
        ),
        (("PowerDistributionUnit:dui-pdu-a02-b",), ("--state", "degraded"), {}),
        (("Site:Duisburg 1",), (), {}),
    ],
)
def test_it_is_what_failure_means(
    estate: Here, things: tuple[str, ...], options: tuple[str, ...], context: dict[str, str]
) -> None:
    def key(thing: str) -> str:
        return str(estate.done("ci", "show", thing, "-o", "json").value()["key"])

    state = options[1] if "--state" in options else "down"
    wanted = expected(estate, {key(t): state for t in things}, {key(t): s for t, s in context.items()})
    answer = estate.done("impact", *things, *options, "-o", "json")
    hits = answer.part("hits")
    for verdict in ("down", "degraded", "at_risk"):
        assert {h["key"] for h in hits if h["state"] == verdict} == wanted[verdict]
    assert set(msgspec.convert(answer.value()["saved"], list[str])) == wanted["saved"]
    assert {h["key"]: h["distance"] for h in hits} == wanted["distance"]
    assert [h["distance"] for h in hits] == sorted(int(str(h["distance"])) for h in hits)
    assert answer.value()["complete"] is True
    for hit in hits:
        path = msgspec.convert(hit["path"], list[dict[str, object]])
        assert len(path) == hit["distance"]
        for hop in path:
            assert hop["since"]
            assert hop["sources"], "every relationship of the estate came from a file"


def test_people_get_the_verdict_first(estate: Here) -> None:
    said = estate.done("impact", ARRAY).out
    assert said.startswith("dui-sto-01 (STD-000001): takes down 9 services, degrades 1 service, leaves 2 services")
    assert "owners to tell:" in said
    assert "△ at risk" in said
    lucky = estate.done("impact", "Hypervisor:dui-hyp-01").out
    assert "no service fails" in lucky.splitlines()[0]
    assert "pool hosts needs 2 of 3, 2 left without dui-hyp-01" in lucky
    assert "no service" not in estate.done("impact", "Hypervisor:dui-hyp-01", "--context", "Hypervisor:dui-hyp-02").out


def test_services_customers_and_owners_are_named(estate: Here) -> None:
    answer = estate.done("impact", ARRAY, "-o", "json").value()
    services = msgspec.convert(answer["services"], dict[str, list[str]])
    hits = {h["key"]: h["state"] for h in estate.done("impact", ARRAY, "-o", "json").part("hits")}
    assert services["down"]
    for verdict, keys in services.items():
        assert {hits[key] for key in keys} <= {verdict}
        for key in keys:
            customers = [
                r["to"]
                for r in estate.done("ci", "show", key, "-o", "json").part("relationships")
                if r["type"] in {"FOR_CUSTOMER", "COVERED_BY", "OWNED_BY", "SUPPORTED_BY"} and r["from"] == key
            ]
            told = [*msgspec.convert(answer["customers"], list[str]), *msgspec.convert(answer["agreements"], list[str])]
            assert set(customers) <= {*told, *msgspec.convert(answer["owners"], list[str])}
    counts = msgspec.convert(answer["by_environment"], dict[str, dict[str, int]])
    for verdict in ("down", "degraded", "at_risk"):
        assert sum(counts[verdict].values()) == msgspec.convert(answer["counts"], dict[str, int])[verdict]


def test_what_there_was_no_time_for_is_said(estate: Here) -> None:
    hurried = estate.done("impact", ARRAY, "--patience", "0", "-o", "json")
    assert (hurried.value()["complete"], bool(hurried.value()["left_out"])) == (False, True)
    assert "time was up" in hurried.err
    patient = estate.done("impact", ARRAY, "--patience", "1000", "-o", "json")
    assert (patient.value()["complete"], patient.value()["left_out"], patient.err) == (True, [], "")


LOST = [answer for answer in answers() if answer.question.startswith("lost ")]


@pytest.mark.parametrize("answer", LOST, ids=lambda answer: answer.question)
def test_what_the_estate_says_of_its_weak_spots_is_what_impact_says(estate: Here, answer: Answer) -> None:
    _, thing, class_name = (part.strip() for part in answer.question.split("|"))
    hits = estate.done("impact", thing, "-o", "json").part("hits")
    assert sorted(str(h["name"]) for h in hits if (h["class"], h["state"]) == (class_name, "down")) == list(
        answer.lines
    )


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["impact", ARRAY, "--state", "gone"], 2, "gone"),
        (["impact", ARRAY, "--context", "nothing"], 3, "'nothing'"),
        (["impact", ARRAY, "--assume-up", ARRAY], 6, "both fails and is assumed up"),
    ],
)
def test_what_cannot_be_asked_is_said(estate: Here, arguments: list[str], code: int, words: str) -> None:
    said = estate(*arguments)
    assert said.code == code
    assert words in said.err
