"""A plan goes through the door in chunks, each with the claims that led to it, so that breaking off leaves no half.

What ends or gives something up goes first and makes room: relationships, unique values. Then come new nodes, then
relationships, then retirements. Whoever is interrupted plans
again: what is done is claimed by then, and not planned a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from cmdb import changeset
from cmdb.changeset import ChangeSet, ModelInstalled, New, NodeChanged, NodeCreated, NodeRetired, Operation, Patch, Put
from cmdb.errors import Conflict, Invalid, Problem
from cmdb.reconciliation.claims import Progress, RowError
from cmdb.reconciliation.collecting import fewer_collections
from cmdb.reconciliation.plan import Create, Keep, KeepLink, Links, Plan, Relink, Retire, Unlink, Update
from cmdb.reconciliation.said import SaidOfLink, attributes_of, body_of_created, link_body, patch_of
from cmdb.reconciliation.settling import Change
from cmdb.store.port import Claim, ClaimChanges, ClaimKind, SourceState
from cmdb.writing import Bound, Door

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Operations of one commit: enough to be fast, few enough to lose little."""

    nodes: int = 5_000
    links: int = 20_000


_MOST_TOLD: Final = 100


@dataclass(slots=True)
class Outcome:
    """What was done, and what was left: retirements that were not asked for, rows with errors."""

    created: int = 0
    updated: int = 0
    linked: int = 0
    relinked: int = 0
    unlinked: int = 0
    retired: int = 0
    not_retired: int = 0
    skipped: int = 0
    commits: int = 0
    revision: int = 0


async def apply_plan(  # noqa: PLR0913 - each is a wish of the caller's own
    door: Door,
    plan: Plan,
    *,
    actor: str,
    authority: str,
    reason: str = "",
    retire: bool = False,
    skip_errors: bool = False,
    progress: Callable[[Progress], None] = lambda _: None,
    chunks: Chunks = Chunks(),
) -> Outcome:
    """Do what a plan says; an empty one notes how far its source was taken in. Retires only if `retire` is set.

    Raises Invalid, having written nothing, if the plan has errors and `skip_errors` is not set; Conflict if the graph has
    moved in a way that matters since the plan was made (the chunks before stay: plan again); Refused by the gate.
    """
    if plan.errors and not skip_errors:
        raise _refusal(plan.errors)
    outcome = Outcome(revision=plan.revision, not_retired=0 if retire else len(plan.retire), skipped=len(plan.errors))
    if plan.unchanged:
        return outcome
    run = _Run(door, plan, outcome, actor, authority, reason, progress, chunks, retire=retire)
    with fewer_collections():
        await run.all()
    return outcome


