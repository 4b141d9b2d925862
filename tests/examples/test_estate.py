from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest

from cmdb.reconciliation.claims import Item, NodeClaim, RelationshipClaim, RowError
from cmdb.secrets import looks_like_secret
from graph_schema.values import normalise
from importers.registry import recognise, shipped_importers
from importers.workbook import Workbook
from tests.examples.estate import FOLDER, SOURCES, Answer, answers, estate

SERVICES = tuple(f"BusinessService:{name}" for name in estate().of("BusinessService"))


def test_every_file_is_read_without_errors_or_warnings() -> None:
    assert [item for items in estate().items.values() for item in items if isinstance(item, RowError)] == []


def test_every_file_is_recognised_by_its_format() -> None:
    found, passed_over = recognise(
        [FOLDER / "kubernetes", FOLDER / "compose", FOLDER / "workbook"], shipped_importers()
    )
    assert passed_over == ()
    assert {of.importer.name: of.paths for of in found} == {name: paths for name, _, paths in SOURCES}


def test_the_estate_has_the_size_of_a_small_companys() -> None:
    assert 280 <= len(estate().claims) <= 380


def test_sources_agree_on_what_they_both_describe() -> None:
    owners = Counter[str]()
    for items in estate().items.values():
        owners.update({f"{claim.class_name}:{claim.name}" for claim in items if isinstance(claim, NodeClaim)})
    shared = {thing for thing, count in owners.items() if count > 1}
    assert shared == {"ContainerImage:redis:7.4-alpine"}


def test_values_and_names_fit_the_model() -> None:
    model = estate().model
    for claim in estate().claims.values():
        assert model.naming_pattern_of[claim.class_name].fullmatch(claim.name), claim
        assert claim.state is None or claim.state in model.lifecycle_of[claim.class_name].initial, claim
        for name, value in claim.attributes.items():
            normalise(model.attributes[claim.class_name][name], value)
    for _, claim, _ in estate().relationships:
        attributes = {attribute.name: attribute for attribute in model.type_by_name[claim.type].attributes}
        for name, value in claim.attributes.items():
            normalise(attributes[name], value)


def test_values_that_must_be_unique_are() -> None:
    model = estate().model
    seen: Counter[tuple[str, str]] = Counter()
    for claim in estate().claims.values():
        for name, value in claim.attributes.items():
            if model.attributes[claim.class_name][name].unique:
                seen[name, str(value)] += 1
    assert [value for value, count in seen.items() if count > 1] == []


def test_relationships_join_what_is_there_and_what_the_model_lets_join() -> None:
    claims, model = estate().claims, estate().model
    assert [end for source, _, target in estate().relationships for end in (source, target) if end not in claims] == []
    wrong = [
        f"{source} {claim.type} {target}"
        for source, claim, target in estate().relationships
        if (claims[source].class_name, claims[target].class_name) not in model.joinable[claim.type]
    ]
    assert wrong == []


def test_nothing_stands_alone() -> None:
    joined = {end for source, _, target in estate().relationships for end in (source, target)}
    assert set(estate().claims) - joined == set()


def test_no_two_things_need_each_other() -> None:
    assert nx.is_directed_acyclic_graph(estate().graph)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_stands_on_a_site_and_on_power(service: str) -> None:
    needed = estate().needed_by(service)
    assert estate().of("Site", needed)
    assert estate().of("PowerFeed", needed)
    assert estate().of("PowerEquipment", needed)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_agreed_owned_or_answered_for(service: str) -> None:
    around = {claim.type for source, claim, _ in estate().relationships if source == service}
    assert {"OWNED_BY", "FOR_CUSTOMER", "DOCUMENTED_BY"} <= around or {"OWNED_BY", "COVERED_BY"} <= around


