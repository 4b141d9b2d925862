"""What keeps strangers out while there is no authentication: loopback only, and no help from a browser.

A web page can make its visitor's browser send requests to loopback. Two checks stop that: the Host header must name
loopback (a name that an attacker rebinds to 127.0.0.1 is not one of ours), and writes take JSON alone, which no plain
form can send and which other pages' scripts may not send without a permission that is never given.
"""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cmdb.errors import Refused, Usage

HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Sent with every response."""


class Guard:
    """Lets through what names loopback as its host; says 421 to the rest."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and not names_loopback(Headers(scope=scope).get("host", "")):
            refusal = PlainTextResponse("this server answers to localhost, 127.0.0.1 and [::1] only\n", status_code=421)
            await refusal(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            await send(message)

        await self._app(scope, receive, send_with_headers)


@lru_cache(maxsize=256)
def names_loopback(host: str) -> bool:
    """Whether a Host header (with or without a port) names this machine's loopback."""
    try:
        name = urlsplit(f"//{host}").hostname
        return name is not None and (name == "localhost" or ipaddress.ip_address(name).is_loopback)
    except ValueError:
        return False


def require_loopback(host: str) -> str:
    """The address to bind for a host. Raises Refused for one that others can reach, Usage for one that is none."""
    try:
        found = {str(info[4][0]) for info in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError) as error:
        raise Usage(f"{host!r} is no address of this machine", remedy="bind 127.0.0.1") from error
    if not all(ipaddress.ip_address(address.partition("%")[0]).is_loopback for address in found):
        raise Refused(
            f"{host!r} can be reached by others, and there is no authentication yet",
            remedy="bind 127.0.0.1 (or ::1, localhost), and come in through an SSH tunnel",
        )
    return host
