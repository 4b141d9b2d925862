"""References to nodes (`SRV-000231`, an id, `Class:name`) and to moments (a revision, an instant)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Final

from cmdb.errors import Failed, NotFound, Usage
from cmdb.nodes import Node
from cmdb.store.port import Store
from graph_schema.errors import did_you_mean
from graph_schema.metamodel import Model, NodeClass
from graph_schema.values import instant

_KEY: Final = re.compile(r"^[A-Z][A-Z0-9]{1,5}-\d+$")
_REVISION: Final = re.compile(r"^(?:r|rev|revision)?\s*(\d{1,15})$", re.IGNORECASE)

Moment = str
"""A revision (`12`, `r12`), an instant (`2026-01-31T17:00:00Z`), a day (`2026-01-31`, until its end in UTC), or a baseline
(`BSL-000001`, `Baseline:name`), which is the revision that it seals."""

BASELINE: Final = "Baseline"
"""The class of the records that seal a revision."""

SEALED_REVISION: Final = "at_revision"
"""The attribute of theirs that says which."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    text: str
    class_name: str
    name: str


async def resolve(store: Store, reference: str, as_of: int | None = None) -> Node:
    """The node that a reference means. Raises NotFound, or Usage when `Class:name` fits several."""
    return (await resolve_all(store, [reference], as_of))[0]


async def resolve_all(store: Store, references: Sequence[str], as_of: int | None = None) -> list[Node]:
    """The nodes that references mean, in their order, in at most three reads. Errors as `resolve`."""
    ids = await store.ids()
    if ids is None:
        raise Failed(f"{store.url} is empty", remedy="run `cmdb init` first")
    keys = [r for r in references if _KEY.match(r)]
    names = {r: await _named(store, r) for r in references if not _KEY.match(r) and ":" in r}
    ordinal_of_key = await store.ordinals_of_keys(keys) if keys else {}
    ordinals: dict[str, int] = {}
    for reference in references:
        if reference in ordinal_of_key:
            ordinals[reference] = ordinal_of_key[reference]
        elif reference not in names and not _KEY.match(reference):
            ordinals[reference] = ids.ordinal_of(reference)
    by_ordinal = {node.ordinal: node for node in await store.nodes(sorted(set(ordinals.values())), as_of)}
    of_name: dict[str, list[Node]] = {}
    for node in await store.named(sorted({w.name for w in names.values()}), as_of) if names else []:
        of_name.setdefault(node.name, []).append(node)
    model = await store.model(as_of) if names else None
    found: list[Node] = []
    for reference in references:
        wanted = names.get(reference)
        if wanted is None:
            candidates = [by_ordinal[o]] if (o := ordinals.get(reference, -1)) in by_ordinal else []
        else:
            same = [
                n
                for n in of_name.get(wanted.name, [])
                if model is not None and model.is_a(n.class_name, wanted.class_name)
            ]
            candidates = [n for n in same if not n.retired] or same
        found.append(_only(reference, candidates, as_of))
    return found


def _only(reference: str, candidates: list[Node], as_of: int | None) -> Node:
    if len(candidates) > 1:
        keys = ", ".join(n.key for n in candidates[:5])
        raise Usage(f"{reference!r} fits {len(candidates)} nodes: {keys}", remedy="use one of these keys")
    if not candidates:
        then = "" if as_of is None else f" as of revision {as_of}"
        raise NotFound(f"there is no {reference!r}{then}", remedy="look for it with `cmdb query WORDS`")
    return candidates[0]


async def _named(store: Store, reference: str) -> _Wanted:
    class_name, _, name = reference.partition(":")
    model = await store.model()
    if model is not None:
        known_class(model, class_name, of=reference)
    return _Wanted(reference, class_name, name)


def known_class(model: Model, name: str, *, of: str = "") -> NodeClass:
    """The class of this name, asked for in the reference `of`. Raises NotFound, with the nearest name there is."""
    if name not in model.class_by_name:
        raise NotFound(
            f"{of!r}: there is no class {name}" if of else f"there is no class {name}",
            remedy=did_you_mean(name, model.class_by_name) or "see `cmdb model show` for the classes",
        )
    return model.class_by_name[name]


async def moment_revision(store: Store, moment: Moment) -> int:
    """The revision that a moment means.

    Raises Usage for text that is none, NotFound for a revision still to come or a baseline that is not there.
    """
    head = await store.head()
    text = moment.strip()
    if _KEY.match(text) or text.startswith(f"{BASELINE}:"):
        return await _sealed_revision(store, text)
    if found := _REVISION.match(text):
        revision = int(found.group(1))
        if revision > head.revision:
            raise NotFound(f"there is no revision {revision} yet", remedy=f"the newest is {head.revision}")
        return revision
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            at = datetime.combine(date.fromisoformat(text), time.max, tzinfo=UTC)
        else:
            at = datetime.fromisoformat(text)
    except ValueError:
        raise Usage(
            f"{moment!r} is no moment",
            remedy="write a revision (12), an instant (2026-01-31T17:00:00Z), a day (2026-01-31) or Baseline:NAME",
        ) from None
    if at.tzinfo is None:
        raise Usage(f"{moment!r} has no time zone", remedy=f"write {text}Z, or an offset like {text}+08:00")
    try:
        return await store.revision_at(instant(at))
    except OverflowError:
        raise Usage(f"{moment!r} is out of the range of dates") from None


async def _sealed_revision(store: Store, reference: str) -> int:
    node = await resolve(store, reference)
    revision = node.attributes.get(SEALED_REVISION)
    if node.class_name != BASELINE or not isinstance(revision, int):
        raise Usage(f"{reference!r} is a {node.class_name}, no baseline", remedy="see `cmdb baseline list`")
    return revision
