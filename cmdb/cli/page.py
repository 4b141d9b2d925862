"""A page of HTML for people: no scripts, readable in print, enough contrast; English and Chinese side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from graph_schema.metamodel import Label

_STYLE: Final = """
body { margin: 1rem; font-family: system-ui, sans-serif; color: #1a1a1a; background: #ffffff; }
main > *, footer { max-width: 75rem; }
main > figure { max-width: none; margin: 1rem 0 0; overflow: auto; border: 1px solid #767676; }
div.wide { overflow: auto; }
table { border-collapse: collapse; margin-top: .5rem; }
caption { text-align: left; font-weight: bold; font-size: 1.1rem; padding: 1rem 0 .25rem; }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: left; vertical-align: top; }
h2 { margin: 1.5rem 0 0; font-size: 1.1rem; }
.down { background: #fde0dd; } .degraded { background: #fff3c4; } .at_risk { background: #dcecfb; }
.added { background: #e3f4e3; } .removed { background: #fde0dd; } .changed { background: #fff3c4; }
.returned { background: #eeeeee; }
footer { margin-top: 1.5rem; font-size: .85rem; color: #444444; overflow-wrap: anywhere; }
@media print { body { margin: 0; } tr { break-inside: avoid; } svg { max-width: 100%; height: auto; } }
"""


def page(title: str, parts: Iterable[str], footer: str = "") -> str:
    """The page of these parts, which are HTML already; title and footer are text."""
    below = f"<footer>{escape(footer)}</footer>" if footer else ""
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{escape(title)}</h1>
{body}
</main>
{below}
</body>
</html>
"""


def section(label: Label, content: str) -> str:
    """A part with a heading in both languages."""
    return f"<section><h2>{both(label)}</h2>\n{content}</section>"


def facts(rows: Iterable[tuple[Label, str]]) -> str:
    """A table of a label and a text in each row."""
    lines = "".join(f'<tr><th scope="row">{both(label)}</th><td>{escape(text)}</td></tr>' for label, text in rows)
    return f"<table>{lines}</table>"


def grid(caption: Label, columns: Sequence[Label], rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """A table with heads; each row has a class of the style (or none) and its texts."""
    return table(
        caption,
        columns,
        (
            f'<tr class="{escape(kind)}">' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
            for kind, cells in rows
        ),
    )


def table(caption: Label, columns: Sequence[Label], rows: Iterable[str]) -> str:
    """A table with heads, whose rows are HTML already; it scrolls by itself where it is wide."""
    heads = "".join(f'<th scope="col">{both(column)}</th>' for column in columns)
    lines = "\n".join(rows)
    return f"""<div class="wide" tabindex="0" role="region" aria-label="{escape(caption.en)}">
<table>
<caption>{both(caption)}</caption>
<thead><tr>{heads}</tr></thead>
<tbody>
{lines}
</tbody>
</table>
</div>"""


def listed(lines: Iterable[str]) -> str:
    """A list of texts; a dash where there is none."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<ul>{items}</ul>" if items else "<p>–</p>"


def both(label: Label) -> str:
    """A label in both languages."""
    return f'{escape(label.en)} <span lang="zh">· {escape(label.zh)}</span>'
