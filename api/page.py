"""The page for people: one file, nothing from elsewhere, and a policy that allows just what stands in it."""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

_INLINE: Final = re.compile(r"<(?P<tag>style|script)>(?P<content>.*?)</(?P=tag)>", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Page:
    """The page, and the Content-Security-Policy that fits it."""

    html: str
    policy: str


def query_page() -> Page:
    """The page with a box for queries."""
    html = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
    hashes = {found["tag"]: _hash(found["content"]) for found in _INLINE.finditer(html)}
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src {hashes['script']}",
            f"style-src {hashes['style']}",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return Page(html, policy)


def _hash(content: str) -> str:
    return f"'sha256-{b64encode(sha256(content.encode()).digest()).decode()}'"
