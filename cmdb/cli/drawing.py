"""An impact drawn: SVG made here, PNG from it, and a page of HTML around it with a table that says the same.

Each state has a colour, a sign and a shape, so that none of them is needed alone; text stands dark on light.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from cmdb.cli import page
from cmdb.cli.picture import Box, Picture
from graph_schema.metamodel import Label

_WIDTH, _HEIGHT = 230, 40
_GAP_ACROSS, _GAP_DOWN = 90, 12
_MARGIN, _TOP = 24, 96
_ROWS: Final = 28
"""Boxes under each other; a layer with more takes several columns."""

_LONGEST: Final = 28

_LOOK: Final = 'role="img" aria-labelledby="title" font-family="DejaVu Sans, Noto Sans, Noto Sans CJK SC, sans-serif"'
_COLUMNS: Final = (
    Label(en="Distance", zh="距离"),
    Label(en="State", zh="状态"),
    Label(en="Name", zh="名称"),
    Label(en="What", zh="对象"),
)
_KEY: Final = "bold frame: a service · left to right: farther from the source"


@dataclass(frozen=True, slots=True)
class Style:
    """How a verdict looks: words, sign, fill and stroke."""

    word: str
    sign: str
    fill: str
    stroke: str


STYLES: Final = {
    "down": Style("down", "✗", "#fde0dd", "#a50f15"),
    "degraded": Style("degraded", "◐", "#fff3c4", "#8a5a00"),
    "at_risk": Style("at risk", "△", "#dcecfb", "#0b4f8a"),
}


def svg_of(picture: Picture) -> str:
    """A drawing, layered by distance from left to right. O(boxes · log boxes + links)."""
    places = _places(picture)
    width = max((x for x, _ in places), default=0) + _WIDTH + _MARGIN
    height = max((y for _, y in places), default=_TOP) + _HEIGHT + _MARGIN
    width = max(width, 640)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" {_LOOK}>',
        f'<title id="title">{escape(picture.title)}</title>',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="{_MARGIN}" y="32" font-size="16" font-weight="bold" fill="#1a1a1a">{escape(_cut(picture.title, 150))}</text>',
        *_legend(),
        *(_link(places[one], places[other]) for one, other in picture.links),
        *(_box(box, *place) for box, place in zip(picture.boxes, places, strict=True)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def html_of(picture: Picture) -> str:
    """A page with the drawing and a table that says the same, without scripts."""
    drawing = f'<figure tabindex="0" aria-label="Drawing; the table below says the same">\n{svg_of(picture)}</figure>'
    hits = page.grid(
        Label(en=f"{picture.total:,} hits, the nearest first", zh=f"{picture.total:,} 个受影响项，由近及远"),
        _COLUMNS,
        (
            (
                box.verdict,
                (str(box.layer), f"{STYLES[box.verdict].sign} {STYLES[box.verdict].word}", box.name, box.detail),
            )
            for box in picture.boxes
        ),
    )
    return page.page(picture.title, (drawing, hits))


def png_of(picture: Picture) -> bytes:
    """The drawing as pixels."""
    import resvg_py

    return bytes(resvg_py.svg_to_bytes(svg_string=svg_of(picture)))


def _places(picture: Picture) -> list[tuple[int, int]]:
    """Left upper corners. In a layer, who failed through something high up stands high up."""
    above: list[list[int]] = [[] for _ in picture.boxes]
    for one, other in picture.links:
        above[other].append(one)
    places: list[tuple[int, int]] = [(0, 0)] * len(picture.boxes)
    left = _MARGIN
    for layer in range(picture.layers):
        members = [at for at, box in enumerate(picture.boxes) if box.layer == layer]
        members.sort(key=lambda at: (_mean([places[one][1] for one in above[at]]), picture.boxes[at].name))
        for row, at in enumerate(members):
            column, down = divmod(row, _ROWS)
            places[at] = (left + column * (_WIDTH + _GAP_DOWN), _TOP + down * (_HEIGHT + _GAP_DOWN))
        columns = max(1, -(-len(members) // _ROWS))
        left += columns * (_WIDTH + _GAP_DOWN) - _GAP_DOWN + _GAP_ACROSS
    return places


def _mean(values: Sequence[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _legend() -> Iterator[str]:
    x = _MARGIN
    for style in STYLES.values():
        yield (
            f'<rect x="{x}" y="50" width="120" height="26" rx="4" fill="{style.fill}" stroke="{style.stroke}"/>'
            f'<text x="{x + 10}" y="68" font-size="13" fill="#1a1a1a">{style.sign} {style.word}</text>'
        )
        x += 132
    yield f'<text x="{x}" y="68" font-size="13" fill="#1a1a1a">{_KEY}</text>'


def _link(start: tuple[int, int], end: tuple[int, int]) -> str:
    x, y = start[0] + _WIDTH, start[1] + _HEIGHT // 2
    to_x, to_y = end[0], end[1] + _HEIGHT // 2
    bend = max(40, (to_x - x) // 2)
    curve = f"M{x} {y} C{x + bend} {y} {to_x - bend} {to_y} {to_x} {to_y}"
    return f'<path d="{curve}" fill="none" stroke="#767676" stroke-width="1.2"/>'


def _box(box: Box, x: int, y: int) -> str:
    style = STYLES[box.verdict]
    weight = "3" if box.service else "1.2"
    title = f"{box.name}, {box.detail}, {style.word}, distance {box.layer}"
    return (
        f"<g><title>{escape(title)}</title>"
        f'<path d="{_outline(box.verdict, x, y)}" fill="{style.fill}" stroke="{style.stroke}" stroke-width="{weight}"/>'
        f'<text x="{x + 16}" y="{y + 17}" font-size="13" font-weight="bold" fill="#1a1a1a">'
        f"{style.sign} {escape(_cut(box.name, _LONGEST))}</text>"
        f'<text x="{x + 16}" y="{y + 33}" font-size="11" fill="#333333">{escape(_cut(box.detail, _LONGEST + 6))}</text></g>'
    )


def _outline(verdict: str, x: int, y: int) -> str:
    """Down has its corners cut, degraded has them round, at risk points to both sides."""
    right, bottom, middle = x + _WIDTH, y + _HEIGHT, y + _HEIGHT // 2
    match verdict:
        case "down":
            return (
                f"M{x + 10} {y} H{right - 10} L{right} {y + 10} V{bottom - 10} L{right - 10} {bottom} H{x + 10} "
                f"L{x} {bottom - 10} V{y + 10} Z"
            )
        case "degraded":
            return (
                f"M{x + 14} {y} H{right - 14} Q{right} {y} {right} {middle} Q{right} {bottom} {right - 14} {bottom} "
                f"H{x + 14} Q{x} {bottom} {x} {middle} Q{x} {y} {x + 14} {y} Z"
            )
        case _:
            return f"M{x + 10} {y} H{right - 10} L{right} {middle} L{right - 10} {bottom} H{x + 10} L{x} {middle} Z"


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