@dataclass(slots=True)
class _Run:
    door: Door
    plan: Plan
    outcome: Outcome
    actor: str
    authority: str
    reason: str
    progress: Callable[[Progress], None]
    chunks: Chunks
    retire: bool
    done: int = 0
    disturbed: bool = False
    ordinals: list[int] = field(default_factory=list[int])

    async def all(self) -> None:
        plan, outcome, size = self.plan, self.outcome, self.chunks.links
        await self.look_out()
        for unlinks in _chunks(plan.unlink, size):
            await self.write(
                [_unlink(unlink) for unlink in unlinks],
                lambda _, some=unlinks: self.claims(drop_links=(u.id for u in some)),
            )
            outcome.unlinked += len(unlinks)
        moving, others = await self.updates()
        for updates in (*moving, *_chunks(others, self.chunks.nodes)):
            await self.write(
                [_change(update) for update in updates], lambda bound, some=updates: self.updated(bound, some)
            )
            outcome.updated += len(updates)
        for creates in _chunks(plan.create, self.chunks.nodes):
            await self.create(creates)
            outcome.created += len(creates)
        for relinks in _chunks(plan.relink, self.chunks.nodes):
            await self.write(
                [_relink(relink) for relink in relinks], lambda bound, some=relinks: self.relinked(bound, some)
            )
            outcome.relinked += len(relinks)
        await self.link(plan.link)
        for retires in _chunks(plan.retire if self.retire else (), self.chunks.nodes):
            await self.write(
                [_retire(retire) for retire in retires], lambda bound, some=retires: self.retired(bound, some)
            )
            outcome.retired += len(retires)
        await self.settle_claims()

    async def updates(self) -> tuple[list[list[Update]], list[Update]]:
        """Updates of unique values, as one chunk since nodes may swap them, before anybody takes what is given up; the others."""
        model = await self.door.store.model()
        known = model.attributes.values() if model is not None else ()
        unique = {a.name for attributes in known for a in attributes.values() if a.unique}
        moving = [u for u in self.plan.update if any(change.field in unique for change in u.changes)]
        others = [u for u in self.plan.update if not any(change.field in unique for change in u.changes)]
        return [moving] if moving else [], others

    async def create(self, creates: Sequence[Create]) -> None:
        kind = ClaimKind.NODE

        def claims(bound: Bound) -> ClaimChanges:
            return self.claims(
                [
                    Claim(
                        source_key=c.source_key,
                        kind=kind,
                        bound_to=bound.created[c.source_key],
                        digest=c.digest,
                        body=body_of_created(c.name, c.claimed_state, c.said),
                        seen=bound.time,
                    )
                    for c in creates
                ]
            )

        created = await self.write([_put(create) for create in creates], claims)
        self.ordinals += (created[create.source_key] for create in creates)
        then = [Put(node=created[c.source_key], state=c.then) for c in creates if c.then is not None]
        if then:
            await self.write(then, lambda _: self.claims())

    async def link(self, links: Links) -> None:
        """Relationships, their ends being the ordinals that the new nodes have got."""
        size = self.chunks.links
        got = np.array(self.ordinals, dtype=np.int64)
        words = links.words
        bodies: list[Patch] = [patch_of(body) for body in words.graphed]
        claimed = [link_body(SaidOfLink(attributes_of(body), made=True)) for body in words.bodies]
        for start in range(0, len(links), size):
            part = slice(start, start + size)
            keys, details = _ints(links.key[part]), _ints(links.body[part])
            operations = changeset.Links(
                types=[words.types[code] for code in _ints(links.type[part])],
                sources=_real(links.source[part], links.first_new, got),
                targets=_real(links.target[part], links.first_new, got),
                keys=[words.keys[key] for key in keys],
                attributes=[bodies[body] for body in details],
            )
            said = [(links.digests[key, body], claimed[body]) for key, body in zip(keys, details, strict=True)]

            def claims(bound: Bound, said: Sequence[tuple[bytes, bytes]] = said) -> ClaimChanges:
                kind, time = ClaimKind.RELATIONSHIP, bound.time
                return self.claims(
                    [
                        Claim(source_key=str(ident), kind=kind, bound_to=ident, digest=digest, body=body, seen=time)
                        for ident, (digest, body) in zip(bound.linked, said, strict=True)
                        if ident is not None
                    ]
                )

            await self.write(operations, claims)
            self.outcome.linked += len(operations)

    async def settle_claims(self) -> None:
        """Claims that change without the graph; last of all, how far the source was taken in."""
        plan, size = self.plan, self.chunks.links
        for keeps in _chunks(plan.keep, size):
            await self.write((), lambda bound, some=keeps: self.claims(_claim(keep, bound.time) for keep in some))
        for links in _chunks(plan.keep_links, size):
            await self.write((), lambda bound, some=links: self.claims(_kept_link(keep, bound.time) for keep in some))
        for drops in _chunks(plan.drop, size):
            await self.write((), lambda _, some=drops: self.claims(drop=some))
        for ids in _chunks(plan.drop_links, size):
            await self.write((), lambda _, some=ids: self.claims(drop_links=some))
        whole = not self.outcome.skipped and not self.outcome.not_retired
        revision = plan.revision if self.disturbed else self.outcome.revision

        def state(bound: Bound) -> ClaimChanges:
            digest = plan.digest if whole else ""
            now = SourceState(source=plan.source, format=plan.format, digest=digest, revision=revision, seen=bound.time)
            return ClaimChanges(source=plan.source, state=now)

        await self.write((), state)

    def updated(self, bound: Bound, updates: Sequence[Update]) -> ClaimChanges:
        keeps = (_claim(update.keep, bound.time) for update in updates if update.keep is not None)
        return self.claims(keeps, drop=(key for update in updates for key in update.drop))

    def relinked(self, bound: Bound, relinks: Sequence[Relink]) -> ClaimChanges:
        keeps = (_kept_link(relink.keep, bound.time) for relink in relinks if relink.keep is not None)
        return self.claims(keeps, drop_links=(relink.id for relink in relinks if relink.keep is None))

    def retired(self, bound: Bound, retires: Sequence[Retire]) -> ClaimChanges:
        keeps = (_claim(retire.keep, bound.time) for retire in retires if retire.keep is not None)
        return self.claims(
            keeps,
            drop=(key for retire in retires for key in retire.drop),
            drop_links=sorted({ident for retire in retires for ident in retire.ends}),
        )

    def claims(
        self, put: Iterable[Claim] = (), drop: Iterable[str] = (), drop_links: Iterable[int] = ()
    ) -> ClaimChanges:
        dropped = [(ClaimKind.NODE, key) for key in drop]
        dropped += [(ClaimKind.RELATIONSHIP, str(ident)) for ident in drop_links]
        return ClaimChanges(source=self.plan.source, put=tuple(put), drop=tuple(dropped))

    async def write(self, operations: Sequence[Operation], bind: Callable[[Bound], ClaimChanges]) -> dict[str, int]:
        """One commit. If somebody else committed meanwhile, it is made only if that does not concern the plan."""
        while True:
            try:
                written = await self.door.write(
                    ChangeSet(operations),
                    actor=self.actor,
                    authority=self.authority,
                    reason=self.reason,
                    bind=bind,
                    follows=self.outcome.revision,
                )
            except Conflict:
                if not await self.look_out():
                    raise
                continue
            except Invalid as error:
                if self.disturbed:
                    raise _stale(error.message) from error
                raise
            self.outcome.commits += written.effects > 0
            self.outcome.revision = written.head.revision
            self.done += len(operations)
            self.progress(Progress(self.done, self.total))
            return written.created

    @property
    def total(self) -> int:
        plan = self.plan
        parts = (plan.unlink, plan.create, plan.update, plan.relink, plan.link, plan.retire if self.retire else ())
        return sum(map(len, parts))

    async def look_out(self) -> bool:
        """Whether others have committed since the last look. Raises Conflict if that makes the plan stale."""
        moved = False
        plan = self.plan
        classes = {create.class_name for create in plan.create}
        ordinals = {update.ordinal for update in plan.update} | {retire.ordinal for retire in plan.retire}
        async for commit in self.door.store.commits(after=self.outcome.revision):
            for effect in commit.effects:
                match effect:
                    case NodeCreated() if effect.class_name in classes:
                        raise _stale(f"{effect.key} was created meanwhile")
                    case NodeChanged() | NodeRetired() if effect.ordinal in ordinals:
                        raise _stale(f"node {effect.ordinal} was changed meanwhile")
                    case ModelInstalled():
                        raise _stale("the model was changed meanwhile")
                    case _:
                        pass
            self.outcome.revision = commit.revision
            self.disturbed = moved = True
        return moved


