"""Random works, and what collides by looking at every pair."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from cmdb.changes.collisions import Collision, Work
from cmdb.changes.spans import Span
from cmdb.projection.columns import Int32s

PEOPLE = ["ann", "bo", "cy"]


def column(*ordinals: int) -> Int32s:
    return np.array(ordinals, dtype=np.int32)


@st.composite
def works(draw: st.DrawFn, most: int = 12, latest: int = 30) -> list[Work]:
    """Few CIs, so that much is shared; lists may repeat themselves, and a work may have an impact on what it touches."""
    cis = st.lists(st.integers(0, 6), max_size=4).map(lambda some: column(*some))
    found: list[Work] = []
    for number in range(draw(st.integers(0, most))):
        begin = draw(st.integers(0, latest))
        found.append(
            Work(
                f"CHG-{number}",
                Span(begin, begin + draw(st.sampled_from([1, 1, 2, 3, 5, latest]))),
                draw(cis),
                draw(cis),
                draw(st.lists(st.integers(0, 3), max_size=2).map(lambda some: column(*some))),
                tuple(draw(st.lists(st.sampled_from(PEOPLE), max_size=2))),
            )
        )
    return found


def between(one: Work, other: Work) -> Collision | None:
    """What two works collide on, if they do, as the definition says."""
    if not one.window.overlaps(other.window) or one.key == other.key:
        return None
    first, second = sorted((one, other), key=lambda work: (work.window, work.key))
    mine, its = ({*work.touches.tolist()} for work in (first, second))
    i_hit, it_hits = ({*work.impacts.tolist()} for work in (first, second))
    found = Collision(
        first.key,
        second.key,
        tuple(sorted((mine & its) | (mine & it_hits) | (i_hit & its))),
        tuple(sorted({*first.services.tolist()} & {*second.services.tolist()})),
        tuple(sorted({*first.implementers} & {*second.implementers})),
    )
    return found if found.cis or found.services or found.implementers else None
