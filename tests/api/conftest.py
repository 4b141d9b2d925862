"""An application on a furnished store, and a client of its HTTP door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from api.server import create_app
from cmdb.application import Application
from tests.api.estate import Desk, furnish, opened
from tests.api.launch import Launch
from tests.api.office import Office
from tests.changes.office import an_estate
from tests.releases.launch import a_launch


@pytest.fixture
async def application(tmp_path: Path) -> AsyncIterator[Application]:
    async with opened(tmp_path) as application:
        await furnish(application)
        yield application


@pytest.fixture
def desk(application: Application) -> Desk:
    return Desk.on(application)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    async with an_estate(tmp_path) as (application, hands):
        desk = Desk.on(application)
        yield Office(application, desk.answering, hands)


@pytest.fixture
async def launch(tmp_path: Path) -> AsyncIterator[Launch]:
    async with a_launch(tmp_path) as (application, hands):
        desk = Desk.on(application)
        yield Launch(application, desk.answering, hands)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=create_app(application))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
