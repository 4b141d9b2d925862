"""What was done under a change, read from the ledger: how it departs from the plan, and how it is taken back."""

from __future__ import annotations

from cmdb.application.opening import Application
from cmdb.changes import Change
from cmdb.changes.certificate import question_in
from cmdb.changes.own_work import Natural, OwnWork, Undoing, lines_of, undo
from cmdb.changeset import Effect, Linked, NodeChanged, NodeCreated, NodeRetired, Relinked, Unlinked
from cmdb.nodes import Relationship, whole
from cmdb.store.port import Store
from graph_schema.metamodel import Kind, Model


async def departures(application: Application, change: Change) -> tuple[str, ...]:
    """What was planned and not done, and what was done and not planned, a line each. O(commits since it began)."""
    model, store = await application.model(), application.store
    done = await _own_work(store, model, change)
    planned = OwnWork()
    if change.certified is not None:
        planned.take(question_in(change.certified.node).effects)
    known = {*done.nodes, *planned.nodes, *(end for w in (done, planned) for _, s, t, _ in w.edges for end in (s, t))}
    names = {node.ordinal: node.key for node in await store.nodes(sorted(known))}
    wanted, got = lines_of(planned, names), lines_of(done, names)
    missing = (f"planned, not done: {line}" for line in sorted(wanted - got))
    return (*missing, *(f"done, not planned: {line}" for line in sorted(got - wanted)))


async def undoing(application: Application, change: Change) -> Undoing:
    """The operations that take back what was done under a change. O(commits since it began)."""
    model, store = await application.model(), application.store
    work = await _own_work(store, model, change)
    ends = {end for _, source, target, _ in work.edges for end in (source, target)}
    nodes = {node.ordinal: node for node in await store.nodes(sorted({*work.nodes, *ends}))}
    there = await store.joined(list(work.edges)) if work.edges else []
    standing: dict[Natural, Relationship] = {(r.type, r.source, r.target, r.key): r for r in there}
    return undo(work, nodes, standing, model)


async def _own_work(store: Store, model: Model, change: Change) -> OwnWork:
    """The net of what was done to CIs under the change's authority since it began."""
    began = whole(change.node, "began_after")
    work, authority = OwnWork(), f"change:{change.key}"
    own: list[Effect] = []
    async for commit in store.commits(after=began):
        if commit.header.authority == authority:
            own += commit.effects
    items = await _items(store, model, own)
    work.take(effect for effect in own if _subject(effect) in items)
    return work


async def _items(store: Store, model: Model, effects: list[Effect]) -> frozenset[int]:
    """The nodes among those that effects are about which are CIs."""
    about = sorted({ordinal for effect in effects if (ordinal := _subject(effect)) is not None})
    nodes = await store.nodes(about) if about else []
    return frozenset(n.ordinal for n in nodes if model.class_by_name[n.class_name].kind is Kind.CI)


def _subject(effect: Effect) -> int | None:
    """The node that an effect belongs to; a relationship belongs to the one that it leads from."""
    match effect:
        case NodeCreated() | NodeChanged() | NodeRetired():
            return effect.ordinal
        case Linked() | Relinked() | Unlinked():
            return effect.source
        case _:
            return None
