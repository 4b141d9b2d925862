"""Nobody alters a CI without authority, whichever door he tries, in whatever order; the ledger is the witness."""

from __future__ import annotations

import asyncio
import atexit
import shutil
import tempfile
from contextlib import AsyncExitStack, suppress
from functools import cache
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from cmdb.access import Policy, Right, load_policy
from cmdb.application import Application, open_application
from cmdb.application.control import Edit, Wish, edit_change, implement, take_step
from cmdb.changes import Action, Stage
from cmdb.changeset import ChangeSet, Effect, Link, New, NodeChanged, NodeCreated, NodeRetired, Operation, Put, Retire
from cmdb.errors import CmdbError
from cmdb.filters import Direction
from cmdb.ledger import Commit
from cmdb.nodes import Node, many, said
from cmdb.reading.operation_text import read_operations
from cmdb.store.port import Store
from graph_schema.metamodel import Kind as NodeKind
from tests.changes.office import STEPS, Hands, an_estate, drafted

PEOPLE = ("rita", "ivan", "mona", "max", "ede", "otto", "carla", "eve", "")
ITEMS = ("DBI-000001", "DBI-000002", "DCL-000001", "BSV-000001", "VMA-000001")
AUTHORITIES = (
    "initialisation",
    "records",
    "",
    "control:draft",
    "standing:CHT-000001",
    "change:CHG-000009",
    "CHG-000001",
)
people = st.sampled_from(PEOPLE)
changes = st.integers(1, 3).map(lambda n: f"CHG-{n:06d}")


