from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest

from cmdb.errors import Invalid
from cmdb.impact.kernels import MakeChoice
from tests.impact.cases import NUMBA, NUMPY, Asked, comparable
from tests.reference.impact import Case, Expected, Reference

pytestmark = pytest.mark.oracle

REFUSED = "refused"


class Golden(Case):
    expect: Expected


def files(shared_data: Path, *, refused: bool) -> list[Path]:
    found = sorted((shared_data / "impact").glob("golden*.json"))
    chosen = [path for path in found if (REFUSED in path.stem) == refused]
    if not chosen:
        pytest.skip(f"no {'refused' if refused else 'answered'} golden files in {shared_data / 'impact'}")
    return chosen


def read(path: Path) -> list[Golden]:
    return cast("list[Golden]", json.loads(path.read_text(encoding="utf-8")))


def agrees(answer: Expected, expected: Expected) -> bool:
    """On everything that the file says."""
    found = comparable(answer)
    return all(found[name] == wanted for name, wanted in comparable(expected).items())


@pytest.mark.parametrize("make", [NUMBA, NUMPY], ids=["numba", "numpy"])
def test_the_engine_gives_the_golden_answers(shared_data: Path, make: MakeChoice) -> None:
    cases = [(path.name, case) for path in files(shared_data, refused=False) for case in read(path)]
    wrong = [(name, case["name"]) for name, case in cases if not agrees(Asked(case, make).expected(), case["expect"])]
    assert cases
    assert wrong == []


def test_the_reference_gives_the_golden_answers(shared_data: Path) -> None:
    cases = [(path.name, case) for path in files(shared_data, refused=False) for case in read(path)]
    wrong = [(name, case["name"]) for name, case in cases if not agrees(Reference(case).expected(), case["expect"])]
    assert cases
    assert wrong == []


@pytest.mark.parametrize("make", [NUMBA, NUMPY], ids=["numba", "numpy"])
def test_what_is_no_question_is_refused(shared_data: Path, make: MakeChoice) -> None:
    answered: list[str] = []
    cases = [case for path in files(shared_data, refused=True) for case in read(path)]
    for case in cases:
        try:
            Asked(case, make).impact()
        except Invalid:
            continue
        answered.append(case["name"])
    assert cases
    assert answered == []
