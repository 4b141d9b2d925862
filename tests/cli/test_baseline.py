"""Baselines and reports by command, on the example estate."""

from __future__ import annotations

import apsw
import msgspec
import pytest

from tests.cli.program import Here


@pytest.fixture
def altered(estate: Here) -> Here:
    """The estate with a baseline `first` of how it was imported, and some alterations since."""
    estate.done("ci", "set", "SRV-000001", "environment=test", "--reason", "a try")
    estate.done("ci", "set", "SRV-000001", "environment=")
    estate.done("ci", "set", "SRV-000002", "environment=test", "--name", "renamed")
    estate.done("ci", "retire", "SRV-000003")
    estate.done("ci", "add", "Server", "new & <shiny>", "environment=production")
    newest = estate("ledger", "show", "-n", "1", "-o", "json").rows()[0]["revision"]
    then = int(str(newest)) - 5
    estate.done("baseline", "record", "first", "--all", "--purpose", "as imported", "--as-of", str(then))
    return estate


def _imported(here: Here) -> int:
    return int(str(here("baseline", "show", "first", "-o", "json").value()["revision"]))


def test_a_baseline_is_recorded_listed_and_shown(estate: Here) -> None:
    service = estate("ci", "list", "BusinessService", "-o", "json").rows()[0]
    estate.done("baseline", "record", "all", "--all", "--purpose", "the beginning")
    estate.done("baseline", "record", "part", "--where", "is Server", "--purpose", "p", "--supersedes", "all")
    estate.done("baseline", "record", "shop", "--service", str(service["key"]), "--purpose", "p")
    rows = estate("baseline", "list", "-o", "json").rows()
    assert [(row["name"], row["state"], row["scope"]) for row in rows] == [
        ("shop", "sealed", f"service {service['key']}"),
        ("part", "sealed", "filter is Server"),
        ("all", "superseded", "all"),
    ]
    shown = estate("baseline", "show", "all", "-o", "json").value()
    [commit] = estate("ledger", "show", str(shown["revision"]), "-o", "json").rows()
    assert (shown["hash"], shown["purpose"], shown["recorded_by"]) == (commit["hash"], "the beginning", "tester")
    assert "the beginning" in estate("baseline", "show", "Baseline:all").out


def test_a_baseline_that_makes_no_sense_is_refused(estate: Here) -> None:
    assert estate("baseline", "record", "x", "--purpose", "p").code == 2
    assert estate("baseline", "record", "x", "--purpose", "p", "--all", "--where", "is Server").code == 2
    assert estate("baseline", "record", "x", "--purpose", " ", "--all").code == 2
    assert estate("baseline", "record", "x", "--purpose", "p", "--where", "shade = red").code == 2
    assert estate("baseline", "record", "x", "--purpose", "p", "--where", "name = nobody").code == 6
    assert estate("baseline", "record", "x", "--purpose", "p", "--service", "BusinessService:nobody").code == 3
    assert estate("baseline", "show", "x").code == 3
    assert estate("baseline", "compare", "x").code == 2
    assert estate("baseline", "restore", "x").code == 3
    estate.done("baseline", "record", "x", "--purpose", "p", "--all")
    assert estate("baseline", "record", "x", "--purpose", "p", "--all").code == 5


def test_what_differs_is_told_with_who_and_why(altered: Here) -> None:
    said = altered("baseline", "compare", "first", "-o", "json").value()
    assert said["same"] is False
    assert msgspec.convert(said["counts"], dict[str, dict[str, int]])["nodes"] == {
        "added": 1,
        "removed": 1,
        "changed": 1,
        "returned": 1,
    }
    back = {str(row["key"]): row for row in altered("baseline", "compare", "first", "now", "-o", "json").part("nodes")}
    assert {key: row["change"] for key, row in back.items() if key.startswith("SRV-00000")} == {
        "SRV-000001": "returned",
        "SRV-000002": "changed",
        "SRV-000003": "removed",
        "SRV-000006": "added",
    }
    by = msgspec.convert(back["SRV-000001"]["by"], list[dict[str, object]])
    assert [(one["actor"], one["reason"]) for one in by] == [("tester", "a try"), ("tester", "")]
    table = altered("baseline", "compare", "first").out
    assert "environment: –, changed and came back" in table
    assert "by tester, initialisation: a try" in table
    turned = altered("baseline", "compare", "now", "first", "-o", "json").part("nodes")
    assert {row["key"]: row["change"] for row in turned}["SRV-000006"] == "removed"
    lines = altered("baseline", "compare", "first", "-o", "ndjson").out.splitlines()
    assert len(lines) == len(said["nodes"]) + len(said["relationships"])  # pyright: ignore[reportArgumentType]  # lists


