"""What becomes of one node: created, updated, retired, or left as it is. Pure.

`own` is what the source said about the node before, `others` what each other source says. A node that was retired is
never woken: the source is told. Removing is careful: a source takes away only what it brought, so a node is retired only
by the source whose import made it, and only while no other source claims it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cmdb.nodes import Node
from cmdb.reconciliation.claims import RowError, Where
from cmdb.reconciliation.gathered import NodeRow, controlled
from cmdb.reconciliation.plan import Create, Keep, Retire, Update
from cmdb.reconciliation.said import Said, attributes_of, encode
from cmdb.reconciliation.settling import Change, Held, settle
from cmdb.secrets import quoted
from cmdb.writing.checking import Checks
from cmdb.writing.values import ValueCheck
from graph_schema.metamodel import Lifecycle
from graph_schema.values import Value

Others = Sequence[tuple[str, Said]]
"""(source, what it says) of each other source that claims a node, by name of the source."""

FIRST_STATE = "in_use"
"""The state new nodes begin in, where their lifecycle allows it: what is found is mostly in use."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a node; None is nothing. `keep` is the claim to keep if the graph stays as it is."""

    update: Update | None = None
    retire: Retire | None = None
    keep: Keep | None = None
    drop: tuple[str, ...] = ()
    messages: tuple[RowError, ...] = ()


def created(checks: Checks, row: NodeRow) -> Create | tuple[RowError, ...]:
    """A new node as its row describes it, or what keeps it from being made."""
    lifecycle = checks.model.lifecycle_of[row.class_name]
    states = _first_states(lifecycle, row.state)
    if states is None:
        return _left_out(row, lifecycle)
    if row.missing:
        return tuple(_error(row, f"cannot be created: {name} is required", "give it a value") for name in row.missing)
    return Create(
        source_key=row.source_key,
        class_name=row.class_name,
        name=row.name,
        state=states[0],
        then=states[1],
        claimed_state=row.state,
        controlled=row.graphed,
        said=row.attributes,
        digest=row.digest,
        where=row.where,
    )


def compared(checks: Checks, source: str, row: NodeRow, node: Node, own: Said | None, others: Others) -> Outcome:
    """What a row makes of the node that it is about."""
    lifecycle = checks.model.lifecycle_of[node.class_name]
    if row.class_name != node.class_name:
        return _refused(
            _error(row, f"is about {node.key}, which is a {node.class_name}", "retire that one, or correct the class")
        )
    if node.retired:
        if row.state is not None and lifecycle.by_name[row.state].final:
            return Outcome()
        return _refused(
            _warning(
                row,
                f"is about {node.key}, which is retired ({node.state}); it is left alone",
                "take it out of the source",
            )
        )
    known = checks.of_class[node.class_name]
    attributes = attributes_of(row.attributes)
    said = {**controlled(attributes, known), **_fixed(row.name, row.state)}
    before = _brought(own, known, row.state)
    changes, held = settle(
        source,
        _standing(node),
        said,
        before,
        _claims(others, known),
        {"name", *checks.required_of_class[node.class_name]},
    )
    messages = tuple(_told(row, node, one) for one in held)
    state = next((change for change in changes if change.field == "state"), None)
    keep = _kept(row, node, own, attributes, changes)
    if state is not None and lifecycle.by_name[str(state.after)].final:
        if others:
            message = f"says that {node.key} is {state.after}, but {others[0][0]} claims it still"
            return Outcome(messages=(*messages, _warning(row, message, "it is retired once no source claims it")))
        return Outcome(
            retire=_retirement(
                node, str(state.after), f"the source says that it is {state.after}", keep, row.where, ()
            ),
            messages=messages,
        )
    if state is not None and not lifecycle.allows(node.state, str(state.after)):
        allowed = ", ".join(lifecycle.transitions.get(node.state, ())) or "nowhere"
        message = f"{node.key} cannot go from {node.state} to {state.after}"
        return _refused(_error(row, message, f"from there it can go to: {allowed}"))
    if changes:
        return Outcome(update=_update(node, changes, "the source says so", row.where, keep, ()), messages=messages)
    return Outcome(keep=keep, messages=messages)


