"""What each command says, run in this process on the example estate or on a store of its own."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter

import networkx as nx
import pytest
import yaml

from tests.cli.program import Here, url
from tests.conftest import ROOT
from tests.examples.estate import estate as files

ARRAY = "StorageDevice:dui-sto-01"
COMPARED = ROOT / "tests" / "graph_schema" / "compared"


# -- formats -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "command",
    [
        ["ci", "list", "Server", "--limit", "0"],
        ["ci", "history", ARRAY],
        ["query", "dui"],
        ["query", "--where", "is Hardware"],
        ["depends", "BusinessService:Parcel booking", "--limit", "0"],
        ["path", "BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01"],
        ["ledger", "show"],
        ["model", "show", "--types"],
        ["model", "show", "Server"],
    ],
)
def test_every_format_says_the_same(estate: Here, command: list[str]) -> None:
    said = estate.done(*command, "-o", "json")
    whole = said.part("hits") if command[0] == "depends" else said.rows()
    assert whole
    lines = [json.loads(line) for line in estate.done(*command, "-o", "ndjson").out.splitlines()]
    table = list(csv.DictReader(io.StringIO(estate.done(*command, "-o", "csv").out)))
    document = yaml.safe_load(estate.done(*command, "-o", "yaml").out)
    assert lines == whole
    assert (document["hits"] if command[0] == "depends" else document) == whole
    assert len(table) == len(whole)
    for flat, row in zip(table, whole, strict=True):
        for name, value in row.items():
            assert flat[name] == _flat(value)


def _flat(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "", True: "yes", False: "no"}[value]
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def test_the_table_has_the_rows_of_the_other_formats(estate: Here) -> None:
    rows = estate.done("ci", "list", "Server", "--limit", "0", "-o", "json").rows()
    lines = estate.done("ci", "list", "Server", "--limit", "0").out.splitlines()
    assert lines[0].split() == ["key", "class", "name", "state"]
    assert [line.split() for line in lines[1:]] == [
        [str(row[name]) for name in ("key", "class", "name", "state")] for row in rows
    ]


def test_names_are_shown_as_they_are(cmdb: Here) -> None:
    name = "[red]a[/] :smile: {x}"
    cmdb.done("ci", "add", "Server", name)
    assert name in cmdb.done("ci", "list").out
    assert name in cmdb.done("ci", "show", "SRV-000001").out
    assert name in cmdb.done("ci", "history", f"Server:{name}").out
    assert name in cmdb.done("impact", "SRV-000001").out


# -- lists and queries -------------------------------------------------------------------------------------------------


def test_lists_hold_what_the_files_claim(estate: Here) -> None:
    for class_name in ("Server", "Hardware", "BusinessService"):
        said = estate.done("ci", "list", class_name, "--limit", "0", "-o", "json")
        assert said.column("name") == files().of(class_name)
    said = estate.done("ci", "list", "--limit", "0")
    assert said.err.strip() == f"{len(files().claims)} in all"


def test_lists_are_sorted_and_cut_where_they_are_told(estate: Here) -> None:
    up = estate.done("ci", "list", "--sort", "key", "--limit", "0", "-o", "json").column("key")
    assert up == sorted(map(str, up))
    down = estate.done("ci", "list", "--sort", "-key", "-n", "7", "-o", "json")
    assert down.column("key") == up[::-1][:7]
    assert down.err.strip() == f"7 of {len(up)}; --limit 0 prints all"


def test_words_find_keys_names_and_attributes(estate: Here) -> None:
    found = estate.done("query", "dui", "sto", "-o", "json")
    assert "dui-sto-01" in found.column("name")
    [key] = [row["key"] for row in found.rows() if row["name"] == "dui-sto-01"]
    assert estate.done("query", str(key), "-o", "json").column("name") == ["dui-sto-01"]
    assert estate.done("query", "nowhere-to-be-found").err.strip() == "0 in all"
    many = estate.done("query", "dui", "-o", "json", "-n", "3")
    total = int(many.err.split()[2].rstrip(";"))
    assert (len(many.rows()), many.err.split()[:2]) == (3, ["3", "of"])
    assert len(estate.done("query", "dui", "-o", "json", "-n", "0").rows()) == total


def test_more_than_a_page_of_words_is_found(cmdb: Here) -> None:
    lines = [json.dumps({"node": {"id": f"{n}", "class": "Server", "name": f"web {n}"}}) for n in range(1205)]
    (cmdb.folder / "many.ndjson").write_text("\n".join(lines) + "\n")
    cmdb.done("import", "ndjson", "many.ndjson")
    for limit, count in ((0, 1205), (1100, 1100), (1000, 1000)):
        said = cmdb.done("query", "web", "--limit", str(limit), "-o", "json")
        assert len(set(said.column("key"))) == count


def test_filters_follow_relationships(estate: Here) -> None:
    said = estate.done(
        "query", "--where", "is Hardware and related LOCATED_IN to (class = Rack)", "-o", "json", "-n", "0"
    )
    claims = files().claims
    expected = {
        claims[source].name
        for source, claim, target in files().relationships
        if claim.type == "LOCATED_IN"
        and claims[target].class_name == "Rack"
        and files().model.is_a(claims[source].class_name, "Hardware")
    }
    assert set(said.column("name")) == expected != set()
    assert estate.done("ci", "list", "Hardware", "--where", "related LOCATED_IN to (class = Rack)", "-n", "0").err == (
        f"{len(said.rows())} in all\n"
    )


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ci", "list", "Sever"], 3, "did you mean `Server`?"),
        (["query", "--class", "Sever"], 3, "did you mean `Server`?"),
        (["ci", "list", "--where", "is Sever"], 2, "did you mean `Server`?"),
        (["ci", "list", "--sort", "nmae"], 2, "did you mean `name`?"),
        (["ci", "list", "--sort", "tags"], 2, "tags is a list"),
        (["ci", "list", "--limit", "-1"], 2, "Must be >= 0"),
        (["ci", "list", "--limit", "many"], 2, "many"),
        (["ci", "list", "-o", "xml"], 2, "xml"),
        (["query", "web", "--where", "is Server"], 2, "do not go together"),
        (["impact"], 2, "no node is named"),
        (["impact", "nothing"], 3, "'nothing'"),
        (["impact", ARRAY, "--as-of", "soon"], 2, "'soon' is no moment"),
        (["impact", ARRAY, "--as-of", "99"], 3, "no revision 99 yet"),
        (["impact", ARRAY, "--as-of", "1"], 3, "as of revision 1"),
        (["path", ARRAY, "BusinessService:Parcel booking"], 3, "ask the other way round"),
        (["ledger", "show", "99"], 3, "no revision 99 yet"),
        (["ledger", "show", "0"], 2, "Must be >= 1"),
        (["model", "show", "Sever"], 3, "did you mean `Server`?"),
        (["restore", "none"], 3, "there is no file none"),
        (["import", "none"], 3, "no file or folder none"),
        (["import"], 2, "no file is named"),
        (["export", "--to", "none/x"], 1, "none/x cannot be written"),
        (["ci", "show"], 2, "requires an argument"),
        (["ci", "set", ARRAY, "nonsense"], 2, "'nonsense' assigns nothing"),
        (["ci", "list", "--store", "postgres://x"], 2, "is no store"),
        (["ci", "list", "--store", "sqlite://host/x"], 2, "names no file"),
    ],
)
def test_what_cannot_be_answered_is_said(estate: Here, arguments: list[str], code: int, message: str) -> None:
    said = estate(*arguments)
    assert (said.code, said.out) == (code, "")
    assert message in said.err


# -- writing -----------------------------------------------------------------------------------------------------------


def test_a_life_from_creation_to_retirement(cmdb: Here) -> None:
    made = cmdb.done(
        "ci", "add", "Server", "web-1", "serial_number=X1", "tags=a;b", "--state", "received", "-o", "json"
    )
    [web] = made.rows()
    assert (web["key"], web["state"], web["version"]) == ("SRV-000001", "received", 1)
    assert web["attributes"] == {"serial_number": "X1", "tags": ["a", "b"]}
    cmdb.done("ci", "add", "Application", "shop")
    assert (
        "revision 4: 1 effects"
        in cmdb.done("ci", "link", "Application:shop", "DEPENDS_ON", "Server:web-1", "--key", "k").err
    )
    changed = cmdb.done(
        "ci",
        "set",
        "SRV-000001",
        "serial_number=",
        "role=till",
        "--name",
        "web-2",
        "--expects",
        "1",
        "--reason",
        "a move",
        "-o",
        "json",
    )
    assert [(r["name"], r["version"], r["attributes"]) for r in changed.rows()] == [
        ("web-2", 2, {"role": "till", "tags": ["a", "b"]})
    ]
    assert "nothing to change; revision 5 stays" in cmdb.done("ci", "set", "SRV-000001", "role=till").err
    [edge] = cmdb.done("ci", "show", "Server:web-2", "-o", "json").part("relationships")
    assert edge == {
        "id": 0,
        "type": "DEPENDS_ON",
        "from": "APP-000001",
        "to": "SRV-000001",
        "key": "k",
        "attributes": {},
    }
    assert cmdb.done("depends", "SRV-000001", "--dependents", "-o", "json").value()["total"] == 1
    assert cmdb("ci", "unlink", "APP-000001", "DEPENDS_ON", "SRV-000001").code == 6
    cmdb.done("ci", "unlink", "APP-000001", "DEPENDS_ON", "SRV-000001", "--key", "k")
    cmdb.done("ci", "set", "SRV-000001", "--state", "in_use")
    cmdb.done("ci", "retire", "SRV-000001", "--state", "dismantled", "--expects", "3")
    assert cmdb.done("ci", "list", "Server", "-o", "json").rows() == []
    assert cmdb.done("ci", "list", "Server", "--retired", "-o", "json").column("state") == ["dismantled"]
    assert cmdb.done("ci", "list", "Server", "--as-of", "7", "-o", "json").column("name") == ["web-2"]
    assert cmdb.done("ci", "show", "SRV-000001", "--as-of", "2", "-o", "json").value()["name"] == "web-1"
    story = cmdb.done("ci", "history", "SRV-000001", "-o", "json").rows()
    assert [(e["revision"], e["step"]) for e in story] == [
        (2, "created"), (4, "linked"), (5, "changed"), (6, "unlinked"), (7, "changed"), (8, "retired")
    ]  # fmt: skip
    assert (story[2]["actor"], story[2]["authority"], story[2]["reason"]) == ("tester", "initialisation", "a move")
    told = cmdb.done("ci", "history", "SRV-000001").out
    assert "linked shop (APP-000001) —DEPENDS_ON [k]→ web-2 (SRV-000001)" in told
    assert "serial_number: X1 → –" in told
    refused = cmdb("impact", "SRV-000001")
    assert refused.code == 3
    assert "web-2 (SRV-000001) is retired since revision 8" in refused.err
    assert "--as-of 7" in refused.err
    assert cmdb("path", "APP-000001", "SRV-000001").code == 3
    assert cmdb.done("impact", "SRV-000001", "--as-of", "5", "-o", "json").part("hits")[1]["key"] == "APP-000001"


def test_versions_agree(cmdb: Here) -> None:
    version = cmdb.done("--version").out.strip()
    assert version
    assert cmdb.done("version").out == f"cmdb {version}\n"
    assert cmdb.done("version", "-o", "json").value() == {"version": version}


# -- questions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [("--dependents",), ()], ids=["dependents", "providers"])
@pytest.mark.parametrize("thing", [ARRAY, "BusinessService:Parcel booking"])
def test_what_is_reached_is_what_the_files_say(estate: Here, options: tuple[str, ...], thing: str) -> None:
    expected = files().needing(thing) if options else files().needed_by(thing)
    answer = estate.done("depends", thing, *options, "-o", "json")
    said, hits = answer.value(), answer.part("hits")
    assert said["total"] == len(hits) == len(expected)
    assert sorted((str(h["class"]), str(h["name"])) for h in hits) == sorted(
        (files().claims[name].class_name, files().claims[name].name) for name in expected
    )
    assert said["counts"] == Counter(h["class"] for h in hits)
    walk = files().graph.reverse() if options else files().graph
    distances = sorted(nx.single_source_shortest_path_length(walk, thing).values())
    assert [0, *(h["distance"] for h in hits)] == distances
    assert all(str(h["path"]).count("'relationship'") == h["distance"] for h in hits)
    assert (said["complete"], said["scenario"]) == (
        True,
        [estate.done("ci", "show", thing, "-o", "json").value()["key"]],
    )
    table = estate.done("depends", thing, *options)
    assert table.out.startswith(f"{len(expected)} nodes ")


def test_a_path_is_a_shortest_one_and_made_of_what_is_there(estate: Here) -> None:
    hops = estate.done("path", "BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01", "-o", "json").rows()
    assert len(hops) == files().steps("BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01")
    assert [hop["provider"] for hop in hops[:-1]] == [hop["dependent"] for hop in hops[1:]]
    for hop in hops:
        edges = estate.done("ci", "show", str(hop["dependent"]), "-o", "json").part("relationships")
        assert (hop["relationship"], hop["type"]) in [(edge["id"], edge["type"]) for edge in edges]
    shown = estate.done("path", "BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01")
    assert shown.err.strip() == f"{len(hops)} steps"
    assert estate.done("path", ARRAY, ARRAY, "-o", "json").rows() == []


def test_questions_about_the_past_have_the_answers_of_then(estate: Here) -> None:
    before = estate.done("impact", ARRAY, "-o", "json").value()
    revision = str(before["revision"])
    estate.done("ci", "retire", "StoragePool:dui-fast")
    assert len(estate.done("impact", ARRAY, "-o", "json").part("hits")) == 1
    assert estate.done("impact", ARRAY, "--as-of", revision, "-o", "json").value() == before
    assert estate.done("impact", ARRAY, "--as-of", f"r{revision}", "-o", "json").value() == before


# -- model -------------------------------------------------------------------------------------------------------------


def test_the_model_is_shown_in_many_ways(cmdb: Here) -> None:
    model = files().model
    listed = csv.DictReader(io.StringIO(cmdb.done("model", "show", "-o", "csv").out))
    assert {row["code"]: row["class"] for row in listed} == {c.code: c.name for c in model.classes if c.code}
    document = cmdb.done("model", "show", "-o", "json").value()
    assert document["version"] == model.version
    types = cmdb.done("model", "show", "--types", "-o", "json")
    assert sorted(map(str, types.column("type"))) == sorted(model.type_by_name)
    of_server = cmdb.done("model", "show", "Server", "-o", "json")
    assert of_server.column("attribute") == list(model.attributes["Server"])
    assert "服务器" in cmdb.done("model", "show", "Server").out
    assert cmdb.done("model", "show", "DEPENDS_ON", "-o", "json").column("type") == ["DEPENDS_ON"]
    schema = cmdb.done("model", "show", "--schema").value()
    assert str(schema["$schema"]).startswith("https://json-schema.org/")
    chinese, english = (cmdb.done("model", "show", "--classification", lang).out for lang in ("zh", "en"))
    assert "服务器" in chinese
    assert "服务器" not in english
    for text in (chinese, english):
        assert all(c.name in text for c in model.classes if c.code)


def test_without_a_store_the_shipped_model_is_shown(nothing: Here) -> None:
    said = nothing.done("model", "show", "Server", "-o", "json")
    assert "showing the shipped model" in said.err
    assert said.column("attribute") == list(files().model.attributes["Server"])


def test_models_are_compared(nothing: Here) -> None:
    before, after = COMPARED / "before", COMPARED / "after"
    said = nothing("model", "compare", before, after, "-o", "json")
    changes = Counter(str(change["effect"]) for change in said.part("changes"))
    assert (said.code, set(changes)) == (6, {"additive", "breaking"})
    shown = nothing("model", "compare", before, after)
    assert shown.err.strip() == f"{changes['additive']} additive, {changes['breaking']} breaking"
    assert shown.out.count("breaking ") >= changes["breaking"]
    assert nothing.done("model", "compare", before, before, "-o", "json").value() == {"changes": []}
    (nothing.folder / "model.yaml").write_text((before / "model.yaml").read_text() + "\nnonsense: 1\n")
    broken = nothing("model", "compare", nothing.folder, after)
    assert (broken.code, broken.out) == (6, "")
    assert "model.yaml:" in broken.err
    assert "nonsense" in broken.err


# -- keeping -----------------------------------------------------------------------------------------------------------


def test_the_ledger_tells_and_holds(estate: Here) -> None:
    head = estate.done("ledger", "verify", "-o", "json").value()
    rows = estate.done("ledger", "show", "-n", "1000", "-o", "json").rows()
    assert [row["revision"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["previous"] for row in rows[1:]] == [row["hash"] for row in rows[:-1]]
    assert (head["holds"], head["revision"], head["hash"], head["findings"]) == (True, len(rows), rows[-1]["hash"], [])
    assert {row["actor"] for row in rows} == {"importer"}
    [one] = estate.done("ledger", "show", "2", "-o", "json").rows()
    assert {k: v for k, v in one.items() if k != "body"} == rows[1]
    assert isinstance(json.loads(str(one["body"])), list)
    assert (
        f"{len(files().claims)} nodes, {len(files().relationships)} relationships"
        in estate.done("ledger", "verify").err
    )


def test_what_is_exported_can_be_imported(estate: Here) -> None:
    estate.done("ci", "retire", "StoragePool:dui-fast")
    said = estate.done("export", "--to", "all.ndjson")
    assert said.out == ""
    again = url(estate.folder / "again.sqlite")
    estate.done("init", "--store", again)
    estate.done("import", "all.ndjson", "--store", again)
    assert _graph(estate.done("export", "--store", again).out) == _graph((estate.folder / "all.ndjson").read_text())
    assert "nothing to do" in estate.done("import", "all.ndjson", "--store", again).err
    assert estate("export", "--to", "all.ndjson").code == 1
    assert len(estate.done("export", "--as-of", "1").out) == 0
    with_retired = estate.done("export", "--retired").out
    assert len(with_retired.splitlines()) == len((estate.folder / "all.ndjson").read_text().splitlines()) + 1


def _graph(text: str) -> tuple[Counter[str], Counter[str]]:
    """Nodes and relationships, called by class and name instead of ids and keys."""
    names: dict[str, str] = {}
    nodes, relationships = Counter[str](), Counter[str]()
    for line in text.splitlines():
        item = json.loads(line)
        if node := item.get("node"):
            names[node["id"]] = f"{node['class']}:{node['name']}"
            nodes[json.dumps([names[node["id"]], node["state"], node["attributes"]], sort_keys=True)] += 1
        else:
            r = item["relationship"]
            ends = [r["type"], names[r["from"]], names[r["to"]], r["key"], r["attributes"]]
            relationships[json.dumps(ends, sort_keys=True)] += 1
    assert nodes
    assert relationships
    return nodes, relationships


def test_an_export_that_fails_leaves_no_file(nothing: Here) -> None:
    assert nothing("export", "--to", "all.ndjson").code == 3
    assert not (nothing.folder / "all.ndjson").exists()


def test_a_backup_brings_back_everything(estate: Here) -> None:
    estate.done("backup", "all.cmdb")
    again = url(estate.folder / "again.sqlite")
    estate.done("restore", "all.cmdb", "--store", again)
    assert estate.done("export", "--store", again).out == estate.done("export").out
    shown = estate.done("ci", "show", ARRAY, "-o", "json").out
    assert estate.done("ci", "show", ARRAY, "-o", "json", "--store", again).out == shown
    assert '"source": "workbook"' in shown
    assert estate.done("ledger", "verify", "--store", again).code == 0
    assert estate("restore", "all.cmdb", "--store", again).code == 0
    estate.done("ci", "add", "Server", "later", "--store", again)
    assert estate("restore", "all.cmdb", "--store", again).code == 5
    damaged = bytearray((estate.folder / "all.cmdb").read_bytes())
    damaged[len(damaged) // 2] ^= 1
    (estate.folder / "bad.cmdb").write_bytes(damaged)
    assert estate("restore", "bad.cmdb", "--store", url(estate.folder / "third.sqlite")).code == 6


def test_the_doctor_looks_at_machine_and_store(nothing: Here) -> None:
    def store() -> dict[str, str]:
        return {str(row["what"]): str(row["state"]) for row in nothing.done("doctor", "-o", "json").rows()}

    assert store()["store"] == "absent"
    nothing.done("init")
    assert store()["store"] == "fine"
    assert {"Python", "CPUs", "kernels", "revision", "nodes"} <= set(store())
