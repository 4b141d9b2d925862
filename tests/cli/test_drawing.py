"""impact drawn: every hit is in the picture, states can be told without colour, and nothing in a name breaks it."""

from __future__ import annotations

import subprocess
from xml.etree import ElementTree as ET

import pytest

from tests.cli.program import MAIN, Here, environment, url

ARRAY = "StorageDevice:dui-sto-01"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(here: Here, *arguments: str) -> bytes:
    """What a command writes to standard output, byte by byte."""
    ended = subprocess.run(
        [*MAIN, *arguments],
        env=environment(here.folder, CMDB_STORE=url(here.folder / "store.sqlite")),
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def parsed(drawing: bytes | str) -> ET.Element:
    return ET.fromstring(drawing)  # noqa: S314 - our own drawing


def test_every_hit_is_drawn_with_its_state(estate: Here) -> None:
    hits = estate.done("impact", ARRAY, "-o", "json").part("hits")
    tree = parsed(drawn(estate, "impact", ARRAY, "--format", "svg"))
    groups = tree.findall(f"{SVG}g")
    told = sorted(str(group.findtext(f"{SVG}title")) for group in groups)
    assert told == sorted(
        f"{h['name']}, {h['class']} {h['key']}, {str(h['state']).replace('_', ' ')}, distance {h['distance']}"
        for h in hits
    )
    outlines = {
        str(group.findtext(f"{SVG}title")).split(", ")[2]: "".join(c for c in path.get("d", "") if c.isalpha())
        for group in groups
        if (path := group.find(f"{SVG}path")) is not None
    }
    assert set(outlines) == {"down", "degraded", "at risk"}
    assert len(set(outlines.values())) == 3, "each state has a shape of its own"
    assert tree.findtext(f"{SVG}title", "").startswith("dui-sto-01 (STD-000001): takes down 9 services")


def test_a_page_says_the_same_in_a_table(estate: Here) -> None:
    page = drawn(estate, "impact", ARRAY, "--format", "html").decode()
    hits = estate.done("impact", ARRAY, "-o", "json").part("hits")
    assert page.count('<tr class="') == len(hits)
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<script" not in page


def test_a_png_is_one(estate: Here) -> None:
    data = drawn(estate, "impact", ARRAY, "--format", "png")
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(data) > 10_000


@pytest.mark.parametrize("kind", ["svg", "html"])
def test_names_are_only_names(cmdb: Here, kind: str) -> None:
    name = "<script>alert('&')</script> ]]> \" 网络"
    cmdb.done("ci", "add", "Server", name)
    drawing = drawn(cmdb, "impact", "SRV-000001", "--format", kind).decode()
    assert "<script" not in drawing
    assert "&lt;script&gt;" in drawing
    if kind == "svg":
        assert name in str(parsed(drawing).findtext(f"{SVG}g/{SVG}title"))


def test_many_hits_are_grouped(cmdb: Here) -> None:
    lines = ['{"node": {"id": "h", "class": "Hypervisor", "name": "host"}}']
    for n in range(400):
        lines += [
            f'{{"node": {{"id": "v{n}", "class": "VirtualMachine", "name": "vm-{n}"}}}}',
            f'{{"relationship": {{"type": "RUNS_ON", "from": "v{n}", "to": "h", "key": ""}}}}',
        ]
    (cmdb.folder / "many.ndjson").write_text("\n".join(sorted(lines)) + "\n")
    cmdb.done("import", "ndjson", "many.ndjson")
    tree = parsed(drawn(cmdb, "impact", "Hypervisor:host", "--format", "svg"))
    told = [str(group.findtext(f"{SVG}title")) for group in tree.findall(f"{SVG}g")]
    assert told == ["Hypervisor, 1 CI, down, distance 0", "VirtualMachine, 400 CIs, down, distance 1"]
    assert len(tree.findall(f"{SVG}path")) == 1, "one link stands for all of them"
