"""What small inputs become, written so that a person can read and judge it: `golden/*.txt`.

`CMDB_UPDATE_GOLDEN=1` writes the files anew; look at the difference before committing it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmdb.reconciliation.claims import Importer, Item, Known, NodeClaim, RelationshipClaim, RowError
from importers.compose import Compose
from importers.debian import Debian
from importers.kubernetes import Kubernetes
from importers.netbox import NetBox
from importers.workbook import Workbook
from tests.importers.reading import read_bytes
from tests.importers.test_compose import SHOP as COMPOSE
from tests.importers.test_debian import SUITE
from tests.importers.test_kubernetes import SHOP as MANIFESTS
from tests.importers.test_netbox import ESTATE

GOLDEN = Path(__file__).with_name("golden")
SHEET = b"key,name,state,cpu_count,description\ns1,web-01,in_test,4,x\n,web-01,,,\n,,,,\ns1,b,,,\n,c,,,pwd=hunter2\n"
INPUTS: dict[str, tuple[Importer, bytes, str]] = {
    "compose": (Compose(), COMPOSE, "compose.yaml"),
    "debian": (Debian(), SUITE, "Packages"),
    "kubernetes": (Kubernetes("fra-1"), MANIFESTS, "all.yaml"),
    "netbox": (NetBox(), ESTATE, "netbox.json"),
    "workbook": (Workbook(), SHEET, "Server.csv"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs_become_what_was_judged_right(name: str, tmp_path: Path) -> None:
    importer, content, file = INPUTS[name]
    shown = "\n".join(line for item in read_bytes(importer, content, tmp_path, file) for line in lines(item, tmp_path))
    golden = GOLDEN / f"{name}.txt"
    if os.environ.get("CMDB_UPDATE_GOLDEN"):
        golden.write_text(shown + "\n", encoding="utf-8")
    assert shown + "\n" == golden.read_text(encoding="utf-8")


def lines(item: Item, folder: Path) -> Iterator[str]:
    where = str(item.where).removeprefix(f"{folder}/")
    match item:
        case NodeClaim():
            yield f"{where}: {item.class_name} {item.name!r} ({item.source_key}) {item.state or ''}".rstrip()
            yield from (f"    {name} = {value!r}" for name, value in sorted(item.attributes.items()))
        case RelationshipClaim():
            ends = [f"known {e.reference}" if isinstance(e, Known) else e for e in (item.source, item.target)]
            key = f" [{item.key}]" if item.key else ""
            attributes = f" {item.attributes}" if item.attributes else ""
            yield f"{where}: {ends[0]} {item.type} {ends[1]}{key}{attributes}"
        case RowError():
            message = item.message.replace(f"{folder}/", "")
            yield f"{where}: {'warning' if item.warning else 'error'}: {message} -> {item.remedy}"
