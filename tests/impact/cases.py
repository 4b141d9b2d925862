"""Golden cases asked of the engine, answered in the layout of the golden files."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from cmdb.errors import Invalid
from cmdb.impact.kernels import MakeChoice, make_choice
from cmdb.impact.margins import Margin
from cmdb.impact.needs import parse_need, parse_strength, parse_weight
from cmdb.impact.propagation import Impact, Propagation
from cmdb.impact.states import State, WhatIf
from cmdb.impact.structure import (
    EdgeTraits,
    EdgeWarning,
    PoolDeclaration,
    PoolWarning,
    Structure,
    TypeRule,
    WarningKind,
    build_structure,
)
from cmdb.projection import DependencyColumns
from cmdb.projection.columns import Int32s
from graph_schema.metamodel import Need
from tests.reference.impact import Case, Expected, Row, name_of, retired

NUMBA, NUMPY = make_choice("numba"), make_choice("numpy")

_T = TypeVar("_T")


def looked_up(word: str, table: dict[str, _T]) -> _T:
    if word not in table:
        raise Invalid(f"{word!r} is none of {', '.join(table)}")
    return table[word]


_STATES = {"down": State.DOWN, "degraded": State.DEGRADED}
_TYPE_NEEDS = {"all": Need.EACH, "any": Need.ANY}
_WORDS = {State.DOWN: "down", State.DEGRADED: "degraded"}


class Answers:
    """What a structure says to a question, in the layout of the golden files; CIs are called by their `ids`."""

    def __init__(self, ids: list[str], structure: Structure, question: WhatIf) -> None:
        self.ids, self.structure, self.question = ids, structure, question
        self.propagation = Propagation(structure)

    def impact(self) -> Impact:
        return self.propagation.impact(self.question)

    def expected(self) -> Expected:
        impact = self.impact()
        everybody = np.arange(len(self.ids), dtype=np.int32)
        hits = list(impact.hits())
        reasons = {
            self.ids[hit.ordinal]: [self._row(margin) for margin in found]
            for hit in hits
            if (found := impact.reasons(hit.ordinal))
        }
        return {
            "before": self._states(impact.before(everybody).tolist()),
            "state": self._states(impact.state(everybody).tolist()),
            "down": self._named(impact.down),
            "degraded": self._named(impact.degraded),
            "at_risk": self._named(impact.at_risk),
            "saved": self._named(impact.saved),
            "unchanged": self._named(impact.unchanged),
            "no_effect": self._named(impact.no_effect),
            "distance": {self.ids[hit.ordinal]: hit.distance for hit in hits},
            "margins": [self._row(margin) for margin in impact.margins()],
            "reasons": reasons,
            "warnings": [self._warning(warning) for warning in self.structure.warnings()],
        }

    def _named(self, ordinals: Int32s) -> list[str]:
        return sorted(map(self.ids.__getitem__, ordinals.tolist()))

    def _states(self, levels: list[int]) -> dict[str, str]:
        return {ci: _WORDS[State(level)] for ci, level in zip(self.ids, levels, strict=True) if level}

    def _row(self, margin: Margin) -> Row:
        return {
            "of": self.ids[margin.owner],
            "pool": margin.label(self.ids.__getitem__),
            "strength": margin.strength.value,
            "need": margin.need,
            "total": margin.total,
            "before": margin.before,
            "after": margin.after,
            "healthy_before": margin.healthy_before,
            "healthy_after": margin.healthy_after,
            "lost": sorted(self.ids[member] for member in margin.lost),
            "weakened": sorted(self.ids[member] for member in margin.weakened),
        }

    def _warning(self, warning: object) -> dict[str, str | int]:
        if isinstance(warning, EdgeWarning):
            return {
                "kind": warning.kind.value,
                "from": self.ids[warning.dependent],
                "to": self.ids[warning.provider],
            }
        assert isinstance(warning, PoolWarning)
        said: dict[str, str | int] = {
            "kind": warning.kind.value,
            "of": self.ids[warning.owner],
            "pool": warning.pool,
        }
        if warning.kind is WarningKind.NEED_EXCEEDS_MEMBERS:
            said |= {"need": warning.need, "total": warning.total}
        return said


class Asked(Answers):
    """A case as a structure, with the ordinals of its CIs in the order of the file."""

    def __init__(self, case: Case, make: MakeChoice) -> None:
        ids = [name_of(node) for node in case["nodes"]]
        if len(set(ids)) < len(ids):
            raise Invalid("a CI is listed twice")
        gone = [name_of(node) for node in case["nodes"] if retired(node)]
        edges, pools = case["edges"], case.get("pools", [])
        named = [end for edge in edges for end in (edge["from"], edge["to"])] + [pool["of"] for pool in pools]
        asked = [*case["scenario"], *case.get("context", {}), *case.get("assume_up", ())]
        here = set(ids) - set(gone)
        ids = list(dict.fromkeys([*ids, *named, *asked]))
        self.ordinal = {ci: ordinal for ordinal, ci in enumerate(ids)}
        present = np.array([ci in here for ci in ids], dtype=bool)
        kinds = case.get("types", {})
        self.types = list(dict.fromkeys(["needs", *kinds, *(edge.get("type", "needs") for edge in edges)]))
        rules = [
            TypeRule(
                kind,
                parse_strength(kinds.get(kind, {}).get("strength", "hard"), kind),
                looked_up(kinds.get(kind, {}).get("need", "all"), _TYPE_NEEDS),
            )
            for kind in self.types
        ]
        code = {kind: number for number, kind in enumerate(self.types)}
        columns = DependencyColumns.of(
            (number, self.ordinal[edge["from"]], self.ordinal[edge["to"]], code[edge.get("type", "needs")])
            for number, edge in enumerate(edges)
        )
        traits = EdgeTraits.of(
            [
                (number, edge.get("pool"), parse_weight(edge.get("weight", 1), f"edge {number}"))
                for number, edge in enumerate(edges)
                if "pool" in edge or "weight" in edge
            ]
        )
        declarations = [
            PoolDeclaration(
                self.ordinal[pool["of"]],
                pool["name"],
                parse_need(pool.get("need", "all"), pool["name"]),
                parse_strength(pool.get("strength", "hard"), pool["name"]),
            )
            for pool in pools
        ]
        question = WhatIf(
            self._faults(case["scenario"]),
            self._faults(case.get("context", {})),
            frozenset(self.ordinal[ci] for ci in case.get("assume_up", ())),
        )
        structure = build_structure(
            columns, present, rules, traits=traits, declarations=declarations, revision=7, make=make
        )
        super().__init__(ids, structure, question)

    def _faults(self, said: dict[str, str]) -> dict[int, State]:
        return {self.ordinal[ci]: looked_up(word, _STATES) for ci, word in said.items()}


def comparable(answer: Expected) -> dict[str, object]:
    """The answer with rows and warnings as sets, since their order says nothing."""
    found: dict[str, object] = dict(answer)
    found["margins"] = {_frozen(row) for row in answer["margins"]}
    if "reasons" in answer:
        found["reasons"] = {ci: {_frozen(row) for row in rows} for ci, rows in answer["reasons"].items()}
    if "warnings" in answer:
        found["warnings"] = {frozenset(warning.items()) for warning in answer["warnings"]}
    return found


def _frozen(row: Row) -> frozenset[tuple[str, object]]:
    said: dict[str, object] = dict(row)
    said |= {"lost": tuple(row["lost"]), "weakened": tuple(row["weakened"])}
    return frozenset(said.items())
