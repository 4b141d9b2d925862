"""What is committed works on any machine and explains its exceptions."""

from __future__ import annotations

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from tests.conftest import ROOT

# In pieces, so that this file does not hold what it looks for.
REGISTRY_HOSTS = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("files", "pythonhosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("repo", "maven", "apache", "org"),
        ("repo1", "maven", "org"),
        ("deb", "debian", "org"),
        ("proxy", "golang", "org"),
    )
)
MACHINE_PATHS = tuple(f"{path}/" for path in (ROOT, ROOT.parent / "shared", Path.home()) if len(path.parts) > 2)
EXEMPTION = re.compile(r"#\s*(?:noqa\b(?::\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*)?|pyright: ignore(?:\[[\w, ]+\])?)(.*)$")


@cache
def committed_files() -> tuple[Path, ...]:
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so there is no list of committed files")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = (ROOT / name for name in listed.stdout.split("\0") if name)
    return tuple(path for path in files if path.is_file())


def places(needles: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in committed_files()
        for needle in needles
        if needle.encode() in path.read_bytes()
    ]


def test_no_file_names_a_package_registry() -> None:
    assert places(REGISTRY_HOSTS) == []


def test_no_file_names_a_path_of_this_machine() -> None:
    assert places(MACHINE_PATHS) == []


def test_every_exemption_from_a_check_says_why() -> None:
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in committed_files()
        if path.suffix == ".py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if (found := EXEMPTION.search(line)) and not re.search(r"\w{2}", found[1])
    ]
    assert unexplained == []
