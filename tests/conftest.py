"""What all tests share: hypothesis profiles, the place of the shared data, one worker for the Neo4j half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

pytest_plugins = ["tests.neo4j_server"]

ROOT = Path(__file__).resolve().parent.parent
REPORTED_MARKERS = ("neo4j", "oracle")

# Neither a deadline nor `too_slow`: a busy machine is no fault of the code.
_patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.register_profile("dev", _patient, max_examples=50, stateful_step_count=30)
settings.register_profile("ci", _patient, max_examples=50, stateful_step_count=30, derandomize=True, database=None)
settings.register_profile("long", _patient, max_examples=5_000, stateful_step_count=100)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of data that stands outside the repository; the test is skipped where there is none."""
    folder = Path(os.environ.get("CMDB_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no shared data in {folder}; set CMDB_SHARED_DATA to the folder that holds it")
    return folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests on one Neo4j server share its database, so they run in one worker; the report names them."""
    for item in items:
        if item.get_closest_marker("neo4j"):
            item.add_marker(pytest.mark.xdist_group("neo4j"))
            if not item.get_closest_marker("timeout"):
                # A server plans each new statement, which takes its time on a busy machine.
                item.add_marker(pytest.mark.timeout(900, func_only=True))
        item.user_properties += [("marker", name) for name in REPORTED_MARKERS if item.get_closest_marker(name)]
