"""A release by command, from draft to the figures."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest

from tests.cli.program import Here, url


@pytest.fixture
def here(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Here:
    """An estate of two machines that need each other and one that needs both, with a first baseline; nobody has a role."""
    monkeypatch.setenv("CMDB_STORE", url(tmp_path / "cmdb.sqlite"))
    monkeypatch.setenv("CMDB_ACTOR", "carla")
    found = Here(capsys, tmp_path)
    found.done("init")
    (tmp_path / "orders.tar").write_bytes(b"orders")
    lines = [
        '{"node":{"id":"a","class":"VirtualMachine","name":"a"}}',
        '{"node":{"id":"b","class":"VirtualMachine","name":"b"}}',
        '{"node":{"id":"c","class":"Application","name":"c"}}',
        '{"node":{"id":"s","class":"Site","name":"Bonn 1"}}',
        '{"node":{"id":"l","class":"VirtualMachine","name":"lab","attributes":{"environment":"test"}}}',
        '{"node":{"id":"o","class":"SoftwareRelease","name":"Orders 2.4.0","attributes":{"product":"Orders",'
        f'"version_number":"2.4.0","checksum":"sha256:{sha256(b"orders").hexdigest()}"' + "}}}",
        '{"relationship":{"type":"DEPENDS_ON","from":"a","to":"b"}}',
        '{"relationship":{"type":"DEPENDS_ON","from":"b","to":"a"}}',
        '{"relationship":{"type":"DEPENDS_ON","from":"c","to":"a"}}',
    ]
    (tmp_path / "estate.ndjson").write_text("\n".join(lines))
    found.done("import", "ndjson", tmp_path / "estate.ndjson", "--yes")
    found.done("baseline", "record", "first", "--all", "--purpose", "to begin with")
    return found


def scheduled(here: Here, start: datetime, *references: str) -> str:
    """The key of a change by rita for ivan that is scheduled for then."""
    touched = [part for reference in references for part in ("--touch", reference)]
    made = here.done(
        "change", "draft", "Upgrade", "reason=old", "back_out_plan=back", "test_plan=look", "--implementer", "ivan",
        "--from", f"{start:%Y-%m-%dT%H:%M:%SZ}", "--until", f"{start + timedelta(hours=2):%Y-%m-%dT%H:%M:%SZ}",
        *touched, "--as", "rita", "-o", "json",
    )  # fmt: skip
    key = str(made.rows()[0]["key"])
    here.done("change", "submit", key, "--as", "rita")
    for step in ("assess", "approve", "schedule"):
        here.done("change", step, key, "--as", "mona")
    return key


def test_a_release_by_command(here: Here, tmp_path: Path) -> None:
    start = datetime.now(UTC) + timedelta(seconds=8)
    key = scheduled(here, start, "VirtualMachine:a", "VirtualMachine:b", "Application:c")
    drafted = here.done(
        "release", "draft", "Orders 2.4", "--kind", "major", "--bundle", key,
        "--deliver", "SoftwareRelease:Orders 2.4.0", "-o", "json", "--as", "rolf",
    )  # fmt: skip
    assert drafted.rows()[0]["state"] == "draft"
    assert here("release", "plan", "Orders 2.4", "--as", "rolf").code == 4
    here.done(
        "release", "site", "Orders 2.4", "Site:Bonn 1", "planned_on=2030-01-05", "back_out_plan=the old one",
        "--step", "unpack", "--step", "start", "--as", "rolf",
    )  # fmt: skip
    here.done("release", "plan", "Orders 2.4", "--as", "rolf")
    unproved = here("release", "accept", "Orders 2.4", "--as", "rolf")
    assert unproved.code == 4
    assert "not proved" in unproved.err
    here.done(
        "release", "test", "Orders 2.4", "passed", "--environment", "VirtualMachine:lab", "--reason", "TR-1",
        "--as", "tina",
    )  # fmt: skip
    here.done("release", "accept", "Orders 2.4", "--as", "rolf")

    order = here.done("release", "order", "Orders 2.4", "-o", "json").rows()
    assert [row["ring"] for row in order] == [False, True, False]
    guide = here.done("release", "guide", "Orders 2.4").out
    assert "1. unpack\n2. start" in guide
    assert "Ring: a (" in guide
    assert "# 发布通知：Orders 2.4" in here.done("release", "notice", "Orders 2.4", "--language", "zh").out

    (tmp_path / "forged.tar").write_bytes(b"ordures")
    forged = here(
        "release", "deploy", "Orders 2.4", "--artefact", f"SWR-000001={tmp_path / 'forged.tar'}", "--as", "ivan"
    )
    assert forged.code == 4
    assert "Orders 2.4.0 (SWR-000001): what is delivered has sha256:" in forged.err
    here.done("release", "deploy", "Orders 2.4", "--artefact", f"SWR-000001={tmp_path / 'orders.tar'}", "--as", "ivan")
    time.sleep(max(0.0, (start - datetime.now(UTC)).total_seconds()))
    here.done("release", "carry-out", "Orders 2.4", "--as", "ivan")
    here.done("release", "complete", "Orders 2.4", "--as", "ivan")
    shown = here.done("release", "show", "Orders 2.4", "-o", "json").value()
    assert shown["state"] == "deployed"
    assert shown["baseline"] == "BSL-000002"
    here.done("baseline", "verify", "Orders 2.4")
    here.done("baseline", "record", "once more", "--release", "Release:Orders 2.4", "--purpose", "to compare")
    sealed = here.done("baseline", "list", "-o", "json").rows()
    assert [row["scope"] for row in sealed[:2]] == ["release RLS-000001", "release RLS-000001"]
    assert [row["items"] for row in sealed[:2]] == [4, 4]
    here.done("release", "close", "Orders 2.4", "--as", "rolf")
    assert here.done("release", "list", "-o", "json").rows() == []
    [month] = here.done("release", "kpis", "-o", "json").rows()
    assert (month["ended"], month["success_rate"]) == (1, "100")
