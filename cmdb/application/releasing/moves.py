"""What a step of a release writes beside its own record."""

from __future__ import annotations

from collections.abc import Sequence

from cmdb.application.baselines import seal_scope
from cmdb.application.opening import Application
from cmdb.application.releasing.stepping import Moving
from cmdb.baselines import Everything, OfRelease
from cmdb.baselines.record import recording
from cmdb.changeset import NEW, Link, New, Operation, Patch, Put, Unlink
from cmdb.ledger import Head
from cmdb.nodes import Node, many
from cmdb.reading import BASELINE
from cmdb.records import AFFECTS, CAUSED_BY, PROBLEM, settled
from cmdb.releases import Release, digest_of
from cmdb.releases.contents import delivered_by
from cmdb.releases.record import (
    BUNDLES,
    CLOSES,
    DELIVERS,
    DIGEST,
    FOUND,
    REPORT,
    REPORTS_ON,
    RESULTED_IN,
    TESTED_IN,
)
from graph_schema.values import instant


async def with_digests(release: Release, head: Head) -> tuple[Operation, ...]:
    """What was planned is its artefacts with the checksums, and its changes with what they are to do, as they are now."""
    del head
    me = release.node.ordinal
    checksums = (
        Link(type=DELIVERS, source=me, target=d.item.ordinal, attributes={"checksum": d.checksum})
        for d in release.deliveries
        if d.controlled
    )
    contents = (
        Link(type=BUNDLES, source=me, target=change.node.ordinal, attributes={DIGEST: digest_of(change)})
        for change in release.changes
    )
    return (*checksums, *contents)


async def let_go(release: Release, head: Head) -> tuple[Operation, ...]:
    """Another release may carry out the changes of one that is given up."""
    del head
    me = release.node.ordinal
    return tuple(Unlink(type=BUNDLES, source=me, target=change.node.ordinal) for change in release.changes)


def proved(environment: Node | None, found: Sequence[Node]) -> Moving:
    """Where it was tested, and the known errors that were found there."""

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        me, before = release.node.ordinal, release.tested_in
        if environment is None:
            raise AssertionError("a test without an environment is refused")
        old = [before] if before is not None and before.ordinal != environment.ordinal else []
        return (
            *(Unlink(type=TESTED_IN, source=me, target=node.ordinal) for node in old),
            Link(type=TESTED_IN, source=me, target=environment.ordinal),
            *(Link(type=FOUND, source=me, target=node.ordinal) for node in found),
        )

    return move


def successful(application: Application, actor: str) -> Moving:
    """A baseline of what was delivered, and each record that the release closes is settled.

    One that only took things away leaves nothing of its own to seal, so everything is.
    """

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        me, now = release.node.ordinal, instant(application.clock())
        left = await delivered_by(application.store, release.key, head.revision)
        made = await seal_scope(application, OfRelease(release.key) if left else Everything(), head)
        sealed = recording(
            made,
            name=await _free_name(application, release.name),
            purpose=f"what release {release.key} resulted in",
            actor=actor,
            time=now,
        )
        [record] = [operation.node for operation in sealed if isinstance(operation, Put)]
        resolved: Patch = {"resolved_at": now}
        model, how = await application.model(), f"release {release.name} ({release.key})"
        closed = [settled(node, model, how=how, now=now) for node in release.closes]
        return (
            *sealed,
            Link(type=RESULTED_IN, source=me, target=record),
            *(Link(type=CLOSES, source=me, target=node.ordinal, attributes=resolved) for node in release.closes),
            *(put for put in closed if put is not None),
        )

    return move


async def _free_name(application: Application, name: str) -> str:
    """The release's name, with a number after it where a baseline has that already."""
    number, wanted = 1, name
    while any(node.class_name == BASELINE for node in await application.store.named([wanted])):
        number += 1
        wanted = f"{name[:240]} ({number})"
    return wanted


def reported(reason: str, *, actor: str, now: str) -> Moving:
    """A report that is kept, and a problem whose cause somebody has to establish."""

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        me, name = release.node.ordinal, f"{release.key}: failed"
        told: Patch = {"reason": reason, "circumstances": _circumstances("failed", release)}
        opened: Patch = {"symptoms": reason, "reported_by": actor, "reported_at": now}
        delivered = (delivery.item for delivery in release.deliveries if not delivery.item.retired)
        return (
            Put(node=New("report"), class_name=REPORT, name=name, attributes=told, expects=NEW),
            Link(type=REPORTS_ON, source=New("report"), target=me),
            Put(node=New("problem"), class_name=PROBLEM, name=name, attributes=opened, expects=NEW),
            Link(type=CAUSED_BY, source=New("problem"), target=me),
            *(Link(type=AFFECTS, source=New("problem"), target=item.ordinal) for item in delivered),
        )

    return move


async def told_of(release: Release, head: Head) -> tuple[Operation, ...]:
    """The report says how each change was left after it was backed out."""
    del head
    told = _circumstances("backed out", release)
    return tuple(
        Put(node=report.ordinal, attributes={"circumstances": (*many(report, "circumstances"), *told)})
        for report in release.reports
    )


def _circumstances(when: str, release: Release) -> tuple[str, ...]:
    return tuple(f"{when}: {change.key} {change.stage.value.replace('_', ' ')}" for change in release.changes)
