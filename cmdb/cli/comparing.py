"""Comparisons as people and programs read them: lines, rows, and a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from html import escape
from typing import Final

from rich.text import Text

from cmdb.application.comparing import Comparison, Side
from cmdb.baselines.comparing import Change, FieldDifference, NodeDifference, RelationshipDifference
from cmdb.cli import page
from cmdb.cli.output import Json, err, out
from cmdb.cli.showing import named_row, shown
from cmdb.ledger import Header
from graph_schema.metamodel import Attribute, Label, Model

Difference = NodeDifference | RelationshipDifference

SIGNS: Final = {Change.ADDED: "+", Change.REMOVED: "−", Change.CHANGED: "~", Change.RETURNED: "↺"}
_STYLES: Final = {
    Change.ADDED: "green",
    Change.REMOVED: "red",
    Change.CHANGED: "yellow",
    Change.RETURNED: "dim",
}
WORDS: Final = {
    Change.ADDED: Label(en="added", zh="新增"),
    Change.REMOVED: Label(en="removed", zh="移除"),
    Change.CHANGED: Label(en="changed", zh="变更"),
    Change.RETURNED: Label(en="changed and came back", zh="变更后复原"),
}
_NAME: Final = Label(en="Name", zh="名称")
_STATE: Final = Label(en="State", zh="状态")
_SUMMARY: Final = Label(en="Summary", zh="摘要")
_ITEMS: Final = Label(en="Configuration items", zh="配置项")
_EDGES: Final = Label(en="Relationships", zh="关系")
_COLUMNS: Final = (
    Label(en="What", zh="变化"),
    Label(en="Which", zh="对象"),
    Label(en="Fields", zh="字段"),
    Label(en="By whom, when", zh="何人何时"),
)


def print_comparison(found: Comparison, limit: int) -> None:
    """A comparison for people: counts, then each difference with its fields, who did it and when."""
    differences = tuple(found.differences)
    out.print(Text(f"{_side(found.before)}  →  {_side(found.after)}", "bold"))
    for what, counts in found.differences.counts.items():
        out.print(f"{what}: " + ", ".join(f"{counts[change.value]} {WORDS[change].en}" for change in Change))
    for one in differences[: limit or None]:
        out.print(Text.assemble((SIGNS[one.change] + " ", _STYLES[one.change]), _told(one)))
        for field in one.fields if one.change is not Change.REMOVED or one.moved else ():
            out.print(_field(field))
        for header in headers_of(found, one):
            out.print(Text(f"    {_by(header)}", "dim"))
    if limit and len(differences) > limit:
        err.print(f"{limit} of {len(differences)}; --limit 0 prints all")


def comparison_row(found: Comparison) -> dict[str, Json]:
    """A comparison for programs, in full."""
    return {
        "from": side_row(found.before),
        "to": side_row(found.after),
        "same": found.differences.same,
        "counts": found.differences.counts,
        "nodes": [difference_row(found, one) for one in found.differences.nodes],
        "relationships": [difference_row(found, one) for one in found.differences.relationships],
    }


def side_row(side: Side) -> dict[str, Json]:
    """One side of a comparison for programs."""
    return {"moment": side.label, "revision": side.revision, "scope": str(side.scope)}


def difference_row(found: Comparison, one: Difference) -> dict[str, Json]:
    """One difference for programs."""
    if isinstance(one, NodeDifference):
        row: dict[str, Json] = named_row(one.node)
    else:
        row = {"type": one.type, "from": one.source.key, "to": one.target.key, "key": one.key}
    return row | {
        "change": one.change.value,
        "moved": one.moved,
        "fields": [
            {"field": f.field, "before": f.before, "after": f.after, "returned": f.returned, "revisions": f.revisions}
            for f in one.fields
        ],
        "by": [
            {
                "revision": header.revision,
                "time": header.time,
                "actor": header.actor,
                "authority": header.authority,
                "reason": header.reason,
            }
            for header in headers_of(found, one)
        ],
    }


def headers_of(found: Comparison, one: Difference) -> Iterator[Header]:
    """Which commits had to do with a difference; none where only its neighbours did."""
    return (found.headers[revision] for revision in one.revisions if revision in found.headers)


def comparison_page(found: Comparison, model: Model) -> str:
    """A page of HTML without scripts, with the labels of the model in English and Chinese. O(differences)."""
    title = f"{_side(found.before)} → {_side(found.after)}"
    counts = "".join(
        f'<tr><th scope="row">{what} · {zh}</th>'
        + "".join(f"<td>{found.differences.counts[what][change.value]:,}</td>" for change in Change)
        + "</tr>"
        for what, zh in (("nodes", "配置项"), ("relationships", "关系"))
    )
    heads = "".join(f'<th scope="col">{SIGNS[change]} {page.both(WORDS[change])}</th>' for change in Change)
    summary = f"""<table>
