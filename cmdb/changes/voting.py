"""What a board's votes come to. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum

from cmdb.changes.record import Board, CastVote, Choice


class Verdict(StrEnum):
    """Whether a board has decided, and how."""

    OPEN = "open"
    IN_FAVOUR = "in_favour"
    AGAINST = "against"


def counted(board: Board, votes: Iterable[CastVote]) -> Verdict:
    """The board's verdict.

    Nothing is decided below the quorum, a share of the members. Of the votes that say yes or no, those in favour must be
    more than `majority` percent (all of them at 100). Where yes and no are even, the chair's own vote decides; if the
    chair abstained or has not voted, the matter stays open. Without any yes or no it is against.
    """
    cast = [vote for vote in votes if vote.voter in board.members]
    if len(cast) * 100 < board.quorum * len(board.members):
        return Verdict.OPEN
    tally = Counter(vote.choice for vote in cast)
    yes, no = tally[Choice.IN_FAVOUR], tally[Choice.AGAINST]
    if yes == no and yes:
        chairs = next((vote.choice for vote in cast if vote.voter == board.chair), Choice.ABSTAINED)
        return {Choice.IN_FAVOUR: Verdict.IN_FAVOUR, Choice.AGAINST: Verdict.AGAINST}.get(chairs, Verdict.OPEN)
    enough = no == 0 and yes > 0 if board.majority == 100 else yes * 100 > board.majority * (yes + no)
    return Verdict.IN_FAVOUR if enough else Verdict.AGAINST
