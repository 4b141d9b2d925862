"""Certificates as people and programs read them: lines, a row, and a page to print."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

import msgspec
from rich.padding import Padding
from rich.text import Text

from cmdb.application.control import certificate_record
from cmdb.changes import Change
from cmdb.changes.certificate import Answer, HitLine
from cmdb.cli import page
from cmdb.cli.impact import MARKS
from cmdb.cli.output import Json, err, out, table
from cmdb.nodes import said
from graph_schema.metamodel import Label

SHOWN: Final = 20
"""Hits that a terminal shows; a page and the data have all."""


def print_answer(change: Change, answer: Answer, shown: int = SHOWN) -> None:
    """A certificate for people: the verdict, then services and whom to tell, then the nearest hits."""
    head = Text.assemble((f"{certificate_record(change).key} ", "cyan"), (f"{change.node.name} ({change.key})", "bold"))
    head.append(f"  · revision {answer.revision}, model {answer.model}", "dim")
    out.print(head)
    out.print(_verdict(answer))
    for title, texts in _lists(answer):
        if texts:
            out.print(Text.assemble((f"{title.en}: ", "bold"), "; ".join(texts[:SHOWN])))
    rows = [(Text(*MARKS[hit.verdict]), hit.name, hit.key, "; ".join(hit.reasons)) for hit in answer.hits[:shown]]
    if rows:
        out.print(Padding(table(("", "name", "key", "because"), rows), (1, 0, 0, 0)))
    if len(answer.hits) > shown:
        err.print(f"{shown} of {len(answer.hits)} hits; -o json and --format html have all")


def answer_row(change: Change, answer: Answer, *, proven: bool) -> dict[str, Json]:
    """A certificate for programs; `proven` says that it was worked out again to the letter."""
    record = certificate_record(change)
    made = cast("dict[str, Json]", msgspec.to_builtins(answer))
    hits: list[Json] = [{name: getattr(hit, name) for name in HitLine.__struct_fields__} for hit in answer.hits]
    sealed = {"certificate": record.key, "digest": said(record, "content_digest"), "proven": proven}
    return {**sealed, **made, "hits": hits}


def certificate_page(change: Change, answer: Answer, *, proven: bool) -> str:
    """The certificate as a page to print and to sign off. O(hits)."""
    record = certificate_record(change)
    window = " – ".join(change.window) if change.window else "–"
    zone = said(change.node, "time_zone")
    approved = ", ".join(map(str, change.node.attributes.get("approved_by") or ())) or "–"  # pyright: ignore[reportArgumentType]  # a list of texts
    facts = (
        (Label(en="Change", zh="变更"), f"{change.key}, {change.kind.value}, {change.stage.value}"),
        (Label(en="Requested by", zh="申请人"), change.requester),
        (Label(en="Window", zh="窗口"), f"{window} {zone}"),
        (Label(en="Back-out plan", zh="回退计划"), said(change.node, "back_out_plan") or "–"),
        (Label(en="Cost", zh="费用"), f"{change.cost} {said(change.node, 'currency')}"),
        (Label(en="Approved by", zh="批准人"), approved),
        (Label(en="Verdict", zh="结论"), _verdict(answer).plain),
    )
    columns = (
        Label(en="Verdict", zh="结论"),
        Label(en="Name", zh="名称"),
        Label(en="Key", zh="键"),
        Label(en="Class", zh="类"),
        Label(en="Before", zh="之前"),
        Label(en="Because", zh="原因"),
    )
    hits = page.grid(
        Label(en="Hits", zh="受影响项"),
        columns,
        (
            (h.verdict, (MARKS[h.verdict][0], h.name, h.key, h.class_name, h.before, "; ".join(h.reasons)))
            for h in answer.hits
        ),
    )
    lists = (page.section(title, page.listed(texts)) for title, texts in _lists(answer) if texts)
    proof = "worked out again to the letter" if proven else "NOT the same when worked out again"
    return page.page(
        f"{record.key}: {change.node.name}",
        (page.facts(facts), *lists, hits),
        f"Revision {answer.revision}, model {answer.model}. SHA-256 {said(record, 'content_digest')}; {proof}.",
    )


def _verdict(answer: Answer) -> Text:
    services = {name: len(nodes) for name, nodes in answer.services.items() if nodes}
    parts = [f"{count} service{'s' if count > 1 else ''} {name.replace('_', ' ')}" for name, count in services.items()]
    others = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in answer.counts.items() if count)
    return Text.assemble(
        (", ".join(parts) or "no service fails or loses its spare", "bold"), f"; CIs: {others or 'none'}"
    )


def _lists(answer: Answer) -> Iterator[tuple[Label, tuple[str, ...]]]:
    for verdict, services in answer.services.items():
        words = {"down": "停止", "degraded": "降级", "at_risk": "失去冗余"}
        yield Label(en=f"Services {verdict.replace('_', ' ')}", zh=f"服务{words[verdict]}"), services
    yield Label(en="Customers", zh="客户"), answer.customers
    yield Label(en="Agreements", zh="协议"), answer.agreements
    yield Label(en="Owners to tell", zh="需通知的负责人"), answer.owners
    yield Label(en="Redundancy lost for good", zh="永久失去的冗余"), tuple(f"{o}: {pool}" for o, pool in answer.lost)
    yield Label(en="Redundancy gained", zh="新增的冗余"), tuple(f"{o}: {pool}" for o, pool in answer.gained)
    yield (
        Label(en="New single points of failure", zh="新的单点故障"),
        tuple(f"{point} takes down {', '.join(fallen)}" for point, fallen in answer.single_points),
    )
    yield (
        Label(en="Worse on the graph as planned", zh="计划后更严重"),
        tuple(f"{key}: {verdict}" for key, verdict in answer.afterwards),
    )
    yield Label(en="Not known", zh="未知事项"), answer.unknown
