"""A salon of its own for each test, with a mail server."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from askproai_sandbox.databases import Database
from tests.worlds.booking_environment import open_salon
from tests.worlds.mail_server import MailServer, running_mail_server
from tests.worlds.notification_environment import NotificationEnvironment, mail_settings


@pytest.fixture
async def server() -> AsyncIterator[MailServer]:
    async with running_mail_server() as running:
        yield running


@pytest.fixture
async def env(module_database: Database, server: MailServer) -> AsyncIterator[NotificationEnvironment]:
    salon = await open_salon(module_database, f"n{secrets.token_hex(4)}", notifications=mail_settings(server.port))
    async with aiohttp.ClientSession() as session:
        yield NotificationEnvironment(salon, server, session)
    await salon.pool.close()
