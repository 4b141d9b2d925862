"""The example estate as its files claim it, in plain Python and networkx: the oracle of what its README says."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Final, TypeGuard

import networkx as nx

from cmdb.reconciliation.claims import Item, Known, NodeClaim, RelationshipClaim
from graph_schema.metamodel import DependentEnd, Model, Need, Strength
from graph_schema.reader import shipped_model
from importers.compose import Compose
from importers.kubernetes import Kubernetes
from importers.workbook import Workbook
from tests.conftest import ROOT

FOLDER: Final = ROOT / "examples" / "estate"

SOURCES: Final = (
    ("kubernetes", Kubernetes(), tuple(sorted((FOLDER / "kubernetes").glob("*.yaml")))),
    ("compose", Compose(), (FOLDER / "compose" / "sortline" / "compose.yaml",)),
    ("workbook", Workbook(), tuple(sorted((FOLDER / "workbook").glob("*.csv")))),
)
"""Name, importer and files of each source, in the order in which they are imported."""


@dataclass(frozen=True)
class Edge:
    """A dependency, read as dependent needs provider, in a pool of the dependent."""

    dependent: str
    provider: str
    pool: str
    soft: bool


@dataclass(frozen=True)
class Estate:
    """All claims together. A thing is called `Class:name`, or by its own reference where it has one."""

    model: Model
    items: Mapping[str, tuple[Item, ...]]

    @cached_property
    def claims(self) -> dict[str, NodeClaim]:
        """What is said about each thing; what two sources say about one thing is said once."""
        return {self._name(claim): claim for items in self.items.values() for claim in items if _is_node(claim)}

    @cached_property
    def relationships(self) -> list[tuple[str, RelationshipClaim, str]]:
        """Every relationship, between the things at its ends."""
        found: list[tuple[str, RelationshipClaim, str]] = []
        for items in self.items.values():
            names = {claim.source_key: self._name(claim) for claim in items if _is_node(claim)}
            for item in items:
                if isinstance(item, RelationshipClaim):
                    source, target = (
                        end.reference if isinstance(end, Known) else names[end] for end in (item.source, item.target)
                    )
                    found.append((source, item, target))
        return found

    @cached_property
    def edges(self) -> list[Edge]:
        """The relationships that mean a dependency."""
        return [edge for source, claim, target in self.relationships for edge in self._edges(source, claim, target)]

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """An arrow from each dependent to each of its providers, strong and weak ones."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.claims)
        graph.add_edges_from((edge.dependent, edge.provider) for edge in self.edges)
        return graph

    def needed_by(self, thing: str) -> set[str]:
        """All that a thing needs, directly or not."""
        return nx.descendants(self.graph, thing)  # pyright: ignore[reportUnknownMemberType]  # the stub leaves it open

    def needing(self, thing: str) -> set[str]:
        """All that needs a thing, directly or not."""
        return nx.ancestors(self.graph, thing)  # pyright: ignore[reportUnknownMemberType]  # the stub leaves it open

    def steps(self, dependent: str, provider: str) -> int:
        """Dependencies on a shortest way from one thing to another."""
        return int(nx.shortest_path_length(self.graph, dependent, provider))  # pyright: ignore[reportUnknownMemberType]  # as above

    def of(self, class_name: str, things: Iterable[str] | None = None) -> list[str]:
        """The names of those things that are of this class or one below it, sorted."""
        among = self.claims if things is None else things
        return sorted(
            self.claims[thing].name for thing in among if self.model.is_a(self.claims[thing].class_name, class_name)
        )

    def lost(self, failed: Collection[str]) -> set[str]:
        """What is down if `failed` is: things whose pools, hard ones, have less left than they need. For graphs without rings."""
        pools: dict[tuple[str, str], set[str]] = {}
        for edge in self.edges:
            if not edge.soft:
                pools.setdefault((edge.dependent, edge.pool), set()).add(edge.provider)
        down = set(failed)
        while (
            more := {thing for (thing, pool), members in pools.items() if self._short(thing, pool, members, down)}
            - down
        ):
            down |= more
        return down

    def _short(self, thing: str, pool: str, members: set[str], down: set[str]) -> bool:
        need = self._needs(thing).get(pool, "any" if pool.startswith("any:") else "all")
        count = len(members)
        if need == "all":
            wanted = count
        elif need == "any":
            wanted = 1
        elif need.startswith("quorum:"):
            wanted = count - -(-count * int(need[7:-1]) // 100) + 1
        else:
            wanted = min(int(need), count)
        return len(members - down) < wanted

    def _needs(self, thing: str) -> dict[str, str]:
        said = self.claims[thing].attributes.get("redundancy")
        return dict(re.findall(r"([^=;]+)=([^;,]+)", str(said))) if said else {}

    def _edges(self, source: str, claim: RelationshipClaim, target: str) -> Iterator[Edge]:
        meaning = self.model.type_by_name[claim.type].dependency
        if meaning is None:
            return
        forward = meaning.dependent is DependentEnd.FROM
        dependent, provider = (source, target) if forward else (target, source)
        alone = f"any:{claim.type}" if meaning.need is Need.ANY else f"{claim.type}:{provider}"
        pool = claim.attributes.get("pool", alone)
        yield Edge(dependent, provider, str(pool), meaning.strength is Strength.SOFT)

    def _name(self, claim: NodeClaim) -> str:
        plain = f"{claim.class_name}:{claim.name}"
        return claim.source_key if claim.class_name == "NetworkInterface" else plain


@cache
def estate() -> Estate:
    """The estate, read once."""
    model = shipped_model()
    return Estate(model, {name: tuple(importer.read(paths, model)) for name, importer, paths in SOURCES})


@dataclass(frozen=True)
class Answer:
    """A block of the README: a question in words that a test understands, and the answer line by line."""

    question: str
    lines: tuple[str, ...]


def answers(readme: Path = FOLDER / "README.md") -> list[Answer]:
    """The fenced blocks whose info string begins with `answer`."""
    text = readme.read_text(encoding="utf-8")
    found = re.findall(r"^```answer (.*)\n((?:.*\n)*?)```$", text, re.MULTILINE)
    return [Answer(question.strip(), tuple(body.splitlines())) for question, body in found]


def _is_node(item: Item) -> TypeGuard[NodeClaim]:
    return isinstance(item, NodeClaim)