def withdrawn(checks: Checks, source: str, keys: tuple[str, ...], node: Node, own: Said, others: Others) -> Outcome:
    """What becomes of a node that the source no longer has under any of `keys`."""
    if node.retired:
        return Outcome(drop=keys)
    if own.made and not others:
        final = checks.model.lifecycle_of[node.class_name].final_from(node.state)
        if final:
            return Outcome(retire=_retirement(node, final[0], "the source no longer has it", None, None, keys))
        message = f"{node.key} is gone from the source, but cannot be retired from state {node.state}"
        return Outcome(messages=(_note(message, "change its state first, then import again"),))
    known = checks.of_class[node.class_name]
    changes, _ = settle(
        source,
        _standing(node),
        {},
        _brought(own, known, None),
        _claims(others, known),
        {"name", *checks.required_of_class[node.class_name]},
    )
    if changes:
        return Outcome(update=_update(node, changes, "the source no longer says so", None, None, keys))
    return Outcome(drop=keys)


def _first_states(lifecycle: Lifecycle, state: str | None) -> tuple[str, str | None] | None:
    """The state to create a node in, and the one to go on to; None if `state` cannot be had that way."""
    if state is None:
        return (FIRST_STATE if FIRST_STATE in lifecycle.initial else lifecycle.initial[0]), None
    if state in lifecycle.initial:
        return state, None
    first = next((s for s in lifecycle.initial if state in lifecycle.transitions.get(s, ())), None)
    return None if first is None or lifecycle.by_name[state].final else (first, state)


def _left_out(row: NodeRow, lifecycle: Lifecycle) -> tuple[RowError, ...]:
    if row.state is not None and lifecycle.by_name[row.state].final:
        return (_warning(row, f"is {row.state} already; it is not created", "take it out of the source"),)
    return (_error(row, f"cannot begin in state {row.state}", f"begin in {' or '.join(lifecycle.initial)}"),)


def _standing(node: Node) -> dict[str, Value]:
    return {**node.attributes, "name": node.name, "state": node.state}


def _fixed(name: str, state: str | None) -> dict[str, Value]:
    return {"name": name} if state is None else {"name": name, "state": state}


def _brought(own: Said | None, known: Mapping[str, ValueCheck], state: str | None) -> dict[str, Value]:
    """What the source said before and brought about itself: all of a node it made, else what it gave to it."""
    if own is None:
        return {}
    values = {name: v for name, v in controlled(own.attributes, known).items() if own.made or name in own.gave}
    if own.made or "name" in own.gave:
        values["name"] = own.name
    if state is not None and own.state is not None:
        values["state"] = own.state
    return values


def _claims(others: Others, known: Mapping[str, ValueCheck]) -> list[tuple[str, dict[str, Value]]]:
    return [(name, {**controlled(said.attributes, known), **_fixed(said.name, said.state)}) for name, said in others]


def _kept(
    row: NodeRow, node: Node, own: Said | None, attributes: Mapping[str, Value], changes: Iterable[Change]
) -> Keep:
    made = own is not None and own.made
    before = own.gave if own is not None else ()
    given = (
        ()
        if made
        else tuple(sorted({*before, *(c.field for c in changes if c.field in attributes or c.field == "name")}))
    )
    body = encode(Said(row.name, row.state, dict(attributes), made, given))
    return Keep(row.source_key, node.ordinal, row.digest, body)


def _update(
    node: Node, changes: tuple[Change, ...], reason: str, where: Where | None, keep: Keep | None, drop: tuple[str, ...]
) -> Update:
    return Update(
        ordinal=node.ordinal,
        version=node.version,
        key=node.key,
        class_name=node.class_name,
        name=node.name,
        changes=changes,
        where=where,
        reason=reason,
        keep=keep,
        drop=drop,
    )


def _retirement(
    node: Node, state: str, reason: str, keep: Keep | None, where: Where | None, drop: tuple[str, ...]
) -> Retire:
    return Retire(
        ordinal=node.ordinal,
        version=node.version,
        key=node.key,
        class_name=node.class_name,
        name=node.name,
        state=state,
        reason=reason,
        where=where,
        keep=keep,
        drop=drop,
    )


def _told(row: NodeRow, node: Node, held: Held) -> RowError:
    if held.claimed is None:
        return _warning(row, f"{node.key} keeps its {held.field}, which is required", "say what it should be")
    message = f"{node.key}.{held.field} stays {quoted(held.value, held.field)}, which {held.by} claims"
    return _warning(row, f"{message}; here it is {quoted(held.claimed, held.field)}", "correct one of the two sources")


def _refused(error: RowError) -> Outcome:
    return Outcome(messages=(error,))


def _error(row: NodeRow, message: str, remedy: str) -> RowError:
    return RowError(where=row.where, message=f"{row.class_name} {quoted(row.name)} {message}", remedy=remedy)


def _warning(row: NodeRow, message: str, remedy: str) -> RowError:
    return msgspec.structs.replace(_error(row, message, remedy), warning=True)


def _note(message: str, remedy: str) -> RowError:
    return RowError(where=Where(""), message=message, remedy=remedy, warning=True)
