"""A salon of its own for each test, with a mail server."""

import secrets
from collections.abc import AsyncIterator

import aiohttp
import pytest

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import NOTIFICATION_KEY, CustomerNotifications, WebhookSettings
from tests.worlds.booking_environment import open_salon
from tests.worlds.databases import Database
from tests.worlds.mail_server import MailServer, running_mail_server
from tests.worlds.notification_environment import NotificationEnvironment, mail_settings, notify_business
from tests.worlds.notification_gateway import KEY, Gateway, running_gateway

WEBHOOK = (NotificationChannel.WEBHOOK,)


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


@pytest.fixture
async def gateway(env: NotificationEnvironment) -> AsyncIterator[Gateway]:
    """A gateway for the salon's notifications to customers and to the business, which gets no mails."""
    async with running_gateway() as running:
        settings = mail_settings(
            env.server.port,
            email=None,
            webhook=WebhookSettings(url=running.url),
            customer=CustomerNotifications(channels=WEBHOOK),
            business=notify_business(channels=WEBHOOK),
        )
        env.configure(settings)
        env.credentials = {NOTIFICATION_KEY: KEY}
        yield running
