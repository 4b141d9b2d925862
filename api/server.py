"""The HTTP door: GraphQL, a page to ask from, health and metrics, on loopback."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Mapping
from http import HTTPStatus
from socket import socket
from typing import Final

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse
from uvicorn.loops.auto import auto_loop_factory

from api.graphql import Answer, Answering, Kind, Question
from api.guarding import Guard, require_loopback
from api.metrics import CONTENT_TYPE, Metrics
from api.page import query_page
from cmdb.application import Application, open_application
from cmdb.errors import CmdbError, ErrorCode

LARGEST_BODY: Final = 8 * 2**20
"""Bytes of a request; larger loads are imports."""

PATIENCE: Final = 15.0
"""Seconds in which a request must have arrived."""

_STATUS: Final[Mapping[ErrorCode, HTTPStatus]] = {
    ErrorCode.FAILED: HTTPStatus.INTERNAL_SERVER_ERROR,
    ErrorCode.USAGE: HTTPStatus.BAD_REQUEST,
    ErrorCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
    ErrorCode.REFUSED: HTTPStatus.FORBIDDEN,
    ErrorCode.CONFLICT: HTTPStatus.CONFLICT,
    ErrorCode.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    ErrorCode.UNREACHABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""Of requests that were not executed; what was executed is 200, its errors within."""


class _Body(msgspec.Struct, frozen=True):
    query: str
    variables: dict[str, object] | None = None
    operation: str | None = msgspec.field(name="operationName", default=None)


_body_of: Final = msgspec.json.Decoder(_Body).decode


class _Unread(Exception):
    """A request that is no question."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def create_app(application: Application, answering: Answering | None = None) -> FastAPI:
    """The HTTP door of an opened application, which stays its caller's to close; `answering` may be warm already."""
    app = FastAPI(title="Graph CMDB", docs_url=None, redoc_url=None, openapi_url=None)
    answers, metrics, page = answering or Answering(application), Metrics(), query_page()

    async def graphql(request: Request) -> Response:
        begun = time.perf_counter()
        try:
            question = await _question(request)
        except _Unread as unread:
            metrics.note(Kind.UNREAD, ErrorCode.USAGE, time.perf_counter() - begun)
            return _refused(unread)
        answer = await answers.answer(question)
        metrics.note(answer.kind, answer.code or "ok", time.perf_counter() - begun)
        return _response(answer)

    app.add_route("/graphql", graphql, methods=["POST"])  # by Starlette's way, as FastAPI's has nothing to do here

    @app.get("/")
    @app.get("/graphql")
    def ask() -> Response:
        return HTMLResponse(page.html, headers={"content-security-policy": page.policy})

    @app.get("/health/live")
    def live() -> Response:
        return JSONResponse({"live": True})

    @app.get("/health")
    @app.get("/health/ready")
    async def ready() -> Response:
        revision = await _revision(application)
        status = HTTPStatus.OK if revision else HTTPStatus.SERVICE_UNAVAILABLE
        return JSONResponse({"live": True, "ready": bool(revision), "revision": revision}, status_code=status)

    @app.get("/metrics")
    async def figures() -> Response:
        return PlainTextResponse(metrics.text(await _revision(application)), media_type=CONTENT_TYPE)

    app.add_middleware(Guard)
    return app


def serve(url: str, host: str = "127.0.0.1", port: int = 8000) -> None:
    """Serve the store behind a URL until interrupted. Raises Refused for any host but loopback, errors as the store's.

    The schema, the projection and the structure of needs are made before the first request is taken, and garbage is not
    looked for among them.
    """
    address = require_loopback(host)
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(_serve(url, address, port))


async def _serve(url: str, host: str, port: int) -> None:
    application = await open_application(url)
    try:
        answering = Answering(application)
        await answering.served()
        await application.load()
        gc.collect()
        gc.freeze()
        config = uvicorn.Config(
            create_app(application, answering),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            limit_concurrency=256,
            timeout_keep_alive=15,
            timeout_graceful_shutdown=10,
        )
        await _Server(config).serve()
    finally:
        await application.close()


class _Server(uvicorn.Server):
    """Says where it listens, once it does."""

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """See uvicorn."""
        await super().startup(sockets)
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
                sys.stderr.write(f"GraphQL is at http://{place}/graphql; Ctrl-C ends it\n")
                sys.stderr.flush()


async def _question(request: Request) -> Question:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise _Unread(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "send the question as content-type: application/json")
    try:
        async with asyncio.timeout(PATIENCE):
            body = _body_of(await _whole(request))
    except TimeoutError:
        raise _Unread(HTTPStatus.REQUEST_TIMEOUT, f"the request did not arrive within {PATIENCE:g} s") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Unread(
            HTTPStatus.BAD_REQUEST,
            f'the request is not {{"query": text, "variables": object, "operationName": text}} in JSON: {error}',
        ) from None
    return Question(body.query, body.variables or {}, body.operation)


async def _whole(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise _Unread(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request may have {LARGEST_BODY} bytes")
    return bytes(body)


def _refused(unread: _Unread) -> Response:
    error = {"message": unread.message, "extensions": {"code": ErrorCode.USAGE.value}}
    return JSONResponse({"errors": [error]}, status_code=unread.status)


def _response(answer: Answer) -> Response:
    status = _STATUS[answer.code or ErrorCode.FAILED] if answer.kind is Kind.UNREAD else HTTPStatus.OK
    return Response(answer.encoded, media_type="application/json", status_code=status)


async def _revision(application: Application) -> int | None:
    """The head, or None where the store cannot be reached."""
    try:
        return (await application.store.head()).revision
    except CmdbError:
        return None
