"""What is told of a release: its notice and its install guide, in Markdown, from templates in English and Chinese. Pure.

What the model names (kinds, states, parts of a site plan) is named as there; what people wrote is taken as text, so nothing
in it becomes a heading, a link or markup.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from string import Template
from typing import Final

from cmdb.nodes import Node, many, said
from cmdb.releases.ordering import Order
from cmdb.releases.record import RELEASE, SITE_PLAN, Delivery, Release, SitePlan
from graph_schema.metamodel import Label, Model

_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>#|~])")
_AT_START: Final = re.compile(r"^(?:[-+=]|\d+[.)])")
_ARRANGED: Final = ("planned_on", "planned_until", "communication", "training", "logistics", "resources")
_NOTHING: Final = "–"


class Paper(StrEnum):
    """The kinds of paper."""

    NOTICE = "notice"
    GUIDE = "guide"


class Language(StrEnum):
    """The languages that there are templates in."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class _Words:
    planned: str
    ring: str
    by: str
    until: str
    colon: str


_WORDS: Final = {
    Language.EN: _Words(planned="planned", ring="Ring", by="by", until="until", colon=": "),
    Language.ZH: _Words(planned="计划", ring="环", by="由", until="至", colon="："),
}


def paper(kind: Paper, release: Release, order: Order, model: Model, language: Language = Language.EN) -> str:
    """A paper about a release as it stands, as Markdown. O(what the release has)."""
    words, teller = _WORDS[language], _Teller(model, language)
    node = release.node
    told = {
        "name": text(release.name),
        "key": release.key,
        "description": text(said(node, "description")) or _NOTHING,
        "kind": teller.value(node, RELEASE, "release_kind"),
        "state": teller.state(node),
        "planned_on": said(node, "planned_on") or _NOTHING,
        "acceptance_criteria": text(said(node, "acceptance_criteria")) or _NOTHING,
        "tested": _when(said(node, "tested_at"), teller.value(node, RELEASE, "test_result"), said(node, "tested_by")),
        "accepted": _when(said(node, "accepted_at"), "", said(node, "accepted_by")),
        "baseline": _NOTHING if release.baseline is None else _named(release.baseline),
        "deliveries": _listed(_delivery(delivery) for delivery in release.deliveries),
        "changes": _listed(
            f"{_named(change.node)}{words.colon}{text(said(change.node, 'reason'))}" for change in release.changes
        ),
        "closes": _listed(map(_named, release.closes)),
        "found": _listed(map(_named, release.found)),
        "sites": _listed(_at_site(plan, words) for plan in release.sites),
        "order": _steps(order, words),
        "plans": "\n\n".join(teller.plan(plan) for plan in release.sites) or _NOTHING,
        "back_out": _listed(
            f"{text(plan.name)}{words.colon}{text(said(plan.node, 'back_out_plan'))}" for plan in release.sites
        ),
    }
    return _template(kind, language).substitute(told)


def text(written: str) -> str:
    """What somebody wrote, on one line, so that Markdown shows it as it is."""
    line = _SPECIAL.sub(r"\\\1", " ".join(written.split()))
    return _AT_START.sub(lambda mark: f"{mark[0][:-1]}\\{mark[0][-1]}", line)


def _template(kind: Paper, language: Language) -> Template:
    place = files("cmdb.releases").joinpath("templates", f"{kind.value}.{language.value}.md")
    return Template(place.read_text(encoding="utf-8"))


class _Teller:
    """Names things as the model does, in one language."""

    def __init__(self, model: Model, language: Language) -> None:
        self._model, self._language = model, language

    def value(self, node: Node, class_name: str, attribute: str) -> str:
        """The label of an enum's value; empty where there is none."""
        value = said(node, attribute)
        known = self._model.attributes[class_name][attribute].value_labels
        return self._said(known[value]) if value in known else text(value)

    def state(self, node: Node) -> str:
        """The label of a node's state."""
        states = self._model.lifecycle_of[node.class_name].states
        return next((self._said(state.label) for state in states if state.name == node.state), node.state)

    def plan(self, plan: SitePlan) -> str:
        """A site plan: what is arranged, then its steps by number."""
        known = self._model.attributes[SITE_PLAN]
        rows = [
            f"- {self._said(known[name].label)}: {text(said(plan.node, name))}"
            for name in _ARRANGED
            if said(plan.node, name)
        ]
        return "\n".join([f"### {text(plan.name)}", "", *rows, "", _numbered(map(text, many(plan.node, "work_steps")))])

    def _said(self, label: Label) -> str:
        return label.zh if self._language is Language.ZH else label.en


def _named(node: Node) -> str:
    return f"{text(node.name)} ({node.key})"


def _delivery(delivery: Delivery) -> str:
    checksum = delivery.planned or delivery.checksum
    return f"{_named(delivery.item)}{f' `{checksum}`' if checksum else ''}"


def _at_site(plan: SitePlan, words: _Words) -> str:
    until = said(plan.node, "planned_until")
    day = said(plan.node, "planned_on") or _NOTHING
    return f"{text(plan.name)}{words.colon}{day}{f' {words.until} {until}' if until else ''}"


def _steps(order: Order, words: _Words) -> str:
    lines: list[str] = []
    for step in order.steps:
        names = ", ".join(map(_named, step.items))
        by = f" ({words.by} {', '.join(step.changes)})" if step.changes else ""
        lines.append(f"{f'{words.ring}{words.colon}' if step.is_ring else ''}{names}{by}")
    return _numbered(lines)


def _when(at: str, how: str, who: str) -> str:
    return ", ".join(part for part in (at and f"{at[:16]}Z", how, text(who)) if part) or _NOTHING


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or _NOTHING


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1)) or _NOTHING