<caption>{page.both(_SUMMARY)}</caption>
<thead><tr><td></td>{heads}</tr></thead>
<tbody>{counts}</tbody>
</table>"""
    nodes = page.table(_ITEMS, _COLUMNS, _rows(found, found.differences.nodes, model))
    edges = page.table(_EDGES, _COLUMNS, _rows(found, found.differences.relationships, model))
    return page.page(title, (summary, nodes, edges))


def _rows(found: Comparison, differences: Iterable[Difference], model: Model) -> Iterator[str]:
    for one in differences:
        moved = " <br>(scope <span lang='zh'>· 范围</span>)" if one.moved else ""
        fields = "<br>".join(_field_cell(field, one, model) for field in one.fields)
        by = "<br>".join(escape(_by(header)) for header in headers_of(found, one))
        yield (
            f'<tr><td class="{one.change.value}">{SIGNS[one.change]} {page.both(WORDS[one.change])}{moved}</td>'
            f"<td>{_which(one, model)}</td><td>{fields}</td><td>{by}</td></tr>"
        )


def _which(one: Difference, model: Model) -> str:
    if isinstance(one, NodeDifference):
        known = model.class_by_name.get(one.node.class_name)
        label = page.both(known.label) if known else escape(one.node.class_name)
        return f"<b>{escape(one.node.name)}</b> ({escape(one.node.key)})<br>{label}"
    known_type = model.type_by_name.get(one.type)
    label = page.both(known_type.label) if known_type else escape(one.type)
    named = f" [{escape(one.key)}]" if one.key else ""
    return (
        f"<b>{_end(one.source.name, one.source.key)}</b> {label}{named} <b>{_end(one.target.name, one.target.key)}</b>"
    )


def _end(name: str, key: str) -> str:
    return f"{escape(name)} ({escape(key)})"


def _field_cell(field: FieldDifference, one: Difference, model: Model) -> str:
    back = " ↺" if field.returned else ""
    values = f"<del>{escape(shown(field.before))}</del> → <ins>{escape(shown(field.after))}</ins>{back}"
    return f"{page.both(_label(field.field, one, model))}: {values}"


def _label(name: str, one: Difference, model: Model) -> Label:
    known: Mapping[str, Attribute] = {}
    if isinstance(one, NodeDifference):
        if name in {"name", "state"}:
            return _NAME if name == "name" else _STATE
        known = model.attributes.get(one.node.class_name, {})
    elif one.type in model.type_by_name:
        known = {attribute.name: attribute for attribute in model.type_by_name[one.type].attributes}
    return known[name].label if name in known else Label(en=name, zh=name)


def _side(side: Side) -> str:
    scope = "" if str(side.scope) == "all" else f", {side.scope}"
    return f"{side.label} (revision {side.revision}{scope})"


def _told(one: Difference) -> Text:
    moved = ", by its scope" if one.moved else ""
    if isinstance(one, NodeDifference):
        node = one.node
        return Text.assemble(
            (node.key, "cyan"), f" {node.class_name} ", (node.name, "bold"), f"  {one.change.value}{moved}"
        )
    named = f" [{one.key}]" if one.key else ""
    return Text(
        f"{one.source.name} ({one.source.key}) —{one.type}{named}→ {one.target.name} ({one.target.key})"
        f"  {one.change.value}{moved}"
    )


def _field(field: FieldDifference) -> Text:
    if field.returned:
        return Text(f"    {field.field}: {shown(field.before)}, changed and came back", "dim")
    return Text.assemble(f"    {field.field}: ", (shown(field.before), "red"), " → ", (shown(field.after), "green"))


def _by(header: Header) -> str:
    because = f": {header.reason}" if header.reason else ""
    return f"r{header.revision} {header.time[:19]}Z by {header.actor}, {header.authority}{because}"
