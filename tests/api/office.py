"""An estate under change control, and what its people ask of changes over GraphQL."""

from __future__ import annotations

from dataclasses import dataclass

from cmdb.changes import Action
from tests.api.estate import Desk, at
from tests.changes.office import STEPS, Hands, window

WEB, DB_1, DB_2, CLUSTER, SHOP = (
    "VirtualMachine:web-1",
    "DatabaseInstance:db-1",
    "DatabaseInstance:db-2",
    "DatabaseCluster:cluster",
    "BusinessService:Shop",
)

RESULT = """{ __typename
  ... on ChangeTaken { revision collisions differences change { stage node { key name } } }
  ... on WriteFailure { message remedy problems { message subject where remedy } } }"""
DRAFT = (
    f"mutation ($input: ChangeDraftInput!, $actor: String!) {{ draftChange(input: $input, actor: $actor) {RESULT} }}"
)
EDIT = f"""mutation ($ref: String!, $input: ChangeEditInput!, $actor: String!) {{
  editChange(ref: $ref, input: $input, actor: $actor) {RESULT} }}"""
STEP = f"""mutation ($ref: String!, $action: ChangeAction!, $actor: String!, $comment: String! = "", $override: String! = "",
    $outcome: String! = "") {{ changeStep(ref: $ref, action: $action, actor: $actor, comment: $comment,
    override: $override, outcome: $outcome) {RESULT} }}"""
IMPLEMENT = f"""mutation ($ref: String!, $actor: String!, $operations: [OperationInput!]) {{
  implementChange(ref: $ref, actor: $actor, operations: $operations) {RESULT} }}"""
WRITE = """mutation ($operations: [OperationInput!]!, $actor: String!, $change: String) {
  write(operations: $operations, actor: $actor, change: $change) { __typename ... on Written { revision }
    ... on WriteFailure { message problems { message } } } }"""

ASKED = """query ($ref: String!) { change(ref: $ref) {
  stage kind requester implementers plannedOperations cost overdue collisions
  node { key name ... on Change { reason } } touches { totalCount edges { node { key } } }
  votes { voter choice node { ... on Vote { reason } } } board { node { name } members chair quorum majority }
  window { from until zone } slots(count: 2, days: 3) { from until } } }"""
GROW = [
    {"put": {"ref": WEB, "attributes": [{"name": "cpu_count", "value": 8}]}},
    {"put": {"ref": "@new", "class": "VirtualMachine", "name": "web-2"}},
]


@dataclass
class Office(Desk):
    """A desk in the estate under change control, whose clock is moved by hand."""

    hands: Hands

    async def draft(self, *touches: str, **more: object) -> object:
        """A change that ivan makes in an hour, as GraphQL takes it."""
        begin, end, zone = window(self.hands)
        said = {"reason": "it is old", "back_out_plan": "undo", "test_plan": "look", "implementers": ["ivan"]}
        made: dict[str, object] = {
            "name": "Upgrade",
            "touches": list(touches),
            "attributes": [{"name": name, "value": value} for name, value in said.items()],
            "window": {"from": begin, "until": end, "zone": zone},
            **more,
        }
        return await self.ask(DRAFT, "draftChange", input=made, actor="rita")

    async def step(self, ref: str, action: str, actor: str, **said: str) -> object:
        return await self.ask(STEP, "changeStep", ref=ref, action=action, actor=actor, **said)

    async def usual(self, ref: str, until: str) -> object:
        """The usual steps of the usual people, up to and with one of them."""
        for action, actor in STEPS.items():
            if action is Action.BEGIN:
                self.hands.on(hours=1)
            taken = await self.step(ref, action.name, actor, comment="as agreed")
            assert at(taken, "__typename") == "ChangeTaken", taken
            if action.name == until:
                return taken
        raise AssertionError(until)
