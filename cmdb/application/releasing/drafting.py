"""Releases drafted and edited, and their plans for sites."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cmdb.access import Right, load_policy
from cmdb.application.opening import Application
from cmdb.application.questions import live
from cmdb.application.releasing.stepping import Taken, Wish, nothing_found, take
from cmdb.changeset import NEW, ChangeSet, Link, New, NodeRef, Operation, Patch, Put, Retire, Unlink
from cmdb.errors import Conflict, Invalid
from cmdb.ledger import Head
from cmdb.nodes import Node
from cmdb.releases import Action, Kind, Release, load_release
from cmdb.releases.record import AT_SITE, BUNDLES, CLOSES, DELIVERS, PLANS, RELEASE, SITE_PLAN
from cmdb.writing import Warrant

FREE: Final = frozenset({"description", "tags", "url", "planned_on", "acceptance_criteria"})
"""Attributes of a release that people set; the rest follows from steps."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a release is about, by reference: the changes it carries out, the records it closes, the items it delivers."""

    changes: Sequence[str] = ()
    closes: Sequence[str] = ()
    delivers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a release begins with. `name` is its unique id."""

    name: str
    kind: Kind = Kind.MINOR
    attributes: Patch = field(default_factory=Patch)
    contents: Contents = Contents()


@dataclass(frozen=True, slots=True)
class Edit:
    """What is altered in a release: attributes, what comes in, what (of whichever sort) is taken out."""

    kind: Kind | None = None
    attributes: Patch = field(default_factory=Patch)
    contents: Contents = Contents()
    without: Sequence[str] = ()


async def draft_release(application: Application, draft: Draft, *, actor: str) -> Taken:
    """Draft a release. Raises Conflict for a name that another has, Refused, NotFound and Usage for references, Invalid."""
    store = application.store
    await _check_right(application, actor)
    if same := [node.key for node in await store.named([draft.name]) if node.class_name == RELEASE]:
        raise Conflict(f"there is a release {draft.name!r} already: {same[0]}", remedy="choose another name")
    _check_free(draft.attributes)
    attributes = draft.attributes | {"release_kind": draft.kind.value, "release_manager": actor}
    put = Put(node=New("it"), class_name=RELEASE, name=draft.name, attributes=attributes, expects=NEW)
    links = [
        Link(type=kind, source=New("it"), target=node.ordinal)
        for kind, node in await _linked(application, draft.contents)
    ]
    head = await store.head()
    written = await application.door.write(
        ChangeSet((put, *links)),
        actor=actor,
        authority=Warrant("control:release:draft"),
        reason="drafted",
        follows=head.revision,
    )
    [node] = await store.nodes([written.created["it"]])
    return Taken(await load_release(store, node.key), written.head.revision)


async def edit_release(application: Application, reference: str, edit: Edit, *, actor: str) -> Taken:
    """Alter a release before it is deployed; it is planned, tested and accepted anew. Raises as `draft_release`."""
    _check_free(edit.attributes)
    added = await _linked(application, edit.contents)
    removed = await live(application, edit.without, None) if edit.without else []
    patch = edit.attributes | ({} if edit.kind is None else {"release_kind": edit.kind.value})

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        me = release.node.ordinal
        put = [Put(node=me, attributes=patch)] if patch else []
        links = [Link(type=kind, source=me, target=node.ordinal) for kind, node in added]
        return (*put, *links, *_ends(release, removed))

    return await take(application, reference, Wish(Action.EDIT, actor), nothing_found, move)


async def plan_site(application: Application, reference: str, site: str, said: Patch, *, actor: str) -> Taken:
    """Say how a release is brought to a site, or alter what was said; the release is planned anew. Raises as `edit_release`."""
    [place] = await live(application, [site], None)

    async def move(release: Release, head: Head) -> tuple[Operation, ...]:
        del head
        standing = next((p for p in release.sites if p.site is not None and p.site.ordinal == place.ordinal), None)
        if standing is not None:
            return (Put(node=standing.node.ordinal, attributes=said, expects=standing.node.version),)
        own: NodeRef = New("plan")
        name = f"{release.key}: {place.name}"[:255].rstrip()
        return (
            Put(node=own, class_name=SITE_PLAN, name=name, attributes=said, expects=NEW),
            Link(type=PLANS, source=own, target=release.node.ordinal),
            Link(type=AT_SITE, source=own, target=place.ordinal),
        )

    return await take(application, reference, Wish(Action.EDIT, actor), nothing_found, move)


async def _linked(application: Application, contents: Contents) -> list[tuple[str, Node]]:
    """What a release is linked with, by type. Raises NotFound and Usage."""
    found: list[tuple[str, Node]] = []
    for kind, references in ((BUNDLES, contents.changes), (CLOSES, contents.closes), (DELIVERS, contents.delivers)):
        nodes = await live(application, references, None) if references else []
        found += [(kind, node) for node in nodes]
    return found


def _ends(release: Release, removed: Sequence[Node]) -> list[Operation]:
    """What takes nodes out of a release; a site plan ends with that. Raises Invalid for one that is not in it."""
    kind_of = {change.node.ordinal: BUNDLES for change in release.changes}
    kind_of |= {node.ordinal: CLOSES for node in release.closes}
    kind_of |= {delivery.item.ordinal: DELIVERS for delivery in release.deliveries}
    plans = {plan.node.ordinal for plan in release.sites}
    if strange := [node.key for node in removed if node.ordinal not in kind_of.keys() | plans]:
        raise Invalid(f"{', '.join(strange)}: not in {release.key}", remedy="see `cmdb release show`")
    return [
        Retire(node=node.ordinal)
        if node.ordinal in plans
        else Unlink(type=kind_of[node.ordinal], source=release.node.ordinal, target=node.ordinal)
        for node in removed
    ]


def _check_free(attributes: Patch) -> None:
    """Raises Invalid for attributes that only steps write."""
    if kept := sorted(attributes.keys() - FREE):
        raise Invalid(
            f"{', '.join(kept)}: not set by hand in a release", remedy=f"people set {', '.join(sorted(FREE))}"
        )


async def _check_right(application: Application, actor: str) -> None:
    (await load_policy(application.store)).demand(actor, Right.MANAGE_RELEASES)
