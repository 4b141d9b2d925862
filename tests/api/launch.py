"""An estate where software is to be released, and what its people ask of releases over GraphQL."""

from __future__ import annotations

from dataclasses import dataclass

from cmdb.reading.operation_text import WrittenOperation, WrittenPut
from tests.api.estate import Desk, at
from tests.changes.office import Hands
from tests.releases.launch import LAB, PLAN, SITE, SOFTWARE, changes_for

RLS, NAME = "RLS-000001", "Database 17 everywhere"
DB_1, CLUSTER = "DatabaseInstance:db-1", "DatabaseCluster:cluster"

RESULT = """{ __typename ... on ReleaseTaken { revision carriedOut release { stage kind node { key name } } }
  ... on WriteFailure { message remedy problems { message subject where remedy } } }"""
DRAFT = f"""mutation ($input: ReleaseDraftInput!, $actor: String!) {{
  draftRelease(input: $input, actor: $actor) {RESULT} }}"""
EDIT = f"""mutation ($ref: String!, $input: ReleaseEditInput!, $actor: String!) {{
  editRelease(ref: $ref, input: $input, actor: $actor) {RESULT} }}"""
PLAN_SITE = f"""mutation ($ref: String!, $site: String!, $attributes: [AttributeInput!]!, $actor: String!) {{
  planSite(ref: $ref, site: $site, attributes: $attributes, actor: $actor) {RESULT} }}"""
STEP = f"""mutation ($ref: String!, $action: ReleaseAction!, $actor: String!, $comment: String! = "",
    $result: ReleaseTestResult, $environment: String, $found: [String!], $measured: [MeasuredInput!]) {{
  releaseStep(ref: $ref, action: $action, actor: $actor, comment: $comment, result: $result, environment: $environment,
    found: $found, measured: $measured) {RESULT} }}"""
CARRY_OUT = f"mutation ($ref: String!, $actor: String!) {{ carryOutRelease(ref: $ref, actor: $actor) {RESULT} }}"
WHOLE = """fragment whole on ReleaseFacts {
  stage kind node { key name ... on Release { acceptanceCriteria deploymentOrder } }
  changes { totalCount edges { node { stage node { key } touches(first: 5) { edges { node { name } } } } } }
  deliveries { totalCount edges { node { item { key name } planned checksum } } }
  sites { totalCount edges { node { site { name } plan { ... on SitePlan { plannedOn workSteps backOutPlan } } } } }
  closes { edges { node { name } } } found { edges { node { name } } } testedIn { name } baseline { key name }
  reports { edges { node { ... on ReleaseReport { reason circumstances } } } }
  problems { edges { node { key state ... on Problem { symptoms } } } } }"""
ASKED = f"query ($ref: String!) {{ release(ref: $ref) {{ ...whole }} }} {WHOLE}"
KPIS = """query ($from: String, $to: String, $zone: String! = "UTC") { releaseKpis(from: $from, to: $to, zone: $zone) {
  month ended successful failed backedOut emergencies successRate } }"""

PROOF: dict[str, object] = {
    "comment": "all test cases, see TR-7",
    "result": "PASSED",
    "environment": LAB,
    "found": ["KnownError:Odd colours"],
}
PEOPLE = {"PLAN": "rolf", "TEST": "tina", "ACCEPT": "rolf", "DEPLOY": "ivan"}


@dataclass
class Launch(Desk):
    """A desk where the database software is to be released, whose clock is moved by hand."""

    hands: Hands

    async def draft(self, *changes: str, **more: object) -> object:
        """A release of these changes by rolf."""
        made: dict[str, object] = {
            "name": NAME,
            "attributes": [{"name": "acceptance_criteria", "value": "joins are fast"}],
            "changes": list(changes),
            "closes": ["KnownError:Slow joins"],
            "delivers": [SOFTWARE],
            **more,
        }
        return await self.ask(DRAFT, "draftRelease", input=made, actor="rolf")

    async def site(self, **said: object) -> object:
        """The usual plan for Frankfurt, as far as it is not said otherwise."""
        attributes = [{"name": name, "value": value} for name, value in {**PLAN, **said}.items()]
        return await self.ask(PLAN_SITE, "planSite", ref=RLS, site=SITE, attributes=attributes, actor="rolf")

    async def step(self, action: str, actor: str, **said: object) -> object:
        return await self.ask(STEP, "releaseStep", ref=RLS, action=action, actor=actor, **said)

    async def usual(self, until: str) -> object:
        """Planned for Frankfurt, and the usual steps of the usual people, up to and with one of them."""
        await self.site()
        for action, actor in PEOPLE.items():
            taken = await self.step(action, actor, **(PROOF if action == "TEST" else {}))
            assert at(taken, "__typename") == "ReleaseTaken", taken
            if action == until:
                return taken
        raise AssertionError(until)

    async def carry_out(self, actor: str = "ivan") -> object:
        return await self.ask(CARRY_OUT, "carryOutRelease", ref=RLS, actor=actor)


async def described(launch: Launch) -> list[str]:
    """The keys of two changes that describe the cluster anew, and one of its members."""
    work: dict[str, list[WrittenOperation]] = {
        CLUSTER: [WrittenPut(ref=CLUSTER, attributes={"description": "of 17s"})],
        DB_1: [WrittenPut(ref=DB_1, attributes={"description": "a 17"})],
    }
    return await changes_for(launch.application, launch.hands, planned=work, touching=(CLUSTER, DB_1))
