"""A request answered: from one revision, within limits, with errors that say what to do and never how the inside looks.

**One revision.** The head is noted when a request begins. Reads without a moment read the present, which costs a
store least. If the head has moved by the time they are done, the answer might mix two revisions: it is thrown away and
the question asked again, at last as of the noted revision, which no commit can alter. Writes are not repeated, and what
they answer is of their own commit or later. Claims stand outside the ledger, and `search` knows only the present.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec
from graphql import ExecutionResult, OperationType

from api.graphql.errors import Told, told
from api.graphql.plain import executed
from api.graphql.preparing import operation_in
from api.graphql.reading import Reading
from api.graphql.schema import Served, serve_model
from cmdb.application import Application
from cmdb.errors import ErrorCode, Failed
from graph_schema.metamodel import Model

ATTEMPTS: Final = 5
"""How often the present is read before the answer is read from a fixed revision."""

SECONDS: Final = 30.0
"""How long a query may take; writes take what they need."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a client sent."""

    query: str
    variables: Mapping[str, object] = field(default_factory=dict[str, object])
    operation: str | None = None


class Kind(StrEnum):
    """What a question was."""

    QUERY = "query"
    MUTATION = "mutation"
    UNREAD = "unread"
    """Nothing that could be executed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The response as GraphQL has it, what the question was, and the code of the first error if there is any."""

    body: dict[str, object]
    kind: Kind
    code: ErrorCode | None = None

    @property
    def encoded(self) -> bytes:
        """As JSON."""
        return msgspec.json.encode(self.body)


class Answering:
    """Answers questions on an application; makes the schema anew when the model in force is another one."""

    def __init__(self, application: Application, *, seconds: float = SECONDS) -> None:
        self._application = application
        self._seconds = seconds
        self._served: Served | None = None
        self._making = asyncio.Lock()

    async def answer(self, question: Question) -> Answer:
        """Never raises: what goes wrong is in the answer."""
        try:
            operation = operation_in(question.query, question.operation)
            if operation.operation is OperationType.MUTATION:
                return await self._written(question)
            async with asyncio.timeout(self._seconds):
                return await self._read(question)
        except TimeoutError:
            limit = Failed(f"the query took longer than {self._seconds:g} s", remedy="ask for less, or in steps")
            return _unread([told(limit)])
        except Exception as error:  # noqa: BLE001 - the outermost place: nothing may escape to the client
            return _unread([told(error)])

    async def served(self) -> Served:
        """The schema of the model in force. Raises Failed while the store is empty."""
        model = await self._application.model()
        if self._served is None or not _same(self._served.model, model):
            async with self._making:
                if self._served is None or not _same(self._served.model, model):
                    self._served = await asyncio.to_thread(serve_model, model)
        return self._served

    async def _read(self, question: Question) -> Answer:
        store = self._application.store
        for attempt in range(1, ATTEMPTS + 1):
            head = (await store.head()).revision
            served = await self.served()
            reading = self._reading(served, head, pinned=head if attempt == ATTEMPTS else None)
            result = await _executed(served, question, reading)
            if not reading.touched_present or (await store.head()).revision == head:
                return _answer(result, Kind.QUERY, {"revision": head})
        raise AssertionError("the last attempt reads one revision")

    async def _written(self, question: Question) -> Answer:
        head = (await self._application.store.head()).revision
        served = await self.served()
        return _answer(await _executed(served, question, self._reading(served, head, pinned=None)), Kind.MUTATION, {})

    def _reading(self, served: Served, revision: int, *, pinned: int | None) -> Reading:
        return Reading(self._application, served.model, served.types.names, revision, pinned)


async def _executed(served: Served, question: Question, reading: Reading) -> ExecutionResult:
    prepared = served.documents.prepared(question.query, question.operation)
    return await executed(served.schema, prepared, question.variables, reading)


def _answer(result: ExecutionResult, kind: Kind, extensions: dict[str, object]) -> Answer:
    errors = [told(error) for error in result.errors or ()]
    if result.data is None and errors and not any("path" in each.shown for each in errors):
        return _unread(errors)
    body: dict[str, object] = {"data": result.data}
    if errors:
        body["errors"] = [each.shown for each in errors]
    if extensions:
        body["extensions"] = extensions
    return Answer(body, kind, errors[0].code if errors else None)


def _unread(errors: list[Told]) -> Answer:
    return Answer({"errors": [each.shown for each in errors]}, Kind.UNREAD, errors[0].code)


def _same(served: Model, model: Model) -> bool:
    """Stores give the same object until another model is in force; comparing values is for those that do not."""
    return served is model or served == model
