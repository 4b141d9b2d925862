"""Reads pytest's JUnit report and fails unless the Neo4j half of the tests really ran; silent when it did."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree as ET


def complaint(report: Path) -> str:
    """What is wrong with the Neo4j half in `report`, or an empty string.

    A test belongs to it when its property `marker` says `neo4j` (`tests/conftest.py` records it), or, where
    a whole module was skipped before any test was collected, when its name does. A test that is an `oracle`
    as well may skip: it lacks its data, not its server.
    """
    ran = 0
    skipped: list[str] = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own report, written a moment ago
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        markers = {item.get("value") for item in case.iter("property") if item.get("name") == "marker"}
        if case.find("skipped") is None:
            ran += "neo4j" in markers and case.find("error") is None
        elif "oracle" not in markers and ("neo4j" in markers or (not markers and "neo4j" in name.lower())):
            skipped.append(name)
    if skipped:
        return "the Neo4j half was skipped:\n  " + "\n  ".join(skipped)
    return "" if ran else "no test marked `neo4j` ran"


if __name__ == "__main__":
    sys.exit(complaint(Path(sys.argv[1])) or 0)
