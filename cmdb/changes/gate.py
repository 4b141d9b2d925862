"""The gate of change control: it reads what a verdict rests on, and lets `objections` decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from cmdb.access import load_policy
from cmdb.changes.gathering import load_change
from cmdb.changes.judging import CHANGE_AUTHORITY, Case, is_plain, objections
from cmdb.changes.record import Change
from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.clock import Clock
from cmdb.errors import NotFound, Refused, Usage
from cmdb.filters import IsA
from cmdb.store.port import Query, Store
from cmdb.writing import INITIALISATION, WriteRequest

BASELINE: Final = "Baseline"
"""The class whose first record ends initialisation."""


async def initialisation_has_ended(store: Store) -> bool:
    """Whether there is, or was, a baseline: the first one ends initialisation, for good."""
    model = await store.model()
    if model is None or BASELINE not in model.class_by_name:
        return False
    return bool((await store.find(Query(where=IsA(BASELINE), limit=1))).items)


class ChangeGate:
    """Lets a CI be altered only under a change that is being implemented, by whom and when it says so."""

    def __init__(self, store: Store, *, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._closed = False

    async def check(self, request: WriteRequest) -> None:
        """See Gate. O(effects), and what is read does not depend on their number."""
        model = await self._store.model()
        if model is None:
            raise AssertionError("the door has a model")
        closed = self._closed = self._closed or await initialisation_has_ended(self._store)
        if not closed and request.authority == INITIALISATION and request.actor.strip() and is_plain(request, model):
            return
        case = Case(
            actor=request.actor,
            authority=request.authority,
            warrant=request.warrant,
            effects=request.effects,
            classes=await self._classes(request),
            model=model,
            closed=closed,
            policy=await load_policy(self._store),
            change=await self._change(request),
            now=self._clock(),
        )
        problems = objections(case)
        if problems:
            more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            first = problems[0]
            raise Refused(
                f"{first.subject + ': ' if first.subject else ''}{first.message}{more}",
                remedy=first.remedy,
                problems=tuple(problems),
            )

    async def _change(self, request: WriteRequest) -> Change | None:
        if request.warrant is not None or not request.authority.startswith(CHANGE_AUTHORITY):
            return None
        try:
            return await load_change(self._store, request.authority.removeprefix(CHANGE_AUTHORITY))
        except (NotFound, Usage):
            return None

    async def _classes(self, request: WriteRequest) -> Mapping[int, str]:
        """The class of every node that an effect is about: few are not among those that the operations name."""
        about = _about(request.effects)
        known = {ordinal: request.ends[ordinal][0] for ordinal in about if ordinal in request.ends}
        missing = sorted(about - known.keys())
        return known | {node.ordinal: node.class_name for node in (await self._store.nodes(missing) if missing else ())}


def _about(effects: Sequence[Effect]) -> set[int]:
    """The nodes that effects are about, without those that they create."""
    own = {effect.ordinal for effect in effects if isinstance(effect, NodeCreated)}
    found: set[int] = set()
    for effect in effects:
        match effect:
            case NodeChanged(ordinal=ordinal) | NodeRetired(ordinal=ordinal):
                found.add(ordinal)
            case Linked() | Relinked() | Unlinked():
                found |= {effect.source, effect.target}
            case _:
                pass
    return found - own
