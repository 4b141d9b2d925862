"""The release manager's baselines: recorded, found again, compared with anything, proven, led back to."""

from __future__ import annotations

from dataclasses import dataclass

from cmdb.access import Right, load_policy
from cmdb.application.opening import Application
from cmdb.baselines.content import content_of
from cmdb.baselines.leaves import everything
from cmdb.baselines.record import AUTHORITY, SEALED, Baseline, Seal, baseline_of, created_in, recording
from cmdb.baselines.scope import Everything, OfRelease, OfService, Scope
from cmdb.baselines.sealing import seal
from cmdb.changes import initialisation_has_ended
from cmdb.errors import Conflict, Failed, Invalid, NotFound, Refused, Usage
from cmdb.filters import Compare, Lookup
from cmdb.ledger import Head
from cmdb.reading import BASELINE, Moment, every, moment_revision, resolve
from cmdb.store.port import Sort, Store
from graph_schema.values import instant


@dataclass(frozen=True, slots=True)
class Recording:
    """What a baseline is to be: its name and purpose, what it covers, as of which moment, which one it takes the place of."""

    name: str
    purpose: str
    scope: Scope
    moment: Moment | None = None
    supersedes: str | None = None


async def record_baseline(application: Application, wanted: Recording, *, actor: str, reason: str = "") -> Baseline:
    """Seal a scope as of a moment and keep the seal as a record. O(n + m); four kilobytes are stored.

    Raises Conflict for a name that another baseline has, Invalid for a scope without any item, and as the door does.
    """
    store = application.store
    if not wanted.purpose.strip():
        raise Usage("the baseline's purpose is not said", remedy="say with --purpose what it is for")
    await _check_name(store, wanted.name)
    before = None if wanted.supersedes is None else await _standing(application, wanted.supersedes)
    head = await _head_at(store, wanted.moment)
    service = await resolve(store, wanted.scope.key, head.revision) if isinstance(wanted.scope, OfService) else None
    scope = await _by_key(store, wanted.scope, head) if service is None else OfService(service.key)
    made = await seal_scope(application, scope, head)
    change_set = recording(
        made,
        name=wanted.name,
        purpose=wanted.purpose,
        actor=actor,
        time=instant(application.clock()),
        service=None if service is None or not await _linkable(application, service.ordinal) else service.ordinal,
        supersedes=before,
    )
    await _check_rights(application, actor)
    written = await application.door.write(change_set, actor=actor, authority=AUTHORITY, reason=reason)
    [node] = await store.nodes([created_in(written.created)])
    return baseline_of(node)


async def _by_key(store: Store, scope: Scope, head: Head) -> Scope:
    """A release is kept by its key, whatever it was named by."""
    return OfRelease((await resolve(store, scope.key, head.revision)).key) if isinstance(scope, OfRelease) else scope


async def _check_rights(application: Application, actor: str) -> None:
    """Who may record, and that the first one, which ends initialisation, leaves somebody who can approve changes."""
    policy = await load_policy(application.store)
    policy.demand(actor, Right.RECORD_BASELINES)
    if (missing := policy.missing_to_close()) and not await initialisation_has_ended(application.store):
        names = ", ".join(right.value for right in missing)
        raise Refused(
            f"the first baseline ends initialisation, and then nobody could change anything: no role gives {names}",
            remedy="give these rights to a role with members first",
        )


async def seal_scope(application: Application, scope: Scope, head: Head) -> Seal:
    """The seal of a scope as of a commit. Raises Invalid where it covers nothing, unless it is everything.

    O(n + m); for everything O(n / 256 + touched since it was last sealed), see `cmdb.baselines.leaves`.
    """
    store = application.store
    model = await store.model(head.revision)
    if model is None:
        raise Failed(f"{store.url} is empty", remedy="run `cmdb init` first")
    if isinstance(scope, Everything):
        leaves = await everything(store, model, head.revision)
        items, relationships = leaves.counts
        return Seal(scope, head.revision, head.hash, leaves.root, items, relationships, model.version)
    content = await content_of(store, application.follower, scope, head.revision)
    if not len(content.items):
        raise Invalid(f"the scope `{scope}` covers no configuration item", remedy="widen it, or look at the filter")
    return Seal(
        scope=scope,
        revision=head.revision,
        commit_hash=head.hash,
        root=await seal(store, content, head.revision),
        items=len(content.items),
        relationships=len(content.relationships),
        model_version=model.version,
    )


async def find_baseline(application: Application, reference: str) -> Baseline:
    """A baseline by name, key, id or `Baseline:name`. Raises NotFound, Usage where the name fits several."""
    store = application.store
    named = [node for node in await store.named([reference]) if node.class_name == BASELINE]
    if len(named) == 1:
        return baseline_of(named[0])
    try:
        return baseline_of(await resolve(store, reference))
    except NotFound as error:
        raise NotFound(f"there is no baseline {reference!r}", remedy="see `cmdb baseline list`") from error


async def list_baselines(application: Application) -> list[Baseline]:
    """All baselines, the newest first. O(baselines)."""
    nodes = await every(application.store, Compare("class", Lookup.EQ, BASELINE), Sort("ordinal", descending=True))
    return [baseline_of(node) for node in nodes]


async def _standing(application: Application, reference: str) -> Baseline:
    found = await find_baseline(application, reference)
    if found.node.state != SEALED:
        raise Conflict(f"baseline {found.key} is {found.node.state} already", remedy="see `cmdb baseline list`")
    return found


async def _check_name(store: Store, name: str) -> None:
    same = [node.key for node in await store.named([name]) if node.class_name == BASELINE]
    if same:
        raise Conflict(f"there is a baseline {name!r} already: {same[0]}", remedy="choose another name")


async def _head_at(store: Store, moment: Moment | None) -> Head:
    head = await store.head()
    if moment is None:
        return head
    revision = await moment_revision(store, moment)
    async for commit in store.commits(revision - 1, revision):
        return commit.head
    raise Usage(f"there was nothing yet at {moment!r}", remedy="name a later moment")


async def _linkable(application: Application, ordinal: int) -> bool:
    """Whether a node can be linked now: what was sealed in the past may be retired since, or be no service."""
    [node] = await application.store.nodes([ordinal])
    model = await application.model()
    return not node.retired and (BASELINE, node.class_name) in model.joinable.get("BASELINE_OF", ())
