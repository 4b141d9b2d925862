"""A baseline is proven against the ledger; one byte altered anywhere in what it covers is found and named."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from cmdb.application import open_application
from cmdb.application.proving import verify_baseline
from cmdb.baselines import Filtered, OfService
from cmdb.baselines.proving import Proof
from cmdb.changeset import Link, Put, Retire, Unlink
from cmdb.errors import NotFound
from tests.baselines.world import DB, SHOP, SPARE, TICKET, WEB, Site, a_site
from tests.store.places import SQLITE, Places
from tests.writing.office import create


async def _live(site: Site) -> None:
    """A past before the baselines, the baselines of revision 4, and a present that is another."""
    await site.write(
        Put(node=WEB, attributes={"count": 3, "tier": "gold"}),
        Link(type="CONNECTED_TO", source=DB, target=WEB, key="eth 0", attributes={"speed": 10}),
    )
    await site.write(Link(type="RUNS_ON", source=WEB, target=DB, attributes={"remark": "ok"}), create("Server", "late"))
    await site.record("all")
    await site.record("servers", Filtered("is Server"))
    await site.record("shop", OfService("Service:svc-shop"))
    await site.write(Put(node=WEB, attributes={"count": 4}), Put(node=DB, name="db-2"))
    await site.write(Link(type="RUNS_ON", source=WEB, target=DB, attributes={"port": 2}), Retire(node=SPARE))
    await site.write(Unlink(type="BACKED_BY", source=SHOP, target=WEB), Put(node=TICKET, name="T-9"))
    await site.record("later", supersedes="all")


async def test_untouched_baselines_hold_on_every_store(places: Places) -> None:
    async with a_site(await places.empty()) as site:
        await _live(site)
        for name in ("all", "servers", "shop", "later"):
            proof = await verify_baseline(site.application, name)
            assert (proof.holds, proof.findings) == (True, ())
            assert proof.baseline.name == name
        with pytest.raises(NotFound):
            await verify_baseline(site.application, "nobody")


async def _written(path: Path) -> None:
    async with a_site(f"{SQLITE}{path}") as site:
        await _live(site)


@pytest.fixture
async def lived(tmp_path: Path) -> Path:
    """The file of a store with a past, a present and four baselines."""
    path = tmp_path / "lived.db"
    await _written(path)
    return path


async def _proof(path: Path, name: str) -> Proof:
    application = await open_application(f"{SQLITE}{path}")
    try:
        return await verify_baseline(application, name)
    finally:
        await application.close()


_ITEMS = "retired = 0 AND class IN ('Server', 'Service')"
_THEN = "since <= 4 AND until > 4"
_COVERED = (
    ("node", "key class name state attributes version since retired ordinal", f"{_ITEMS} AND since <= 4", "key"),
    ("node_version", "key class name state attributes version since retired", f"{_ITEMS} AND {_THEN}", "key"),
    ("relationship", "id type source target key attributes since", "since <= 4 AND source < 4", "id"),
    ("relationship_version", "type source target attributes since", _THEN, "id"),
    ("ledger", "revision time actor authority reason previous hash body", "true", "revision"),
    ("node", "key name state attributes version since", "class = 'Baseline' AND name = 'all'", "key"),
)
"""Where what the baseline `all` covers stands: tables, columns, rows, and what a row is named by."""


@dataclass(frozen=True)
class Cell:
    """A value in the file: where it stands, and what must be named if it is altered."""

    column: str
    of: str
    value: apsw.SQLiteValue
    named: str

    def alter(self, connection: apsw.Connection, seed: int) -> None:
        """One byte of a text, or one bit of a number, is another one."""
        table, condition = self.of.split(" WHERE ")
        statement = f"UPDATE {table} SET {self.column} = ? WHERE {condition}"
        connection.execute(statement, (_altered(self.value, seed),))  # pyright: ignore[reportArgumentType]  # the test's own words


def _cells(connection: apsw.Connection) -> list[Cell]:
    cells: list[Cell] = []
    for table, columns, condition, name in _COVERED:
        for column in columns.split():
            statement = f"SELECT {name}, {column} FROM {table} WHERE {condition}"
            for named, value in connection.execute(statement):  # pyright: ignore[reportArgumentType]  # the test's own words
                if value not in {None, "", b""}:
                    of = f"{table} WHERE {condition} AND {name} = '{named}'"
                    cells.append(Cell(column, of, value, f"entry {named}" if table == "ledger" else str(named)))
    return cells


def _altered(value: apsw.SQLiteValue, seed: int) -> apsw.SQLiteValue:
    if isinstance(value, int):
        return value ^ 1
    if isinstance(value, bytes):
        body = bytearray(zstandard.decompress(value))
        body[seed % len(body)] ^= 1 << seed % 8
        return zstandard.compress(bytes(body))
    text = str(value)
    place = seed % len(text)
    others = [c for c in '0a9Z"}{ ' if c != text[place]]
    return text[:place] + others[seed % len(others)] + text[place + 1 :]


async def _check(lived: Path, cell: Cell, seed: int) -> None:
    """A copy in which one byte of a cell is altered: that is found, and named."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "altered.db"
        shutil.copy(lived, path)
        connection = apsw.Connection(str(path))
        try:
            cell.alter(connection, seed)
        except apsw.ConstraintError:
            return  # a key that another row has
        finally:
            connection.close()
        proof = await _proof(path, "all")
        told = [f"{finding.subject} {finding.message}" for finding in proof.findings]
        assert not proof.holds, cell
        assert any(cell.named in line for line in told), (cell, told)


def _cells_of(path: Path) -> list[Cell]:
    connection = apsw.Connection(str(path))
    try:
        return _cells(connection)
    finally:
        connection.close()


async def test_an_altered_byte_in_every_cell_is_found_and_named(lived: Path) -> None:
    cells = _cells_of(lived)
    assert len({cell.of.split()[0] for cell in cells}) == 5
    for number, cell in enumerate(cells):
        await _check(lived, cell, number)


def test_any_altered_byte_is_found_and_named(tmp_path: Path) -> None:
    path = tmp_path / "lived.db"
    asyncio.run(_written(path))
    cells = _cells_of(path)

    @given(st.sampled_from(cells), st.integers(0, 2**32))
    def check(cell: Cell, seed: int) -> None:
        asyncio.run(_check(path, cell, seed))

    check()