@cache
def prepared() -> Path:
    """A folder with the estate and three drafts in it; each run has a copy."""
    folder = Path(tempfile.mkdtemp(prefix="cmdb-intruders-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    async def fill() -> None:
        async with an_estate(folder) as (application, hands):
            for item in ITEMS[:2]:
                await drafted(application, hands, item)
            planned = read_operations(
                b'[{"put": {"ref": "VMA-000001", "attributes": {"cpu_count": 8}}},'
                b' {"put": {"ref": "@new", "class": "VirtualMachine", "name": "web-2"}}]',
                "plan",
            )
            await drafted(application, hands, "VMA-000001", operations=planned)

    asyncio.run(fill())
    return folder


class Intruders(RuleBasedStateMachine):
    """Everybody tries everything; afterwards the ledger is read, and each alteration of a CI must have been allowed."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.folder = tempfile.TemporaryDirectory()
        self.seen = 0

    @initialize()
    def begin(self) -> None:
        shutil.copytree(prepared(), self.folder.name, dirs_exist_ok=True)
        self.application, self.hands = self.runner.run(self._opened())
        self.ordinals = self.runner.run(self.application.store.ordinals_of_keys(list(ITEMS)))
        self.seen = self.runner.run(self.application.store.head()).revision

    async def _opened(self) -> tuple[Application, Hands]:
        hands = Hands()
        application = await open_application(f"sqlite:///{Path(self.folder.name) / 'store.sqlite'}", clock=hands)
        self.stack.push_async_callback(application.close)
        return application, hands

    def attempt(self, *operations: Operation, actor: str, authority: str) -> None:
        with suppress(CmdbError):
            self.runner.run(self.application.door.write(ChangeSet(operations), actor=actor, authority=authority))

    # -- what people try ----------------------------------------------------------------------------------------------

    @rule(
        item=st.sampled_from(ITEMS),
        actor=people,
        authority=st.one_of(st.sampled_from(AUTHORITIES), changes.map("change:{}".format)),
        what=st.sampled_from(["put", "retire", "link", "create", "state"]),
    )
    def write(self, item: str, actor: str, authority: str, what: str) -> None:
        ordinal = self.ordinals[item]
        operation: dict[str, Operation] = {
            "put": Put(node=ordinal, attributes={"description": f"by {actor}"}),
            "state": Put(node=ordinal, state="in_test"),
            "retire": Retire(node=ordinal),
            "link": Link(type="USES", source=ordinal, target=self.ordinals["VMA-000001"]),
            "create": Put(node=New("x"), class_name="VirtualMachine", name="web-2"),
        }
        self.attempt(operation[what], actor=actor, authority=authority)

    @rule(change=changes, actor=people, attribute=st.sampled_from(["implementers", "approved_by", "reason"]))
    def tamper_with_a_record(self, change: str, actor: str, attribute: str) -> None:
        """Whoever it is: what control keeps is not written past it."""
        [ordinal] = self.runner.run(self.application.store.ordinals_of_keys([change])).values()
        value = "eve" if attribute == "reason" else ("eve",)
        before = self.runner.run(self._record(ordinal))
        for authority in ("initialisation", "records", f"change:{change}", "control:draft"):
            self.attempt(Put(node=ordinal, attributes={attribute: value}), actor=actor, authority=authority)
            self.attempt(Put(node=ordinal, state="submitted"), actor=actor, authority=authority)
            touch = Link(type="TOUCHES", source=ordinal, target=self.ordinals["BSV-000001"])
            self.attempt(touch, actor=actor, authority=authority)
        assert self.runner.run(self._record(ordinal)) == before

    async def _record(self, ordinal: int) -> tuple[object, object]:
        store = self.application.store
        return await store.nodes([ordinal]), await store.relationships([ordinal], Direction.OUT)

    @rule(actor=people)
    def give_oneself_rights(self, actor: str) -> None:
        rights = tuple(right.value for right in Right)
        put = Put(
            node=New("r"), class_name="Role", name=f"mine {actor}", attributes={"rights": rights, "members": ("eve",)}
        )
        if actor != "carla":
            before = self.runner.run(load_policy(self.application.store))
            self.attempt(put, actor=actor, authority="records")
            assert self.runner.run(load_policy(self.application.store)) == before

    @rule(change=changes, action=st.sampled_from(list(Action)), actor=people)
    def step(self, change: str, action: Action, actor: str) -> None:
        with suppress(CmdbError):
            self.runner.run(take_step(self.application, change, Wish(action, actor, comment="so", outcome="in_favour")))

    @rule(change=changes)
    def the_usual_step(self, change: str) -> None:
        """So that changes get anywhere."""
        for action, actor in STEPS.items():
            try:
                self.runner.run(take_step(self.application, change, Wish(action, actor, comment="so")))
            except CmdbError:
                continue
            break

    @rule(change=changes)
    def all_the_usual_steps(self, change: str) -> None:
        """Into its implementation, in its window, as far as that goes."""
        for action, actor in list(STEPS.items())[:5]:
            if action is Action.BEGIN:
                self.hands.on(minutes=15)
            with suppress(CmdbError):
                self.runner.run(take_step(self.application, change, Wish(action, actor, comment="so")))

    @rule(item=st.sampled_from(ITEMS), change=changes)
    def an_insider_reaches_further(self, item: str, change: str) -> None:
        operation = Put(node=self.ordinals[item], attributes={"description": f"by {change}"})
        self.attempt(operation, actor="ivan", authority=f"change:{change}")

    @rule(change=changes, actor=people)
    def edit(self, change: str, actor: str) -> None:
        edit = Edit(attributes={"implementers": (actor or "eve",)}, touch=["BSV-000001"])
        with suppress(CmdbError):
            self.runner.run(edit_change(self.application, change, edit, actor=actor))

    @rule(change=changes, actor=people)
    def implement(self, change: str, actor: str) -> None:
        with suppress(CmdbError):
            self.runner.run(implement(self.application, change, actor=actor))

    @rule(minutes=st.sampled_from([-30, 10, 45, 90]))
    def time_goes_by(self, minutes: int) -> None:
        self.hands.on(minutes=minutes)

    # -- what must hold -----------------------------------------------------------------------------------------------

    @invariant()
    def every_alteration_was_allowed(self) -> None:
        if hasattr(self, "application"):
            self.runner.run(self._audit())

    async def _audit(self) -> None:
        store = self.application.store
        async for commit in store.commits(after=self.seen):
            await allowed(store, commit)
            self.seen = commit.revision

    def teardown(self) -> None:
        try:
            self.runner.run(self.stack.aclose())
        finally:
            self.runner.close()
            self.folder.cleanup()


async def allowed(store: Store, commit: Commit) -> None:
    """Asserts from the graph as it stood before a commit that its alterations of CIs had an authority."""
    model = await store.model()
    assert model is not None
    before = commit.revision - 1
    altered = [e for e in commit.effects if await _is_item(store, e, commit.revision)]
    if not altered:
        return
    header = commit.header
    assert header.authority.startswith("change:"), header
    ordinals = await store.ordinals_of_keys([header.authority.removeprefix("change:")])
    [change] = await store.nodes(list(ordinals.values()), before)
    touched = {r.target for r in await store.relationships([change.ordinal], Direction.OUT, ["TOUCHES"], before)}
    own_step = any(isinstance(e, NodeChanged) and e.ordinal == change.ordinal for e in commit.effects)
    if own_step:
        assert all(isinstance(e, NodeChanged) and e.ordinal in touched and _moves_only(e) for e in altered) or (
            change.state == Stage.FAILED.value
        )
    else:
        assert change.state == Stage.IMPLEMENTING.value
        assert all(_subject(e) in touched or isinstance(e, NodeCreated) for e in altered)
        assert said(change, "window_start") <= header.time < said(change, "window_end") or header.time == await _time(
            store, before
        )
    assert header.actor in many(change, "implementers")
    await approved_by_another(store, change, before)


async def approved_by_another(store: Store, change: Node, before: int) -> None:
    """Somebody with the right approved what was there then, who neither asked for it nor makes it."""
    [approver] = many(change, "approved_by")
    assert approver not in {said(change, "requester"), *many(change, "implementers")}
    policy: Policy = await load_policy(store)
    assert policy.allows(approver, Right.APPROVE_NORMAL)
    states = [v.node.state for v in await store.history(change.ordinal) if v.node.since <= before + 1]
    assert states.index("approved") < states.index("scheduled") < states.index("implementing")


async def _is_item(store: Store, effect: Effect, revision: int) -> bool:
    ordinal = _subject(effect)
    if ordinal is None:
        return False
    model = await store.model()
    [node] = await store.nodes([ordinal], revision)
    return model is not None and model.class_by_name[node.class_name].kind is NodeKind.CI


def _subject(effect: Effect) -> int | None:
    if isinstance(effect, NodeCreated | NodeChanged | NodeRetired):
        return effect.ordinal
    return getattr(effect, "source", None)


def _moves_only(effect: NodeChanged) -> bool:
    return not effect.after and effect.name[0] == effect.name[1] and "under_change" in effect.state


async def _time(store: Store, revision: int) -> str:
    return (await store.headers([revision]))[revision].time


TestIntruders = Intruders.TestCase
TestIntruders.settings = settings(max_examples=20, stateful_step_count=40)
