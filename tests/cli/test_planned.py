"""impact --planned: what operations in a file would make of what fails, and of what protects."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import msgspec
import pytest

from tests.cli.program import Here

CLUSTER, FIRST, SECOND = "HypervisorCluster:dui-hv-01", "Hypervisor:dui-hyp-01", "Hypervisor:dui-hyp-02"
SHRINK = """\
# one host of three goes
- unlink: {type: HAS_MEMBER, from: "HypervisorCluster:dui-hv-01", to: "Hypervisor:dui-hyp-02"}
- retire: {ref: "Hypervisor:dui-hyp-02"}
"""
GROW = """\
{"put": {"ref": "@new", "class": "Hypervisor", "name": "dui-hyp-09"}}
{"link": {"type": "HAS_MEMBER", "from": "HypervisorCluster:dui-hv-01", "to": "@new", "attributes": {"pool": "hosts"}}}
"""


def saved(here: Here, text: str) -> Path:
    path = here.folder / "plan.txt"
    path.write_text(text, encoding="utf-8")
    return path


def test_both_verdicts_are_told_and_nothing_is_written(estate: Here) -> None:
    before = estate.done("ledger", "show", "-o", "json").out
    said = estate.done("impact", FIRST, "--planned", saved(estate, SHRINK)).out
    stands, planned = said.split("as planned\n", 1)
    assert "no service fails" in stands
    assert "takes down" in planned.splitlines()[0]
    assert "hit only as planned" in said
    assert "△ at risk → ✗ down" in said.split("worse as planned", 1)[1]
    assert "pool hosts" in said.split("loses its spare", 1)[1]
    assert estate.done("ledger", "show", "-o", "json").out == before


def test_programs_get_the_same(estate: Here) -> None:
    value = estate.done("impact", FIRST, "--planned", saved(estate, SHRINK), "-o", "json").value()
    before = estate.done("impact", FIRST, "-o", "json").value()
    assert value["before"] == before
    after = msgspec.convert(value["after"], dict[str, object])
    hits = {
        side: {hit["key"] for hit in msgspec.convert(said["hits"], list[dict[str, object]])}
        for side, said in (("before", before), ("after", after))
    }
    differs = msgspec.convert(value["difference"], dict[str, list[str]])
    assert set(differs["only_after"]) == hits["after"] - hits["before"]
    assert set(differs["only_before"]) == hits["before"] - hits["after"]
    assert value["redundancy_lost"] == [{"owner": "HCL-000001", "pool": "hosts"}]
    assert value["redundancy_gained"] == []


def test_what_is_planned_comes_true(estate: Here) -> None:
    file = saved(estate, SHRINK)
    planned = estate.done("impact", FIRST, "--planned", file, "-o", "json").value()["after"]
    estate.done("ci", "unlink", CLUSTER, "HAS_MEMBER", SECOND)
    estate.done("ci", "retire", SECOND)
    real = estate.done("impact", FIRST, "-o", "json").value()
    assert real["counts"] == msgspec.convert(planned, dict[str, object])["counts"]


def test_without_a_node_it_is_about_redundancy(estate: Here) -> None:
    value = estate.done("impact", "--planned", saved(estate, SHRINK), "-o", "json").value()
    assert value["redundancy_lost"] == [{"owner": "HCL-000001", "pool": "hosts"}]
    assert "difference" not in value
    said = estate.done("impact", "--planned", saved(estate, SHRINK)).out
    assert "loses its spare" in said
    rename = '{"put": {"ref": "Hypervisor:dui-hyp-02", "name": "dui-hyp-2"}}'
    assert "makes no difference" in estate.done("impact", "--planned", saved(estate, rename)).out


def test_what_would_be_created_can_be_named(estate: Here, monkeypatch: pytest.MonkeyPatch) -> None:
    said = estate.done("impact", "@new", FIRST, "--planned", saved(estate, GROW)).out
    assert "dui-hyp-09 (@new), dui-hyp-01" in said
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GROW.encode())))
    value = estate.done("impact", "@new", "--planned", "-", "-o", "json").value()
    assert "@new" in msgspec.convert(value["difference"], dict[str, list[str]])["only_after"]
    alone = estate.done("impact", "@new", "--planned", saved(estate, GROW)).out
    assert "nothing that was named is there" in alone


@pytest.mark.parametrize(
    ("text", "options", "code", "words"),
    [
        (SHRINK, ["--as-of", "1"], 2, "laid over the present"),
        (SHRINK, ["--format", "svg"], 2, "laid over the present"),
        ("- put: {}\n- nonsense\n", [], 6, "plan.txt:2"),
        ('{"retire": {"ref": "Hypervisor:none"}}', [], 3, "Hypervisor:none"),
        ('{"put": {"ref": "@x", "class": "Hypervisor"}}', [], 6, "name"),
    ],
)
def test_what_cannot_be_planned_is_said(estate: Here, text: str, options: list[str], code: int, words: str) -> None:
    said = estate("impact", FIRST, "--planned", saved(estate, text), *options)
    assert said.code == code
    assert words in said.err


def test_a_file_that_is_not_there_and_a_handle_that_nobody_creates(estate: Here) -> None:
    assert "cannot be read" in estate("impact", FIRST, "--planned", estate.folder / "none.yaml").err
    said = estate("impact", "@nobody", "--planned", saved(estate, SHRINK))
    assert (said.code, "no operation creates @nobody" in said.err) == (3, True)
