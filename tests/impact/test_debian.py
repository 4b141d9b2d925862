"""Debian packages taken in by the importer: who breaks is what dose-debcheck says, who needs whom what apt-rdepends says."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import TypedDict, cast

import numpy as np
import pytest

from cmdb.application import Application, Scenario, assess, initialise, open_application
from cmdb.impact import reached
from cmdb.projection import DependencyColumns, Direction, Projection
from cmdb.reconciliation.applying import apply_plan
from cmdb.reconciliation.importing import plan_import
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from importers.debian import Debian

pytestmark = [pytest.mark.oracle, pytest.mark.timeout(900), pytest.mark.xdist_group("debian")]

Pair = tuple[str, str]
"""Names of a dependent and of what it needs."""


class SetRemoved(TypedDict):
    removed: list[str]
    broken: list[str]


class Needing(TypedDict):
    needs: list[list[str]]


@dataclass(frozen=True)
class Index:
    """A `Packages` file, read without the importer: names alone."""

    path: Path

    @cached_property
    def packages(self) -> frozenset[str]:
        return frozenset(name for name, _ in self._stanzas)

    @cached_property
    def named(self) -> frozenset[Pair]:
        """All alternatives of Depends and Pre-Depends that are packages of this file."""
        pairs = ((name, wanted) for name, wanted, _ in self._alternatives)
        return frozenset(pair for pair in pairs if pair[1] in self.packages and pair[0] != pair[1])

    @cached_property
    def wanted(self) -> frozenset[Pair]:
        """All alternatives, packages or not."""
        return frozenset((name, wanted) for name, wanted, _ in self._alternatives)

    @cached_property
    def restricted(self) -> frozenset[Pair]:
        """Those with a version."""
        return frozenset((name, wanted) for name, wanted, restricted in self._alternatives if restricted)

    @cached_property
    def provided(self) -> frozenset[Pair]:
        """Packages, and the names that they provide."""
        said = ((name, re.findall(r"^Provides: (.*)", stanza, re.MULTILINE)) for name, stanza in self._stanzas)
        return frozenset((name, word) for name, fields in said for word, _ in _words(fields, ","))

    @cached_property
    def _alternatives(self) -> list[tuple[str, str, bool]]:
        said = ((n, re.findall(r"^(?:Pre-)?Depends: (.*)", stanza, re.MULTILINE)) for n, stanza in self._stanzas)
        return [(name, *word) for name, fields in said for word in _words(fields, r"[,|]")]

    @cached_property
    def _stanzas(self) -> list[Pair]:
        text = gzip.decompress(self.path.read_bytes()).decode()
        stanzas = [stanza for stanza in text.split("\n\n") if stanza.strip()]
        return [(re.findall(r"^Package: (\S+)", stanza, re.MULTILINE)[0], stanza) for stanza in stanzas]


@dataclass(frozen=True)
class Suite:
    """An index that has been taken in, and the store that it is in."""

    index: Index
    store: Path

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Application]:
        application = await open_application(f"sqlite:///{self.store}")
        try:
            yield application
        finally:
            await application.close()


@cache
def indexes(folder: Path) -> tuple[Index, ...]:
    """The smallest first."""
    return tuple(Index(path) for path in sorted(folder.glob("*Packages.gz"), key=lambda path: path.stat().st_size))


def index_of(folder: Path, names: Iterable[str]) -> Index:
    """The smallest index that has all of these packages."""
    wanted = frozenset(names)
    found = next((index for index in indexes(folder) if wanted <= index.packages), None)
    assert found is not None, f"no index in {folder} has all packages that the answer names"
    return found


def answers(folder: Path, pattern: str) -> Iterator[object]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        pytest.skip(f"no {pattern} in {folder}")
    for path in paths:
        yield json.loads(gzip.decompress(path.read_bytes()))


@pytest.fixture(scope="module")
def suites(tmp_path_factory: pytest.TempPathFactory) -> Suites:
    return Suites(tmp_path_factory.mktemp("debian"))


class Suites:
    """Stores of indexes, each made when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[Path, Suite] = {}

    async def of(self, index: Index) -> Suite:
        if index.path not in self._made:
            store = self._folder / f"{len(self._made)}.sqlite"
            await _taken_in(index.path, store)
            self._made[index.path] = Suite(index, store)
        return self._made[index.path]


async def _taken_in(path: Path, store: Path) -> None:
    application = await open_application(f"sqlite:///{store}", create=True)
    model = shipped_model()
    await initialise(application, model, actor="tester")
    plan = await plan_import(application.store, model, Debian(), [path], "suite")
    assert not plan.errors
    await apply_plan(application.door, plan, actor="tester", authority=INITIALISATION, retire=False)
    await application.close()


def _words(fields: Iterable[str], separators: str) -> Iterator[tuple[str, bool]]:
    """Names, and whether there is a version behind them."""
    for field in fields:
        for part in re.split(separators, field):
            if part.strip():
                yield re.split(r"[\s:(]", part.strip(), maxsplit=1)[0], "(" in part


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "graphs" / "debian"


async def names_of(application: Application) -> dict[int, str]:
    return {node.ordinal: node.name async for batch in application.store.all_nodes() for node in batch}


async def broken(application: Application, names: dict[int, str], removed: list[str]) -> list[str]:
    """The packages that go down when some are gone, without these."""
    found = await assess(application, Scenario(of=[f"Package:{name}" for name in removed]))
    return sorted({names[ordinal] for ordinal in found.impact.down.tolist()} - set(removed))