def _put(create: Create) -> Put:
    return Put(
        node=New(create.source_key),
        class_name=create.class_name,
        name=create.name,
        state=create.state,
        attributes=patch_of(create.controlled),
    )


def _change(update: Update) -> Put:
    name, state, attributes = _patch(update.changes)
    return Put(node=update.ordinal, name=name, state=state, attributes=attributes, expects=update.version)


def _patch(changes: Iterable[Change]) -> tuple[str | None, str | None, Patch]:
    patch: Patch = {change.field: change.after for change in changes}
    name, state = patch.pop("name", None), patch.pop("state", None)
    return (None if name is None else str(name)), (None if state is None else str(state)), patch


def _retire(retire: Retire) -> changeset.Retire:
    return changeset.Retire(node=retire.ordinal, state=retire.state, expects=retire.version)


def _relink(relink: Relink) -> changeset.Link:
    attributes: Patch = {change.field: change.after for change in relink.changes}
    return changeset.Link(
        type=relink.type, source=relink.source, target=relink.target, key=relink.key, attributes=attributes
    )


def _unlink(unlink: Unlink) -> changeset.Unlink:
    return changeset.Unlink(type=unlink.type, source=unlink.source, target=unlink.target, key=unlink.key)


def _real(ends: npt.NDArray[np.int64], first_new: int, got: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Ordinals, with those of new nodes as they have got them."""
    new = ends >= first_new
    if not new.any():
        return ends
    real = ends.copy()
    real[new] = got[ends[new] - first_new]
    return real


def _ints(column: npt.NDArray[np.int64]) -> list[int]:
    return column.tolist()


def _claim(keep: Keep, time: str) -> Claim:
    return Claim(
        source_key=keep.source_key,
        kind=ClaimKind.NODE,
        bound_to=keep.ordinal,
        digest=keep.digest,
        body=keep.body,
        seen=time,
    )


def _kept_link(keep: KeepLink, time: str) -> Claim:
    return Claim(
        source_key=str(keep.id),
        kind=ClaimKind.RELATIONSHIP,
        bound_to=keep.id,
        digest=keep.digest,
        body=keep.body,
        seen=time,
    )


def _chunks(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _stale(what: str) -> Conflict:
    return Conflict(f"the plan is stale: {what}", remedy="plan again")


def _refusal(errors: Sequence[RowError]) -> Invalid:
    problems = tuple(
        Problem(message=error.message, where=str(error.where), remedy=error.remedy) for error in errors[:_MOST_TOLD]
    )
    rows = "1 row" if len(errors) == 1 else f"{len(errors)} rows"
    return Invalid(
        f"{rows} cannot be imported; nothing was written",
        remedy="correct them, or leave them out by asking for it",
        problems=problems,
    )
