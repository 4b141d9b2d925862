"""The demo: it ends well, speaks to each of the four users, and says what the files of the estate hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.program import Here, Said, program, url
from tests.examples.estate import estate

ARRAY = "StorageDevice:dui-sto-01"
FROM, TO = "BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01"


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    folder = tmp_path_factory.mktemp("demo")
    return program(folder, "demo", "--store", url(folder / "demo.sqlite"))


def test_it_ends_well_and_speaks_to_each_user(said: Said) -> None:
    assert said.code == 0, said.err
    for user in ("change manager", "engineer", "configuration manager", "release manager"):
        assert f"The {user} asks" in said.out
    assert "Try next" in said.err
    assert "demo.sqlite" in said.err


def test_its_numbers_are_those_of_the_files(said: Said) -> None:
    text = re.sub(r"\s+", " ", said.out)
    classes = {claim.class_name for claim in estate().claims.values()}
    assert f"{len(estate().claims)} nodes of {len(classes)} classes" in text
    for part in ("kubernetes", "compose", "workbook"):
        assert re.search(rf"{part}:{part} \d+ \d+ r\d+", text)
    needing = estate().needing(ARRAY)
    asked = text.split("The change manager asks")[1]
    counted = asked[asked.index("CIs:") : asked.index("service key because")]
    numbers = re.findall(r"(\d+) (?:down|degraded|at risk|saved|unchanged)", counted)
    assert sum(map(int, numbers)) == len(needing) + 1, "everybody above the array, and the array"
    services = [*estate().of("BusinessService", needing), *estate().of("TechnicalService", needing)]
    told = re.findall(r"(?:takes down|degrades|leaves) (\d+) service", asked[: asked.index("CIs:")])
    assert sum(map(int, told)) == len(services)
    assert "pool hosts needs 2 of 3, 2 left without dui-hyp-01" in asked
    assert "pool hosts needs 2 of 3, 1 left without dui-hyp-01" in asked
    assert f"{len(estate().claims)} nodes, {len(estate().relationships)} relationships: the chain holds" in text
    assert "The Kubernetes manifests again: an empty plan" in text


def test_from_the_first_baseline_on_everything_is_a_change(said: Said) -> None:
    text = re.sub(r"\s+", " ", said.out)
    assert "refused: no CI is altered without an approved change → name an approved change" in text
    assert "collision: meets CHG-000001 (Memory for dui-mon-01) in CI dui-mon-01" in text
    score, parts = re.findall(r"risk (\d+) of 100 \(\w+\): ([^.]*?) The other change gives way", text)[0]
    assert sum(map(int, re.findall(r"(\d+)(?:,|$)", parts))) == int(score)
    assert "(0 departures from the plan), reviewed and closed" in text
    assert "nodes: 0 added, 0 removed, 1 changed" in text
    assert (
        'The way back is drafted as CHG-000003: {"put":{"attributes":{"version_number":null},"ref":"STD-000001"}}'
        in text
    )


def test_its_path_is_as_short_as_the_files_allow(said: Said) -> None:
    asked = re.sub(r"\s+", " ", said.out).split("The engineer asks")[1]
    [path] = re.findall(r"Linehaul planning ([←—].*) dui-lic-01 … makes the machine", asked)
    assert len(re.findall(r"—[A-Z_]+→|←[A-Z_]+—", path)) == estate().steps(FROM, TO)


def test_what_it_leaves_can_be_asked_on(nothing: Here) -> None:
    store = url(nothing.folder / "demo.sqlite")
    nothing.done("demo", "--store", store)
    for command in (
        ["ci", "show", ARRAY],
        ["impact", "UninterruptiblePowerSupply:dui-ups-a", "--context", "UninterruptiblePowerSupply:dui-ups-b"],
        ["depends", "PowerDistributionUnit:dui-pdu-a02-b"],
        ["query", "--where", "is Hardware and related LOCATED_IN to (class = Rack)"],
        ["ledger", "verify"],
    ):
        assert nothing(*command, "--store", store).code == 0
    refused = nothing("demo", "--store", store)
    assert refused.code == 5
    assert "is not empty" in refused.err


def test_without_a_store_it_makes_a_new_one_each_time(
    nothing: Here, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    said = nothing.done("demo")
    [store] = re.findall(r"The store is (\S+)\. Try next", said.err)
    assert store != url(nothing.folder / "store.sqlite")
    imported = nothing.done("ci", "list", "-n", "0", "--as-of", "8", "--store", store)
    assert imported.err.strip() == f"{len(estate().claims)} in all"
