from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from cmdb.reconciliation.claims import Known, NodeClaim, RelationshipClaim
from importers.ndjson import Ndjson
from tests.importers.reading import faults, nodes, read, read_bytes


def node(number: int, **attributes: object) -> bytes:
    body = {"id": f"id-{number}", "key": f"SRV-{number:06}", "class": "Server", "name": f"s{number}", "state": "in_use"}
    return json.dumps({"node": {**body, "attributes": attributes}}).encode() + b"\n"


EDGE = b'{"relationship":{"type":"DEPENDS_ON","from":"id-1","to":"id-2","key":"a","attributes":{"weight":2}}}\n'


def test_an_export_becomes_claims(tmp_path: Path) -> None:
    items = read_bytes(Ndjson(), node(1, cpu_count=4) + b"\n" + node(2) + EDGE, tmp_path, "e.ndjson")
    assert nodes(items)["id-1"].attributes == {"cpu_count": 4}
    edge = items[-1]
    assert isinstance(edge, RelationshipClaim)
    assert (edge.source, edge.target, edge.key, edge.attributes) == ("id-1", "id-2", "a", {"weight": 2})
    assert [i.where.row for i in items] == [1, 3, 4]


def test_compressed_and_marked_files_are_the_same(tmp_path: Path) -> None:
    content = b"".join(node(i) for i in range(5000)) + EDGE
    plain = [repr(i).replace("a.ndjson", "") for i in read_bytes(Ndjson(), content, tmp_path, "a.ndjson")]
    assert len(plain) == 5001
    for packed, name in (
        (gzip.compress(content), "a.gz"),
        (zstandard.compress(content), "a.zst"),
        (b"\xef\xbb\xbf" + content, "a.bom"),
        (content.rstrip(b"\n"), "a.end"),
        (content.replace(b"\n", b"\r\n"), "a.crlf"),
    ):
        assert [repr(i).replace(name, "") for i in read_bytes(Ndjson(), packed, tmp_path, name)] == plain


def test_ends_that_are_known_already(tmp_path: Path) -> None:
    content = EDGE.replace(b'"id-1"', b'"SRV-000001"').replace(b'"id-2"', b'"Server:web-01"')
    edge = read_bytes(Ndjson(), content, tmp_path, "e.ndjson")[0]
    assert isinstance(edge, RelationshipClaim)
    assert (edge.source, edge.target) == (Known("SRV-000001"), Known("Server:web-01"))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"{", "cannot be read"),
        (b"[]", "Expected `object`"),
        (b'{"node":{"id":1}}', "Expected `str`, got `int` - at `$.node.id`"),
        (b"{}", "exactly one of"),
        (
            b'{"node":{"id":"a","class":"Server","name":"a"},"relationship":{"type":"USES","from":"a","to":"b"}}',
            "exactly",
        ),
        (b'{"node":{"id":"a","class":"Servr","name":"a"}}', "no class 'Servr'"),
        (b'{"node":{"id":"a","class":"Hardware","name":"a"}}', "no class 'Hardware'"),
        (b'{"node":{"id":"a","class":"Server","name":""}}', "a name of 1 to"),
        (b'{"node":{"id":"a","class":"Server","name":"ghp_' + b"a1B2" * 9 + b'"}}', "name of the node holds"),
        (b'{"relationship":{"type":"NEEDS","from":"a","to":"b"}}', "no relationship type 'NEEDS'"),
        (b'{"node":{"id":"\xff","class":"Server","name":"a"}}', "cannot be read"),
        (b'{"node":{"id":"a","class":"Server","name":"a","attributes":{"x":{}}}}', "got `object`"),
        (b'{"node":' + b"[" * 100_000, "cannot be read"),
    ],
)
def test_bad_lines_are_errors_and_the_rest_is_read(line: bytes, words: str, tmp_path: Path) -> None:
    items = read_bytes(Ndjson(), node(1) + line + b"\n" + node(2), tmp_path, "e.ndjson")
    errors = faults(items)
    assert [(e.where.row, words in e.message) for e in errors] == [(2, True)]
    assert errors[0].remedy
    assert set(nodes(items)) == {"id-1", "id-2"}


def test_secrets_are_left_out_with_a_warning(tmp_path: Path) -> None:
    content = node(
        1, role="postgres://a:hunter2@db", admin_password="hunter2", tags=["x", "Password=hunter2;"], fqdn="a"
    )
    items = read_bytes(Ndjson(), content, tmp_path, "e.ndjson")
    assert nodes(items)["id-1"].attributes == {"fqdn": "a"}
    assert len(faults(items, warnings=True)) == 3
    assert "hunter2" not in repr(items)


def test_escapes_hide_nothing(tmp_path: Path) -> None:
    content = b'{"node":{"id":"a","class":"Server","name":"a","attributes":{"role":"x:\\/\\/u:hunter2\\u0040h"}}}\n'
    items = read_bytes(Ndjson(), content, tmp_path, "e.ndjson")
    assert nodes(items)["a"].attributes == {}


def test_pieces_may_end_anywhere(tmp_path: Path) -> None:
    content = b"".join(node(i, description="é" * (i % 70)) for i in range(3000))
    items = read_bytes(Ndjson(), content, tmp_path, "e.ndjson")
    assert [i.name for i in items if isinstance(i, NodeClaim)] == [f"s{i}" for i in range(3000)]
    assert items == read(Ndjson(), tmp_path / "e.ndjson")