async def test_single_removals_break_what_dose_says(folder: Path, suites: Suites) -> None:
    """A key is the package that is removed, its value the others that cannot be installed any more."""
    for answer in answers(folder, "oracle_dose_single_removal.*.json.gz"):
        expected = cast("dict[str, list[str]]", answer)
        suite = await suites.of(index_of(folder, {*expected, *(name for names in expected.values() for name in names)}))
        async with suite.opened() as application:
            names = await names_of(application)
            wrong = [
                gone for gone, down in expected.items() if await broken(application, names, [gone]) != sorted(down)
            ]
        assert expected
        assert wrong == []


async def test_removals_of_sets_break_what_dose_says(folder: Path, suites: Suites) -> None:
    """`broken` are those that cannot be installed when all of `removed` are gone at once."""
    for answer in answers(folder, "oracle_dose_set_removal.*.json.gz"):
        cases = cast("list[SetRemoved]", answer)
        suite = await suites.of(
            index_of(folder, (name for case in cases for name in (*case["removed"], *case["broken"])))
        )
        async with suite.opened() as application:
            names = await names_of(application)
            wrong = [
                case["removed"]
                for case in cases
                if await broken(application, names, case["removed"]) != sorted(case["broken"])
            ]
        assert cases
        assert wrong == []


async def test_needs_are_the_recorded_ands_of_ors(folder: Path, suites: Suites) -> None:
    """`needs` of a package are its clauses, each the packages that meet it, whether by name or by what they provide."""
    for answer in answers(folder, "*_andor.json.gz"):
        expected = cast("dict[str, Needing]", answer)
        suite = await suites.of(index_of(folder, expected))
        async with suite.opened() as application:
            names = await names_of(application)
            found = {name: set[frozenset[str]]() for name in names.values()}
            pools: dict[tuple[str, str], set[str]] = {}
            async for batch in application.store.all_relationships():
                for r in batch:
                    alone = f"alone {r.target}"
                    pools.setdefault((names[r.source], str(r.attributes.get("pool", alone))), set()).add(
                        names[r.target]
                    )
        for (name, _), members in pools.items():
            found[name].add(frozenset(members))
        assert found == {name: {frozenset(clause) for clause in said["needs"]} for name, said in expected.items()}


@pytest.mark.slow
async def test_the_graph_differs_from_the_names_by_provides_and_versions_only(folder: Path, suites: Suites) -> None:
    """What is needed by name is in the graph, or its version is refused, or the package has what is needed itself.

    What is in the graph is needed by name, or provides what is.
    """
    index = largest(folder)
    suite = await suites.of(index)
    async with suite.opened() as application:
        found = await pairs_of(application)
    lacking, more = index.named - found, found - index.named
    provides: dict[str, set[str]] = {}
    for provider, name in index.provided:
        provides.setdefault(provider, set()).add(name)
    own = {name for name, wanted in index.wanted if wanted == name or wanted in provides.get(name, ())}
    assert {pair for pair in lacking if pair not in index.restricted and pair[0] not in own} == set()
    assert [(d, p) for d, p in more if not any((d, name) in index.wanted for name in provides.get(p, ()))] == []
    assert len(lacking) + len(more) < len(found)


@pytest.mark.slow
async def test_reverse_closures_are_those_of_apt_rdepends(folder: Path, suites: Suites) -> None:
    """A key is a package, its value itself and all that transitively depend on it, as `apt-rdepends -r` prints them.

    It goes by names: Depends and Pre-Depends, all alternatives, whatever versions they ask for; who provides a name
    does not count. Policy, and so our graph, is stricter with versions and wider with Provides. The graph is
    therefore laid out again as apt-rdepends sees it, without dependencies that are not by name, and with those by name
    that a version refuses; the closure is ours.
    """
    for answer in answers(folder, "oracle_apt_rdepends_reverse_closure.*.json.gz"):
        expected = cast("dict[str, list[str]]", answer)
        index = index_of(folder, {*expected, *(name for names in expected.values() for name in names)})
        suite = await suites.of(index)
        async with suite.opened() as application:
            names = await names_of(application)
            projection = by_name(await application.follower.current(), names, index)
        ordinals: dict[str, list[int]] = {}
        for ordinal, name in names.items():
            ordinals.setdefault(name, []).append(ordinal)
        wrong = [
            name
            for name, needing in expected.items()
            if {names[o] for o in reached(projection, ordinals[name], Direction.DEPENDENTS).ordinals.tolist()}
            != set(needing)
        ]
        assert expected
        assert wrong == []


def by_name(projection: Projection, names: dict[int, str], index: Index) -> Projection:
    """The same nodes with the dependencies that apt-rdepends sees: kept where we have them, added where we do not."""
    edges = projection.edges()
    ends = [(names[d], names[p]) for d, p in zip(edges.dependent.tolist(), edges.provider.tolist(), strict=True)]
    kept = np.array([pair in index.named for pair in ends], dtype=bool)
    ordinal = {name: number for number, name in names.items()}
    first = int(edges.relationship.max(initial=0)) + 1
    lacking = sorted(index.named - set(ends))
    added = DependencyColumns.of((first + i, ordinal[d], ordinal[p], 0) for i, (d, p) in enumerate(lacking))
    columns = DependencyColumns(
        np.concatenate([edges.relationship[kept], added.relationship]),
        np.concatenate([edges.dependent[kept], added.dependent]),
        np.concatenate([edges.provider[kept], added.provider]),
        np.concatenate([edges.type_code[kept], added.type_code]),
    )
    return Projection.from_columns(columns, projection.nodes, projection.revision)


def largest(folder: Path) -> Index:
    if not (found := indexes(folder)):
        pytest.skip(f"no Packages files in {folder}")
    return found[-1]


async def pairs_of(application: Application) -> set[Pair]:
    names = await names_of(application)
    edges = (await application.follower.current()).edges()
    return {(names[d], names[p]) for d, p in zip(edges.dependent.tolist(), edges.provider.tolist(), strict=True)}
