"""Asking the graph as operations would make it what fails, beside the one that stands. Nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from cmdb.application.assessing import Assessed, Scenario, assess
from cmdb.application.opening import Application
from cmdb.application.planned_store import overlay_of, planned_store
from cmdb.application.planning import Difference, Planned, difference, plan
from cmdb.application.questions import live
from cmdb.errors import NotFound, Usage
from cmdb.impact import Standing, StructureFollower, WhatIf
from cmdb.reading import to_change_set
from cmdb.reading.operation_text import HANDLE, WrittenOperation
from cmdb.store.port import Store

_STATES: Final = ("=down", "=degraded")


@dataclass(frozen=True, slots=True)
class PlannedGraph:
    """Two applications that answer the same questions: `present` of what stands, `application` of what is planned.

    `handles` has the id that each node which would be created gets, if nobody creates another before.
    """

    planned: Planned
    present: Application
    application: Application
    handles: Mapping[str, str]

    @property
    def revision(self) -> int:
        """The commit on which the operations are laid."""
        return self.planned.before.structure.revision


@dataclass(frozen=True, slots=True)
class Compared:
    """The same question to both; who is not there on one side is left out of the question on that side."""

    before: Assessed
    after: Assessed
    difference: Difference


async def planned_graph(application: Application, operations: Sequence[WrittenOperation]) -> PlannedGraph:
    """The present graph with operations laid over it; nothing is written. See `planning.plan` for what it raises.

    O(operations · log n + what `changed` costs), and O(V) where operations create nodes.
    """
    store = application.store
    found = await plan(application, await to_change_set(store, operations))
    keys = {ordinal: f"{HANDLE}{handle}" for handle, ordinal in found.created.items()}
    laid_over = planned_store(store, await overlay_of(store, found.effects, keys))
    ids = await application.ids()
    return PlannedGraph(
        planned=found,
        present=replace(application, structures=_Unmoved(store, found.before)),
        application=replace(application, store=laid_over, structures=_Unmoved(laid_over, found.after)),
        handles={key: ids.id_of(ordinal) for ordinal, key in keys.items()},
    )


async def assess_planned(graph: PlannedGraph, scenario: Scenario, patience: float | None = None) -> Compared:
    """What fails if these fail, as it stands and as planned. `@handles` name nodes that would be created.

    Each side takes `patience` seconds at most, if given; where one is not complete, the difference is of what is known.
    Raises NotFound and Usage for references, Invalid for a question that contradicts itself. O as for `assess`, twice.
    """
    if not scenario.of:
        raise Usage("no node is named", remedy="name one by key (SRV-000001), id, Class:name or @handle")
    asked = Scenario(
        await _ids(graph, scenario.of),
        scenario.state,
        await _ids(graph, scenario.context),
        await _ids(graph, scenario.assume_up),
    )
    before = await _assessed(graph.present, graph.planned.before, asked, patience)
    after = await _assessed(graph.application, graph.planned.after, asked, patience)
    return Compared(before, after, difference(before.impact, after.impact))


class _Unmoved(StructureFollower):
    """One structure, whatever is committed meanwhile."""

    def __init__(self, store: Store, standing: Standing) -> None:
        super().__init__(store)
        self._standing = standing

    async def current(self) -> Standing:
        return self._standing

    async def as_of(self, revision: int | None) -> Standing:
        del revision
        return self._standing


async def _ids(graph: PlannedGraph, references: Sequence[str]) -> list[str]:
    """The ids that references mean, now or as handles, each with the state that is said of it."""
    said = [_with_state(text) for text in references]
    names = [name for name, _ in said if not name.startswith(HANDLE)]
    nodes = await live(graph.present, names, None) if names else []
    known = {**dict(zip(names, (node.id for node in nodes), strict=True)), **graph.handles}
    if strange := next((name for name, _ in said if name not in known), None):
        raise NotFound(f"no operation creates {strange}", remedy=f"write {HANDLE} and the handle that a put has")
    return [f"{known[name]}{state}" for name, state in said]


async def _assessed(application: Application, standing: Standing, asked: Scenario, patience: float | None) -> Assessed:
    ids = await application.ids()
    structure = standing.structure

    def there(references: Sequence[str]) -> list[str]:
        ordinals = [ids.ordinal_of(_with_state(text)[0]) for text in references]
        kept = [ordinal < structure.nodes and bool(structure.present[ordinal]) for ordinal in ordinals]
        return [text for text, here in zip(references, kept, strict=True) if here]

    of = there(asked.of)
    if not of:
        return Assessed(standing, standing.propagation.impact(WhatIf({})), (), (), ())
    kept = Scenario(of, asked.state, there(asked.context), there(asked.assume_up))
    return await assess(application, kept, patience=patience)


def _with_state(text: str) -> tuple[str, str]:
    return next(((text.removesuffix(end), end) for end in _STATES if text.endswith(end)), (text, ""))
