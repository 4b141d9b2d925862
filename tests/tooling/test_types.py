"""The type checker guards against Cypher and SQL built from data: an f-string fails, a literal passes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

CYPHER = """\
from neo4j import AsyncDriver, AsyncManagedTransaction, AsyncSession, AsyncTransaction, Session

FIND = "MATCH (n:Node {key: $key}) RETURN n"


async def ask(
    driver: AsyncDriver,
    session: AsyncSession,
    transaction: AsyncTransaction,
    managed: AsyncManagedTransaction,
    blocking: Session,
    key: str,
) -> None:
    await session.run(FIND, key=key)
    await session.run(FIND + " LIMIT 1", key=key)
    await session.run(f"MATCH (n:Node {{key: '{key}'}}) RETURN n")  # rejected
    await session.run("MATCH (n:" + key + ") RETURN n")  # rejected
    await session.run("MATCH (n:%s) RETURN n" % key)  # rejected
    await transaction.run(FIND, key=key)
    await transaction.run(f"MATCH (n:{key}) RETURN n")  # rejected
    await managed.run(FIND, key=key)
    await managed.run(f"MATCH (n:{key}) RETURN n")  # rejected
    await driver.execute_query(FIND, key=key)
    await driver.execute_query(f"MATCH (n:{key}) RETURN n")  # rejected
    blocking.run(FIND, key=key)
    blocking.run(f"MATCH (n:{key}) RETURN n")  # rejected
"""

SQL = """\
from apsw import Connection

FIND = "SELECT name FROM node WHERE key = ?"


def ask(connection: Connection, key: str) -> None:
    connection.execute(FIND, (key,))
    connection.execute(FIND + " LIMIT 1", (key,))
    connection.execute(f"SELECT name FROM node WHERE key = '{key}'")  # rejected
    connection.execute("SELECT name FROM " + key)  # rejected
    connection.executemany(FIND, [(key,)])
    connection.executemany(f"DELETE FROM {key} WHERE key = ?", [(key,)])  # rejected
    connection.cursor().execute(FIND, (key,))
    connection.cursor().execute(f"DROP TABLE {key}")  # rejected
"""


def errors_by_line(module: Path) -> dict[int, str]:
    """The rule that each line of `module` breaks under the project's own settings; lines count from 1."""
    command = [
        sys.executable,
        "-m",
        "basedpyright",
        "--pythonpath",
        sys.executable,
        "--outputjson",
        str(module),
    ]
    finished = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode in (0, 1), finished.stderr
    report = json.loads(finished.stdout)
    assert report["summary"]["filesAnalyzed"] == 1
    return {
        found["range"]["start"]["line"] + 1: found["rule"]
        for found in report["generalDiagnostics"]
        if found["severity"] == "error"
    }


@pytest.mark.parametrize("queries", [CYPHER, SQL], ids=["cypher", "sql"])
def test_a_query_is_a_literal(tmp_path: Path, queries: str) -> None:
    module = tmp_path / "queries.py"
    module.write_text(queries, encoding="utf-8")
    rejected = {number for number, line in enumerate(queries.splitlines(), start=1) if line.endswith("# rejected")}
    assert rejected
    assert errors_by_line(module) == dict.fromkeys(rejected, "reportArgumentType")
