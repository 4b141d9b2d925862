"""A change at the command line: from a file of operations to its close, and an import under it."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.cli.program import Here, Said

MACHINE = "VirtualMachine:dui-mon-01"
PLAN = """
- put: {ref: "VirtualMachine:dui-mon-01", attributes: {cpu_count: 12}}
- put: {ref: "@new", class: VirtualMachine, name: dui-mon-02}
"""
SHEET = "name,cluster_name,cpu_count\ndui-mon-01,dui-hv-01,12\ndui-mon-02,dui-hv-01,4\n"


def soon() -> tuple[str, str]:
    """A window that begins in two seconds and lasts an hour."""
    start = datetime.now(UTC).replace(microsecond=0, tzinfo=None) + timedelta(seconds=2)
    return f"{start.isoformat()}Z", f"{(start + timedelta(hours=1)).isoformat()}Z"


def begun(here: Here, key: str) -> Said:
    """Begin as soon as the window is open."""
    for _ in range(100):
        said = here("change", "begin", key, "--as", "ivan")
        if "outside its window" not in said.err:
            return said
        time.sleep(0.2)
    raise AssertionError("its window did not open")


@pytest.fixture
def controlled(estate: Here) -> Here:
    """The example estate after its first baseline."""
    estate.done("baseline", "record", "Start", "--all", "--purpose", "what there is")
    return estate


def test_from_a_draft_to_its_close(controlled: Here) -> None:
    (controlled.folder / "plan.yaml").write_text(PLAN, encoding="utf-8")
    (controlled.folder / "VirtualMachine.csv").write_text(SHEET, encoding="utf-8")
    start, end = soon()
    [drafted] = controlled.done(
        "change", "draft", "Monitoring", "reason=too slow", "back_out_plan=as before", "test_plan=look",
        "cost_lines=labour=100; supplier=20.5 remote hands", "currency=EUR", "--touch", MACHINE, "--operations", "plan.yaml",
        "--implementer", "ivan", "--from", start, "--until", end, "--as", "rita", "-o", "json",
    ).rows()  # fmt: skip
    key = str(drafted["key"])
    sheet = ("import", "workbook", "VirtualMachine.csv", "--source", "sheet")
    for authority in ((), ("--change", key)):
        refused = controlled(*sheet, *authority, "--as", "ivan")
        assert refused.code == 4, refused.err
    for step, who in (("submit", "rita"), ("assess", "mona"), ("approve", "mona"), ("schedule", "mona")):
        controlled.done("change", step, key, "--as", who)
    row = controlled.done("change", "certificate", key, "-o", "json").value()
    assert (row["change"], row["proven"]) == (key, True)
    page = controlled.done("change", "certificate", key, "--format", "html").out
    assert "<h1>" in page
    assert 'lang="zh"' in page
    assert begun(controlled, key).code == 0
    controlled.done(*sheet, "--change", key, "--as", "ivan")
    completed = controlled.done("change", "complete", key, "--as", "ivan")
    assert "done, not planned: set VirtualMachine:dui-mon-02 cpu_count to 4" in completed.err
    assert (
        "planned, not done: set VMA-000011 cpu_count to 12" in completed.err
    )  # the workbook said 4 first, and holds it
    controlled.done("change", "review", key, "--as", "mona", "--reason", "plan the processors, too")
    controlled.done("change", "close", key, "--as", "mona")
    shown = controlled.done("change", "show", key, "-o", "json").value()
    assert (shown["state"], shown["cost"]) == ("closed", "120.5")
    assert controlled.done("ci", "show", "VirtualMachine:dui-mon-02", "-o", "json").value()["state"] == "in_use"
    compared = controlled.done("baseline", "compare", "Start", "now", "-o", "json").part("nodes")
    assert {row["name"]: row["change"] for row in compared} == {"dui-mon-01": "returned", "dui-mon-02": "added"}
    history = controlled.done("ci", "history", MACHINE, "-o", "json").rows()
    assert history[-1]["authority"] == f"change:{key}"


def test_what_a_change_is_weighed_by(controlled: Here) -> None:
    start, end = "2031-03-03T22:00", "2031-03-03T23:00"
    for name in ("One", "Two"):
        controlled.done(
            "change", "draft", name, "reason=x", "back_out_plan=y", "--touch", MACHINE, "--implementer", name.lower(),
            "--from", start, "--until", end, "--zone", "Europe/Berlin", "--as", "rita",
        )  # fmt: skip
    for key in ("CHG-000001", "CHG-000002"):
        controlled.done("change", "submit", key, "--as", "rita")
        controlled.done("change", "assess", key, "--as", "mona")
    [met] = controlled.done("change", "collisions", "CHG-000002", "-o", "json").rows()
    assert "meets CHG-000001 (One) in CI dui-mon-01" in str(met["collision"])
    [pair] = controlled.done("change", "collisions", "-o", "json").rows()
    assert (pair["first"], pair["second"]) == ("CHG-000001", "CHG-000002")
    assert "CI dui-mon-01" in str(pair["in"])
    risk = controlled.done("change", "risk", "CHG-000002", "-o", "json")
    assert sum(int(str(part["points"])) for part in risk.part("parts")) == risk.value()["score"]
    slots = controlled.done("change", "slots", "CHG-000002", "--count", "3", "-o", "json").rows()
    assert len(slots) == 3
    listed = controlled.done("change", "list", "-o", "json").column("key")
    assert listed == ["CHG-000001", "CHG-000002"]
    kpis = controlled.done("change", "kpis", "-o", "json").rows()
    assert next(row["value"] for row in kpis if row["figure"] == "Changes not yet closed") == "2"


def test_bad_input_says_what_and_what_to_do(controlled: Here, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("- put: {ref: X-1, colour: red}\n", encoding="utf-8")
    draft = ("change", "draft", "x", "--as", "rita")
    for code, arguments, message in (
        (6, ("--operations", "bad.yaml"), "colour"),
        (1, ("--operations", "none.yaml"), "none.yaml cannot be read"),
        (6, ("--from", "2031-03-30T02:30", "--until", "2031-03-30T04:00", "--zone", "Europe/Berlin"), "2031-03-30"),
        (6, ("--from", "2031-03-31T02:30", "--until", "2031-03-31T02:00"), "window"),
        (3, ("--touch", "Server:nowhere"), "there is no 'Server:nowhere'"),
        (6, ("approved_by=me",), "approved_by: not set as attributes"),
        (6, ("cost_lines=labour=many",), "does not match"),
    ):
        said = controlled(*draft, *arguments)
        assert said.code == code, said.err
        assert message in said.err
    assert controlled.done("change", "list", "-o", "json").rows() == []