def test_a_pool_that_is_counted_has_the_members_it_counts() -> None:
    pools = {(edge.dependent, edge.pool) for edge in estate().edges}
    for thing, claim in estate().claims.items():
        for pool, need in re.findall(r"([^=;]+)=([^;]+)", str(claim.attributes.get("redundancy", ""))):
            assert (thing, pool) in pools, (thing, pool, need)


def test_descriptions_are_in_both_languages() -> None:
    described = [str(c.attributes["description"]) for c in estate().claims.values() if "description" in c.attributes]
    assert len(described) > 100
    assert [text for text in described if not re.search(r".+ / .*[\u4e00-\u9fff]", text)] == []


def test_no_file_holds_a_secret() -> None:
    for _, _, paths in SOURCES:
        for path in paths:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
                assert looks_like_secret("", line) is None, f"{path}:{number}"


def test_the_xlsx_says_what_the_sheets_say(tmp_path: Path) -> None:
    book = tmp_path / "estate.xlsx"
    subprocess.run([sys.executable, FOLDER / "as_xlsx.py", book], check=True)
    assert _said(Workbook().read([book], estate().model)) == _said(estate().items["workbook"])


def test_the_readme_counts_right() -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    stated = [int(number) for number in re.findall(r"^\| `[^|]*\| [^|]* \| (\d+) \|$", text, re.MULTILINE)]
    names = ("workbook", "kubernetes", "compose")
    counted = [len({c.source_key for c in estate().items[name] if isinstance(c, NodeClaim)}) for name in names]
    assert stated == counted
    assert f"{len(estate().claims)} nodes and {len(estate().relationships)} relationships" in text


@pytest.mark.parametrize("answer", answers(), ids=lambda answer: answer.question)
def test_an_answer_of_the_readme_is_true(answer: Answer) -> None:
    kind, *about = (part.strip() for part in answer.question.split("|"))
    _CHECKS[kind](about, list(answer.lines))


def _reached(about: list[str], lines: list[str]) -> None:
    [thing] = about
    assert lines == [str(len(estate().needing(thing)))]


def _needs(about: list[str], lines: list[str]) -> None:
    thing, class_name = about
    assert lines == estate().of(class_name, estate().needed_by(thing))


def _lost(about: list[str], lines: list[str]) -> None:
    thing, class_name = about
    assert lines == estate().of(class_name, estate().lost([thing]))


def _path(about: list[str], lines: list[str]) -> None:
    first, last = about
    graph = estate().graph
    assert (lines[0], lines[-1]) == (first, last)
    assert all(graph.has_edge(dependent, provider) for dependent, provider in pairwise(lines))
    assert len(lines) == estate().steps(first, last) + 1


_CHECKS: dict[str, Callable[[list[str], list[str]], None]] = {
    "total reached": _reached,
    "needs": _needs,
    "lost": _lost,
    "path": _path,
}


@pytest.mark.parametrize(
    "thing",
    [
        *(f"Hypervisor:dui-hyp-0{number}" for number in (1, 2, 3)),
        *(f"Hypervisor:ven-hyp-0{number}" for number in (1, 2)),
        "Server:dui-db-01",
        "Server:ven-db-01",
        *(f"{device}-0{number}" for device in ("Switch:dui-core", "Firewall:dui-fw") for number in (1, 2)),
        *(f"LoadBalancer:dui-lb-0{number}" for number in (1, 2)),
        "Rack:DUI A01",
        "Rack:DUI A03",
    ],
)
def test_what_is_redundant_may_be_lost(thing: str) -> None:
    assert estate().of("BusinessService", estate().lost([thing])) == []
    assert estate().of("BusinessService", estate().needing(thing)), "nothing depends on it at all"


def _said(items: Iterable[Item]) -> Counter[str]:
    """Claims without the places that they stand at."""
    said: Counter[str] = Counter()
    for item in items:
        assert isinstance(item, NodeClaim | RelationshipClaim), item
        fields = {name: getattr(item, name) for name in item.__struct_fields__ if name != "where"}
        said[f"{type(item).__name__} {fields}"] += 1
    return said
