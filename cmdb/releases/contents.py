"""What a release brings about, as of a revision: what a baseline of it covers."""

from __future__ import annotations

from cmdb.changes import changes_of
from cmdb.errors import NotFound
from cmdb.filters import Direction
from cmdb.nodes import Node
from cmdb.reading import resolve
from cmdb.releases.record import BUNDLES, DELIVERS, RELEASE
from cmdb.store.port import Store


async def delivered_by(store: Store, reference: str, as_of: int | None = None) -> list[Node]:
    """What the release delivers, what its changes touch and what they planned to create, as far as it is there; by ordinal.

    Raises NotFound where there is no such release as of then. What its changes say is read as it is now: it is fixed since
    they were approved. O(what is found).
    """
    release = await resolve(store, reference, as_of)
    if release.class_name != RELEASE:
        raise NotFound(f"{reference} is a {release.class_name}, no release", remedy="see `cmdb release list`")
    out = await store.relationships([release.ordinal], Direction.OUT, [DELIVERS, BUNDLES], as_of)
    bundled = sorted(edge.target for edge in out if edge.type == BUNDLES)
    changes = await changes_of(store, await store.nodes(bundled)) if bundled else []
    wanted = {edge.target for edge in out if edge.type == DELIVERS}
    wanted |= {ordinal for change in changes for ordinal in change.touches}
    created = {pair for change in changes for pair in change.creates}
    named = await store.named(sorted({name for _, name in created}), as_of) if created else []
    found = {node.ordinal: node for node in named if (node.class_name, node.name) in created}
    found |= {node.ordinal: node for node in await store.nodes(sorted(wanted), as_of)} if wanted else {}
    return [found[ordinal] for ordinal in sorted(found) if not found[ordinal].retired]
