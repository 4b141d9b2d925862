"""Notice and install guide, in both languages; and the figures' months."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmdb.application.releasing import (
    Contents,
    Draft,
    Edit,
    draft_release,
    edit_release,
    release_figures,
    release_paper,
)
from cmdb.errors import Invalid
from cmdb.releases import Action, Language, Paper
from cmdb.releases.papers import text
from tests.releases.launch import GOOD, a_launch, changes_for, led, planned


async def test_papers_tell_what_is_planned_proved_and_accepted(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, hands):
        release = (await planned(application, await changes_for(application, hands))).release
        await led(application, release.key, until=Action.ACCEPT)
        notice = await release_paper(application, release.key, Paper.NOTICE)
        for line in (
            "# Release notice: Database 17 everywhere",
            "| Kind | Minor |",
            "| State | Accepted |",
            "| Tested | 2026-03-02T09:00Z, Passed, tina |",
            f"- Database 17 (SWR-000001) `{GOOD}`",
            "- Upgrade db-1 (CHG-000001): it is old",
            "- Slow joins (KER-000001)",
            "- Odd colours (KER-000002)",
            "- Frankfurt 1: 2026-03-03",
        ):
            assert line in notice.splitlines()
        guide = await release_paper(application, release.key, Paper.GUIDE)
        for line in (
            "1. db-1 (DBI-000001) (by CHG-000001)",
            "### Frankfurt 1",
            "- Planned on: 2026-03-03",
            "- Communication: mail to all",
            "2. install it",
            "- Frankfurt 1: install the old one",
        ):
            assert line in guide.splitlines()
        chinese = await release_paper(application, release.key, Paper.NOTICE, Language.ZH)
        assert "| 状态 | 已验收 |" in chinese.splitlines()
        assert "- 沟通安排: mail to all" in await release_paper(application, release.key, Paper.GUIDE, Language.ZH)


async def test_a_bare_draft_has_papers_too_and_what_people_wrote_is_text(tmp_path: Path) -> None:
    async with a_launch(tmp_path) as (application, _):
        await draft_release(application, Draft("R <b> | $name", contents=Contents()), actor="rolf")
        await edit_release(
            application, "R <b> | $name", Edit(attributes={"description": "# not\n\n- a heading"}), actor="rolf"
        )
        for language in Language:
            for kind in Paper:
                lines = (await release_paper(application, "R <b> | $name", kind, language)).splitlines()
                assert lines[0].endswith(r"R \<b\> \| $name")
                assert "# not" not in lines
    assert [text(start) for start in ("- a", "12. a", "1) a", "12-a", "")] == [r"\- a", r"12\. a", r"1\) a", "12-a", ""]
    assert text("a\r\n# b `c`") == r"a \# b \`c\`"


@pytest.mark.parametrize(
    ("first", "last", "wrong"),
    [
        ("2026-13", None, "is no month"),
        ("2026-03", "2026-02", "is before"),
        ("1000-01", "2026-01", "months are asked for"),
    ],
)
async def test_months_that_are_none(tmp_path: Path, first: str, last: str | None, wrong: str) -> None:
    async with a_launch(tmp_path) as (application, _):
        with pytest.raises(Invalid, match=wrong):
            await release_figures(application, first, last)
