"""demo: a whole estate imported, versioned and questioned, in one go."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from cmdb.application import Application, Scenario, assess, initialise, route
from cmdb.changeset import ChangeSet, Put
from cmdb.cli.demo_control import begin_control, change_the_array, compare_and_lead_back
from cmdb.cli.impact import print_impact, print_verdict
from cmdb.cli.importing import applied, planned
from cmdb.cli.output import err, out, table
from cmdb.cli.session import Acting, opened, run
from cmdb.cli.showing import chain, event_lines
from cmdb.errors import Failed, NotFound
from cmdb.reading import node_events
from cmdb.safekeeping import verify
from cmdb.store.sqlite import open_sqlite
from cmdb.writing import INITIALISATION
from graph_schema.reader import shipped_model
from importers.registry import recognise, shipped_importers

ESTATE: Final = Path(__file__).parents[2] / "examples" / "estate"

PARTS: Final = ("kubernetes", "compose", "workbook")
"""The folders of the estate, in the order that lets later files refer to earlier ones."""


def demo(
    *,
    store: Annotated[
        str | None, Parameter(help="An empty or new store to fill; a file in a new folder if not given.")
    ] = None,
) -> None:
    """Make a CMDB, import the example estate, and ask it what its users ask. Takes some seconds."""
    if not ESTATE.is_dir():
        raise Failed(f"the example estate is not at {ESTATE}", remedy="run the demo from a checkout of the repository")
    place = store or f"sqlite:///{Path(tempfile.mkdtemp(prefix='cmdb-demo-')) / 'demo.sqlite'}"
    run(_demo(Acting(store=place, actor="demo")))


async def _demo(acting: Acting) -> None:
    async with opened(acting, create=True) as application:
        await _fill(application, acting)
        await _change_manager(application)
        await _engineer(application, acting)
        await _configuration_manager(application)
        await _control(application)
        await _release_manager(application)
    _next_steps(acting.store)


async def _fill(application: Application, acting: Acting) -> None:
    _title(
        "An estate is imported",
        "a parcel carrier with two data centres: an initialisation workbook, Compose, Kubernetes",
    )
    await initialise(application, shipped_model(), actor=acting.who)
    rows: list[tuple[str, str, str, str]] = []
    for part in PARTS:
        for found in recognise([ESTATE / part], shipped_importers())[0]:
            plan = await planned(application, found, f"{found.importer.name}:{part}")
            outcome = await applied(application, plan, acting, INITIALISATION, retire=False)
            rows.append((plan.source, str(outcome.created), str(outcome.linked), f"r{outcome.revision}"))
    out.print(table(("source", "nodes", "relationships", "revision"), rows))
    counts = await application.store.count_by_class()
    largest = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:8]
    listed = ", ".join(f"{count} {name}" for name, count in largest)
    out.print(Text(f"\n{sum(counts.values())} nodes of {len(counts)} classes: {listed}, …"))


async def _change_manager(application: Application) -> None:
    _title(
        "The change manager asks",
        "storage array dui-sto-01 gets new firmware tonight. What does that take down, and why?",
    )
    await print_impact(application, await assess(application, Scenario(["StorageDevice:dui-sto-01"])), 7)
    out.print(Text("\n… and host dui-hyp-01, one of three? Then again, while dui-hyp-02 is being repaired:", "italic"))
    for context in ((), ("Hypervisor:dui-hyp-02",)):
        scenario = Scenario(["Hypervisor:dui-hyp-01"], context=context)
        out.print()
        await print_verdict(application, await assess(application, scenario))


async def _engineer(application: Application, acting: Acting) -> None:
    _title("The engineer asks", "linehaul planning runs in both data centres. Does it still need one small machine?")
    first, last, hops = await route(application, "BusinessService:Linehaul planning", "VirtualMachine:dui-lic-01")
    if hops is None:
        raise NotFound(f"{first.name} does not need {last.name}: the estate has changed")
    out.print(chain(hops))
    out.print(Text("\n… makes the machine larger, and asks for its history:"))
    patch = ChangeSet((Put(node=last.ordinal, attributes={"cpu_count": 8}, expects=last.version),))
    await application.door.write(patch, actor=acting.who, authority=INITIALISATION, reason="licence server was slow")
    for event in (await node_events(application.store, last.ordinal))[-6:]:
        for line in event_lines(event):
            out.print(Padding(line, (0, 0, 0, 2)))


async def _configuration_manager(application: Application) -> None:
    _title("The configuration manager asks", "is what we recorded true, and has nobody touched it behind our back?")
    found = recognise([ESTATE / "kubernetes"], shipped_importers())[0][0]
    plan = await planned(application, found, f"{found.importer.name}:kubernetes")
    out.print(Text(f"The Kubernetes manifests again: {'an empty plan' if plan.empty else 'there is drift'}."))
    with tempfile.TemporaryDirectory(prefix="cmdb-verify-") as folder:
        scratch = open_sqlite(Path(folder) / "replayed.sqlite", create=True)
        proof = await verify(application.store, scratch)
        await scratch.close()
    verdict = "holds, and explains all of them" if proof.holds else f"does not hold: {proof.count} findings"
    out.print(
        Text(
            f"{proof.revision} ledger entries, {proof.nodes} nodes, {proof.relationships} relationships: the chain {verdict}."
        )
    )


async def _control(application: Application) -> None:
    _title("Initialisation ends", "roles are given, and a first baseline is recorded")
    await begin_control(application)
    _title(
        "The change manager decides",
        "the array's firmware, in two hours of tonight: who fails, what else is going on there, and how risky is it?",
    )
    await change_the_array(application)


async def _release_manager(application: Application) -> None:
    _title("The release manager asks", "what differs from the first baseline now, and how do we go back?")
    await compare_and_lead_back(application)


def _title(who: str, what: str) -> None:
    out.print()
    out.print(Rule(Text(who, style="bold"), align="left"))
    out.print(Text(f"{what}\n", style="italic"))


def _next_steps(store: str) -> None:
    err.print(f"\nThe store is {store}. Try next:\n  export CMDB_STORE={store}")
    for command in (
        "cmdb ci show StorageDevice:dui-sto-01",
        "cmdb impact UninterruptiblePowerSupply:dui-ups-a --context UninterruptiblePowerSupply:dui-ups-b",
        "cmdb depends PowerDistributionUnit:dui-pdu-a02-b",
        "cmdb change certificate CHG-000002 --format html > certificate.html",
        "cmdb baseline compare Start now",
        "cmdb query --where 'is Hardware and related LOCATED_IN to (class = Rack)'",
        "cmdb ledger verify",
        "cmdb serve            # GraphQL on http://127.0.0.1:8321/graphql",
    ):
        err.print(f"  {command}")
