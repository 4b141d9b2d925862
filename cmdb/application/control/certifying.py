"""What a change would break, worked out on the graph of a revision and put into names."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from cmdb.application.assessing import Assessed
from cmdb.application.concerning import concerned
from cmdb.application.control.ongoing import faults_of, ongoing_faults
from cmdb.application.describing import DescribedFailure, describe_hits
from cmdb.application.opening import Application
from cmdb.application.planning import (
    Planned,
    decided,
    difference,
    new_single_points,
    planned,
    redundancy_gained,
    redundancy_lost,
)
from cmdb.changes import Change
from cmdb.changes.certificate import Answer, HitLine, Question
from cmdb.changeset import Effect, NodeCreated
from cmdb.impact import Impact, Standing, State, WhatIf
from cmdb.nodes import Node
from cmdb.projection.columns import Int32s
from cmdb.reading import nodes_by_ordinal
from cmdb.reading.operation_text import to_change_set

_FAULT = {"down": State.DOWN, "degraded": State.DEGRADED}


async def question_of(application: Application, change: Change) -> tuple[int, Question]:
    """What is to be asked about a change at the head, and which revision that is.

    The CIs that it touches fail as it says (down if it says nothing); see `ongoing_faults` for what has failed already.
    Raises as the door does for planned operations that do not fit the graph.
    """
    revision, effects = (await application.store.head()).revision, tuple[Effect, ...]()
    if change.planned:
        revision, decision = await decided(application, await to_change_set(application.store, change.planned))
        effects = decision.effects
    context = {node.ordinal: fault for node, fault in await ongoing_faults(application, but=change.key)}
    return revision, Question(scenario=faults_of(change), context=context, effects=effects)


async def answer_to(application: Application, key: str, question: Question, revision: int) -> Answer:
    """The answer at a revision: the same whenever it is asked. O as for `Propagation.impact`, and O(hits) to name them."""
    standing = await _standing(application, revision)
    during = await asyncio.to_thread(_impact, standing, question)
    found = Assessed(standing, during, (), (), ())
    hits = await describe_hits(application, found)
    untouched = Planned(standing, standing, _none())
    plan = await asyncio.to_thread(planned, standing, question.effects) if question.effects else untouched
    after = await asyncio.to_thread(_impact, plan.after, question)
    later = difference(during, after)
    who = await concerned(application, found)
    points = await asyncio.to_thread(new_single_points, plan)
    lost, gained = redundancy_lost(plan), redundancy_gained(plan)
    wanted = {*question.scenario, *question.context, *later.only_after.tolist(), *later.worse.tolist()}
    wanted |= {pool.owner for pool in (*lost, *gained)}
    wanted |= {ordinal for point in points for ordinal in (point.ordinal, *point.newly.tolist())}
    nodes = await nodes_by_ordinal(application.store, wanted, revision)
    names = _Names(nodes, question.effects)
    newly = np.union1d(later.only_after, later.worse)
    return Answer(
        change=key,
        revision=revision,
        model=standing.model.version,
        scenario={names[ordinal]: fault for ordinal, fault in sorted(question.scenario.items())},
        context={names[ordinal]: fault for ordinal, fault in sorted(question.context.items())},
        complete=during.complete,
        counts=found.counts,
        hits=tuple(_line(hit) for hit in hits),
        counts_afterwards=Assessed(plan.after, after, (), (), ()).counts,
        afterwards=tuple((names[int(o)], verdict) for o, verdict in zip(newly, _verdicts(after, newly), strict=True)),
        lost=tuple((names[pool.owner], pool.name) for pool in lost),
        gained=tuple((names[pool.owner], pool.name) for pool in gained),
        single_points=tuple((names[p.ordinal], tuple(names[o] for o in p.newly.tolist())) for p in points),
        services={verdict: _named(services) for verdict, services in who.services.items()},
        customers=_named(who.customers),
        agreements=_named(who.agreements),
        owners=_named(who.owners),
        unknown=tuple(_unknown(standing, question, names, owned=bool(who.owners), hit=bool(hits))),
    )


def hit_verdicts(answer: Answer) -> Mapping[str, str]:
    """Who is hit while the change is made, by key, without those that it touches itself."""
    return {hit.key: hit.verdict for hit in answer.hits if hit.key not in answer.scenario}


async def _standing(application: Application, revision: int) -> Standing:
    current = await application.structures.current()
    return current if current.structure.revision == revision else await application.structures.as_of(revision)


def _impact(standing: Standing, question: Question) -> Impact:
    present = standing.structure.present
    there = {o: s for o, s in question.scenario.items() if o < len(present) and present[o]}
    before = {o: s for o, s in question.context.items() if o < len(present) and present[o]}
    return standing.propagation.impact(WhatIf(_states(there), _states(before)))


def _states(faults: Mapping[int, str]) -> dict[int, State]:
    return {ordinal: _FAULT[fault] for ordinal, fault in faults.items()}


def _line(hit: DescribedFailure) -> HitLine:
    reasons = tuple(
        f"{reason.pool or reason.margin.type_name}: needs {reason.margin.need} of {reason.margin.total}, "
        f"{reason.margin.after} left without {', '.join(sorted(member.node.key for member in reason.culprits))}"
        for reason in hit.reasons
    )
    return HitLine(
        hit.node.key,
        hit.node.class_name,
        hit.node.name,
        hit.verdict,
        hit.hit.before.name.lower(),
        hit.hit.distance,
        reasons,
    )


def _verdicts(impact: Impact, ordinals: Int32s) -> list[str]:
    before, after = impact.before_and_after(ordinals).tolist()
    return [State(now).name.lower() if now > was else "at_risk" for was, now in zip(before, after, strict=True)]


def _unknown(
    standing: Standing, question: Question, names: Mapping[int, str], *, owned: bool, hit: bool
) -> Iterable[str]:
    """What an approver should know that nobody knows."""
    structure = standing.structure
    for ordinal in question.scenario:
        if ordinal >= structure.nodes or not structure.present[ordinal]:
            yield f"{names[ordinal]} is not in the graph any longer"
        elif not len(structure.needs_of_each(np.array([ordinal], dtype=np.int32))[1]) and not hit:
            yield f"nothing is recorded that {names[ordinal]} needs, and nothing that needs it"
    if hit and not owned:
        yield "no owner is recorded for anything that is hit"


class _Names(dict[int, str]):
    """Keys by ordinal; a node that the plan creates is called by class and name."""

    def __init__(self, nodes: Mapping[int, Node], effects: Sequence[Effect]) -> None:
        super().__init__({ordinal: node.key for ordinal, node in nodes.items()})
        self.update({e.ordinal: f"{e.class_name}:{e.name}" for e in effects if isinstance(e, NodeCreated)})


def _named(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(f"{node.name} ({node.key})" for node in nodes)


def _none() -> Int32s:
    return np.empty(0, dtype=np.int32)
