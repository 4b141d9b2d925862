"""What protects what: how many more failures each pool of a CI survives."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate, takewhile

from cmdb.impact.margins import Margin
from cmdb.impact.states import State


@dataclass(frozen=True, slots=True)
class Protection:
    """A pool as it is after a scenario: of the weight that there is, so much is needed.

    It `survives` the loss of so many of its heaviest members that are left, and so of any as many; it is `met` while its
    owner does not fail for it.
    """

    margin: Margin
    survives: int

    @property
    def met(self) -> bool:
        """Whether what is left is enough."""
        return self.margin.after >= self.margin.need


def protection(margin: Margin) -> Protection:
    """How much a pool can still lose. O(members · log members)."""
    left = sorted((m.weight for m in margin.members if m.after is not State.DOWN), reverse=True)
    spare = margin.after - margin.need
    return Protection(margin, len(list(takewhile(lambda lost: lost <= spare, accumulate(left)))))
