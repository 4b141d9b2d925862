"""The verification fails when the Neo4j half of the tests did not run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MARKED = '<properties><property name="marker" value="neo4j"/></properties>'
MARKED_ORACLE = MARKED.replace("</properties>", '<property name="marker" value="oracle"/></properties>')
RAN = f'<testcase classname="tests.store" name="commits">{MARKED}</testcase>'
SKIPPED = f'<testcase classname="tests.store" name="replays">{MARKED}<skipped message="no Java"/></testcase>'
SKIPPED_MODULE = '<testcase classname="" name="tests.store.test_neo4j"><skipped message="no Java"/></testcase>'
SKIPPED_ORACLE = f'<testcase classname="tests" name="counts">{MARKED_ORACLE}<skipped/></testcase>'
BROKEN = f'<testcase classname="tests.store" name="finds">{MARKED}<error message="no fixture"/></testcase>'
UNMARKED = '<testcase classname="tests.model" name="reads"/><testcase name="other"><skipped/></testcase>'


def verdict(folder: Path, cases: str) -> tuple[int, str]:
    report = folder / "junit.xml"
    report.write_text(f"<testsuites><testsuite>{cases}</testsuite></testsuites>", encoding="utf-8")
    finished = subprocess.run(
        [sys.executable, ".ci/neo4j_half.py", str(report)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return finished.returncode, finished.stderr.strip()


@pytest.mark.parametrize("cases", [RAN, RAN + UNMARKED, RAN + SKIPPED_ORACLE])
def test_silent_where_it_ran(tmp_path: Path, cases: str) -> None:
    assert verdict(tmp_path, cases) == (0, "")


@pytest.mark.parametrize(
    ("cases", "named"),
    [
        (UNMARKED, "no test marked `neo4j` ran"),
        (RAN + SKIPPED, "tests.store::replays"),
        (RAN + SKIPPED_MODULE, "tests.store.test_neo4j"),
        (BROKEN, "no test marked `neo4j` ran"),
        (SKIPPED_ORACLE, "no test marked `neo4j` ran"),
    ],
)
def test_says_what_did_not_run(tmp_path: Path, cases: str, named: str) -> None:
    code, said = verdict(tmp_path, cases)
    assert code == 1
    assert named in said
