"""The door itself, and how a store's ledger begins."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from cmdb.changeset import ChangeSet, EstateFounded, ModelInstalled
from cmdb.clock import Clock
from cmdb.errors import Conflict, Failed, Invalid
from cmdb.filters import Direction
from cmdb.ledger import EMPTY, Head, Header, seal
from cmdb.store.port import ClaimChanges, Store
from cmdb.writing.checking import Checks
from cmdb.writing.deciding import Decision, decide
from cmdb.writing.gate import INITIALISATION, Gate, Warrant, WriteRequest
from cmdb.writing.plain import decide_links, plain_changes, plain_links, plain_nodes
from cmdb.writing.roster import Rosters
from cmdb.writing.view import load_view
from graph_schema.document import model_document
from graph_schema.metamodel import Model
from graph_schema.values import instant

Ends = Mapping[int, tuple[str, bool]]
"""(class, retired) by ordinal."""

ATTEMPTS: Final = 12
"""How often a write is decided anew when another process keeps committing first."""


@dataclass(frozen=True, slots=True)
class Bound:
    """What the things of a change set are called in the graph, for whoever keeps claims about them.

    `created` maps handles to ordinals; `linked` has the relationship's id for each Link, in their order, None where it was
    unlinked again. `revision` is the commit's (the head's, when nothing had to be committed), `time` its time.
    """

    created: dict[str, int]
    linked: tuple[int | None, ...]
    revision: int
    time: str


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a write: the head afterwards, ordinals by handle, and how many effects it had (0: no commit)."""

    head: Head
    created: dict[str, int]
    effects: int


class Door:
    """The only way to write. Writers of one process queue here; those of several are kept apart by the store's head.

    Rule for two writers: a commit is decided on one revision and applied only if that is still the newest. If it is
    not, the change set is decided again on the new state, at most ATTEMPTS times with a growing random pause. A problem
    or conflict that is found on the newest revision is final; so an operation that expects a version which no longer
    stands fails with Conflict.
    """

    def __init__(self, store: Store, *, gate: Gate, clock: Clock) -> None:
        self._store = store
        self._gate = gate
        self._clock = clock
        self._queue = asyncio.Lock()
        self._checks: Checks | None = None
        self._rosters = Rosters(store)

    @property
    def store(self) -> Store:
        """What it writes to."""
        return self._store

    async def write(
        self,
        change_set: ChangeSet,
        *,
        actor: str,
        authority: str | Warrant,
        reason: str = "",
        bind: Callable[[Bound], ClaimChanges] | None = None,
        follows: int | None = None,
    ) -> Written:
        """Apply a change set whole, or not at all; claims that `bind` makes go into the same transaction.

        With `follows` it is a conflict if the store is at another revision. Raises Invalid with every problem, Conflict,
        Refused by the gate, StoreUnreachable. O(operations · log n).
        """
        async with self._queue:
            for attempt in range(1, ATTEMPTS + 1):
                head = await self._store.head()
                if follows not in {None, head.revision}:
                    raise Conflict(
                        f"the store is at revision {head.revision}, not at {follows} any longer",
                        remedy="look again at what it says now",
                    )
                try:
                    return await self._write_on(head, change_set, actor, authority, reason, bind)
                except (Conflict, Invalid):
                    if attempt == ATTEMPTS or await self._store.head() == head:
                        raise
                    await asyncio.sleep(random.uniform(0, 0.01 * attempt))  # noqa: S311 - a pause, not a secret
            raise AssertionError("unreachable")

    async def _write_on(
        self,
        head: Head,
        change_set: ChangeSet,
        actor: str,
        authority: str | Warrant,
        reason: str,
        bind: Callable[[Bound], ClaimChanges] | None,
    ) -> Written:
        model = await self._store.model()
        if model is None:
            raise Failed("the store is empty", remedy="run `cmdb init` first")
        decision, ends = await self._decided(head, self._checks_of(model), change_set)
        time = self._time(head)
        if not decision.effects:
            if bind is not None:
                await self._store.keep_claims(bind(_bound(decision, head.revision, time)))
            return Written(head=head, created={}, effects=0)
        warrant = authority if isinstance(authority, Warrant) else None
        named = authority.authority if isinstance(authority, Warrant) else authority
        request = WriteRequest(actor, named, decision.effects, ends, warrant)
        await self._gate.check(request)
        claims = bind(_bound(decision, head.revision + 1, time)) if bind is not None else None
        after = await self._commit(head, time, request, reason, claims)
        return Written(head=after, created=decision.created, effects=len(decision.effects))

    async def install(self, model: Model, *, actor: str, authority: str, reason: str = "") -> Head:
        """Put a model in force, if the gate lets it. Raises Refused, Conflict, StoreUnreachable; see `compare_models`."""
        async with self._queue:
            head = await self._store.head()
            request = WriteRequest(actor, authority, (ModelInstalled(model_document(model).decode()),), {})
            await self._gate.check(request)
            return await self._commit(head, self._time(head), request, reason)

    async def _commit(
        self, head: Head, time: str, request: WriteRequest, reason: str, claims: ClaimChanges | None = None
    ) -> Head:
        """Seal on a head what the gate let through, and commit it with the claims that came along."""
        header = Header(
            revision=head.revision + 1,
            time=time,
            actor=request.actor,
            authority=request.authority,
            reason=reason,
            previous=head.hash,
        )
        commit = seal(header, request.effects)
        await self._store.commit(commit, claims)
        self._rosters.follow(commit)
        return commit.head

    async def _decided(self, head: Head, checks: Checks, change_set: ChangeSet) -> tuple[Decision, Ends]:
        """The decision, by the quick way if the change set is plain enough, and what the nodes it names are."""
        links = plain_links(checks, change_set)
        if links is not None:
            busy = await self._store.relationship_counts(links.sources, Direction.OUT)
            if not await self._store.joined(links.from_any_of(busy)):
                roster, first = await self._rosters.at(head), (await self._store.counters()).relationship
                if (decision := decide_links(checks, roster, first, links)) is not None:
                    return decision, roster
        view = await load_view(self._store, checks, self._rosters, head, change_set)
        decision = plain_nodes(checks, view, change_set) or plain_changes(checks, view, change_set)
        return decision or decide(checks, view, change_set), view.ends

    def _checks_of(self, model: Model) -> Checks:
        if self._checks is None or self._checks.model is not model:
            self._checks = Checks(model)
        return self._checks

    def _time(self, head: Head) -> str:
        """Now, or the newest commit's time if the clock has been set back behind it."""
        return max(instant(self._clock()), head.time)


def _bound(decision: Decision, revision: int, time: str) -> Bound:
    return Bound(created=decision.created, linked=decision.linked, revision=revision, time=time)


async def found(store: Store, model: Model, *, estate: str, actor: str, clock: Clock) -> Head:
    """Make the first commit of an empty store: the estate's id and the model. Raises Conflict when it is not empty."""
    head = await store.head()
    if head != EMPTY:
        raise Conflict(f"{store.url} is not empty: it is at revision {head.revision}", remedy="name another store")
    header = Header(
        revision=1,
        time=instant(clock()),
        actor=actor,
        authority=INITIALISATION,
        reason="the CMDB begins",
        previous=head.hash,
    )
    commit = seal(header, (EstateFounded(estate), ModelInstalled(model_document(model).decode())))
    await store.commit(commit)
    return commit.head
