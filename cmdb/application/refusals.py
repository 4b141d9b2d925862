"""A door that remembers what it refused: how often somebody tried what he may not do is a figure of change control."""

from __future__ import annotations

from collections.abc import Callable

from cmdb.changeset import ChangeSet, New, Patch, Put
from cmdb.clock import Clock
from cmdb.errors import CmdbError, Refused
from cmdb.nodes import whole
from cmdb.store.port import ClaimChanges, Store
from cmdb.writing import Bound, Door, Gate, Warrant, Written

_CLASS = "Refusal"
_LONGEST_NAME = 200


class ControlledDoor(Door):
    """The door, with a record for each actor and day on which the gate refused something."""

    def __init__(self, store: Store, *, gate: Gate, clock: Clock) -> None:
        super().__init__(store, gate=gate, clock=clock)
        self._now = clock

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
        """See Door. What is refused is counted, if it can be; the refusal is raised in any case."""
        try:
            return await super().write(
                change_set, actor=actor, authority=authority, reason=reason, bind=bind, follows=follows
            )
        except Refused as refused:
            await self._note(actor.strip(), refused)
            raise

    async def _note(self, actor: str, refused: Refused) -> None:
        model = await self.store.model()
        if model is None or _CLASS not in model.class_by_name or not actor:
            return
        day = self._now().date().isoformat()
        name = f"{actor[:_LONGEST_NAME]} on {day}"
        try:
            known = [node for node in await self.store.named([name]) if node.class_name == _CLASS]
            count = whole(known[0], "refusals") + 1 if known else 1
            said: Patch = {"refused_on": day, "refusals": count, "last_refusal": str(refused)}
            put = Put(node=known[0].ordinal if known else New("refusal"), class_name=_CLASS, name=name, attributes=said)
            await super().write(ChangeSet((put,)), actor=actor, authority=Warrant("control:refusal"))
        except CmdbError:
            return  # the refusal itself matters more than its count