def test_a_page_shows_the_differences_in_both_languages(altered: Here) -> None:
    page = altered("baseline", "compare", "first", "--format", "html").out
    assert page.startswith("<!doctype html>")
    assert "new &amp; &lt;shiny&gt;" in page
    assert "<shiny>" not in page
    assert "环境" in page
    assert "Environment" in page
    assert "<script" not in page


def test_a_baseline_is_a_moment_of_every_read(altered: Here) -> None:
    assert altered("ci", "show", "SRV-000002", "--as-of", "Baseline:first", "-o", "json").value()["name"] != "renamed"
    assert altered("ci", "show", "SRV-000003", "--as-of", "BSL-000001", "-o", "json").value()["state"] != "dismantled"
    assert altered("query", "--where", "name = renamed", "--as-of", "BSL-000001", "-o", "json").rows() == []
    assert altered("depends", "SRV-000003", "--as-of", "BSL-000001").code == 0
    assert altered("ci", "show", "SRV-000002", "--as-of", "Baseline:nobody").code == 3


def test_the_way_back_is_planned_and_nothing_written(altered: Here) -> None:
    before = altered("ledger", "show", "-n", "1", "-o", "json").rows()
    plan = altered("baseline", "restore", "first", "-o", "json").value()
    assert plan["touches"] == ["SRV-000002", "SRV-000006"]
    subjects = [row["subject"] for row in msgspec.convert(plan["impossible"], list[dict[str, object]])]
    assert "SRV-000003" in subjects
    assert plan["impact"] is not None
    part = altered("baseline", "restore", "first", "--scope", "name = renamed", "-o", "ndjson").out
    assert [msgspec.json.decode(line)["put"]["ref"] for line in part.splitlines()] == ["SRV-000002"]
    assert "cannot come back" in altered("baseline", "restore", "first").out
    replaced = altered("baseline", "restore", "first", "--replace", "-o", "ndjson").out
    assert '"ref":"@SRV-000003"' in replaced
    assert altered("ledger", "show", "-n", "1", "-o", "json").rows() == before


def test_a_baseline_is_proven_until_somebody_alters_it(altered: Here) -> None:
    said = altered("baseline", "verify", "first", "-o", "json")
    assert (said.code, said.value()["holds"]) == (0, True)
    connection = apsw.Connection(str(altered.folder / "store.sqlite"))
    connection.execute("UPDATE node_version SET name = 'forged' WHERE key = 'SRV-000003'")
    connection.close()
    said = altered("baseline", "verify", "first")
    assert said.code == 1
    assert "SRV-000003 version 1 at revision" in said.out


def test_the_status_of_an_item_is_reported_now_and_then(altered: Here) -> None:
    now = altered("report", "status", "SRV-000001", "-o", "json").value()
    places = msgspec.convert(now["location"], list[dict[str, object]])
    assert [place["class"] for place in places] == ["Rack", "Room", "Site"]
    assert msgspec.convert(now["needs"], dict[str, object])["total"] != 0
    history = msgspec.convert(now["history"], list[dict[str, object]])
    assert history[0]["revision"] == _imported(altered) + 2
    then = altered("report", "status", "SRV-000003", "--as-of", "Baseline:first", "-o", "json").value()
    assert then["state"] != "dismantled"
    assert then["as_of"] == _imported(altered)
    assert "control:baseline" in altered("report", "status", "Baseline:first").out
    assert altered("report", "status", "SRV-999999").code == 3
