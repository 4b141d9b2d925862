"""spof on the command line: points, paths and pairs on the example estate are those of the definition of failure."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from functools import cache
from itertools import combinations
from pathlib import Path

import msgspec
import numpy as np
import pytest

from cmdb.application import open_application
from cmdb.impact import Standing
from tests.cli.program import Here, url
from tests.impact.test_following import case_of
from tests.reference.impact import Reference

BOOKING = "BusinessService:Parcel booking"
GROUP = "TechnicalService:Internet access"


class Told:
    """What the reference says of a store, CIs called by their keys."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.services: list[str] = []
        self.reference = asyncio.run(self._read())
        self.closure = {ci: self.close({ci}) for ci in self.reference.cis}

    async def _read(self) -> Reference:
        application = await open_application(url(self.store))
        nodes = [n async for batch in application.store.all_nodes() for n in batch]
        relationships = [r async for batch in application.store.all_relationships() for r in batch]
        model = await application.model()
        await application.close()
        self.ordinal = {node.key: str(node.ordinal) for node in nodes}
        self.key = {ordinal: key for key, ordinal in self.ordinal.items()}
        classes = model.descendants["Service"]
        self.services = [node.key for node in nodes if not node.retired and node.class_name in classes]
        return Reference(case_of(model, nodes, relationships, {}))

    def close(self, fallen: set[str]) -> frozenset[str]:
        return self.reference.close(fallen)

    def points(self, service: str) -> set[str]:
        found = {self.key[ci] for ci, closure in self.closure.items() if self.ordinal[service] in closure}
        return found - {service}


@cache
def told(store: Path) -> Told:
    return Told(store)


def together(store: Path, service: str, keys: list[str]) -> set[frozenset[str]]:
    """Which two of these take the service down: one closure for each two."""

    async def read() -> Standing:
        application = await open_application(url(store))
        standing = await application.structures.current()
        await application.close()
        return standing

    ordinal = told(store).ordinal
    close = asyncio.run(read()).propagation.close
    return {
        frozenset(pair)
        for pair in combinations(keys, 2)
        if int(ordinal[service]) in close(np.array([int(ordinal[key]) for key in pair], dtype=np.int32)).tolist()
    }


def key_of(here: Here, thing: str) -> str:
    return str(here.done("ci", "show", thing, "-o", "json").value()["key"])


@pytest.mark.parametrize("thing", [BOOKING, GROUP, "BusinessService:Linehaul planning"])
def test_they_are_those_whose_loss_takes_it_down(estate: Here, filled: Path, thing: str) -> None:
    key = key_of(estate, thing)
    answer = estate.done("spof", thing, "-o", "json")
    points = answer.part("points")
    assert {str(point["key"]) for point in points} == told(filled).points(key)
    assert answer.value()["complete"] is True
    for point in points:
        assert point["takes_down"] == [key]
        path = msgspec.convert(point["path"], list[dict[str, object]])
        assert (path[0]["dependent"], path[-1]["provider"]) == (key, point["key"])
        assert [hop["provider"] for hop in path[:-1]] == [hop["dependent"] for hop in path[1:]]
        assert all(hop["relationship"] for hop in path)


def test_of_all_services_each_point_has_those_that_it_takes_down(estate: Here, filled: Path) -> None:
    reference = told(filled)
    wanted: dict[str, set[str]] = {}
    for service in reference.services:
        for point in reference.points(service):
            wanted.setdefault(point, set()).add(service)
    answer = estate.done("spof", "--all", "-o", "json")
    points = answer.part("points")
    found = {str(point["key"]): msgspec.convert(point["takes_down"], list[str]) for point in points}
    assert {key: set(services) for key, services in found.items()} == wanted
    counts = [len(services) for services in found.values()]
    assert counts == sorted(counts, reverse=True)
    assert answer.value()["services"] == len(reference.services)
    assert answer.value()["without"] == sum(not reference.points(service) for service in reference.services)


def test_pairs_are_those_that_take_it_down_together(estate: Here, filled: Path) -> None:
    needed = {str(hit["key"]) for hit in estate.done("depends", BOOKING, "--limit", "0", "-o", "json").part("hits")}
    key = key_of(estate, BOOKING)
    wanted = together(filled, key, sorted(needed - told(filled).points(key)))
    pairs = msgspec.convert(estate.done("spof", BOOKING, "--pairs", "-o", "json").value()["pairs"], dict[str, object])
    rows = msgspec.convert(pairs["pairs"], list[dict[str, str]])
    assert {frozenset((row["one"], row["other"])) for row in rows} == wanted
    assert len(rows) == len(wanted) > 0
    assert (pairs["complete"], pairs["bound"], pairs["examined"]) == (True, "none", pairs["candidates"])


def test_the_verdict_comes_first_and_says_how_many(estate: Here) -> None:
    points = len(estate.done("spof", BOOKING, "-o", "json").part("points"))
    said = estate.done("spof", BOOKING, "-n", "3")
    assert said.out.splitlines()[0].startswith(f"✗ {points} single points of failure for Parcel booking")
    assert f"the first 3 of {points}" in said.err
    everything = estate.done("spof", "--all", "-n", "0")
    assert "services have none" in everything.out.splitlines()[0]
    assert everything.err == ""


def test_what_protects_it_stands_below(estate: Here) -> None:
    [part] = estate.done("spof", "HypervisorCluster:dui-hv-01", "-o", "json").part("of")
    pools = msgspec.convert(part["pools"], list[dict[str, object]])
    [hosts] = [pool for pool in pools if pool["pool"] is not None]
    total, need = int(str(hosts["total"])), int(str(hosts["need"]))
    assert hosts["survives"] == total - need > 0
    said = estate.done("spof", "HypervisorCluster:dui-hv-01").out
    assert "what protects dui-hv-01" in said
    assert f"{need} of {total}" in said


def test_every_format_says_the_same(estate: Here) -> None:
    whole = estate.done("spof", BOOKING, "-o", "json").part("points")
    assert [json.loads(line) for line in estate.done("spof", BOOKING, "-o", "ndjson").out.splitlines()] == whole
    table = list(csv.DictReader(io.StringIO(estate.done("spof", BOOKING, "-o", "csv").out)))
    assert [row["key"] for row in table] == [point["key"] for point in whole]
    pairs = list(csv.DictReader(io.StringIO(estate.done("spof", BOOKING, "--pairs", "-o", "csv").out)))
    assert {"one", "other"} <= set(pairs[0])


def test_it_can_be_asked_as_of_a_moment(estate: Here) -> None:
    before = estate.done("spof", "--all", "--as-of", "r1", "-o", "json").value()
    assert (before["revision"], before["points"], before["services"]) == (1, [], 0)
    assert estate.done("spof", "--all", "--as-of", "r1").out.startswith("✓ no single point of failure for 0 services")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["spof"], 2, "ask for all services"),
        (["spof", BOOKING, "--all"], 2, "ask for all services"),
        (["spof", "nothing"], 3, "'nothing'"),
        (["spof", BOOKING, GROUP, "--pairs"], 2, "name exactly one"),
        (["spof", "--all", "--pairs"], 2, "name exactly one"),
    ],
)
def test_what_cannot_be_asked_is_said(estate: Here, arguments: list[str], code: int, words: str) -> None:
    said = estate(*arguments)
    assert said.code == code
    assert words in said.err
