"""Salons for the booking tests: each is a tenant of its own in the module's database."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.worlds.booking_environment import Salon, open_salon
from tests.worlds.calcom_environment import CalcomEnvironment, open_calcom_environment
from tests.worlds.databases import Database
from tests.worlds.poll_environment import PollEnvironment, open_poll_environment

OpenSalon = Callable[..., Awaitable[Salon]]


@pytest.fixture
async def new_salon(module_database: Database) -> AsyncIterator[OpenSalon]:
    """Yield a function that opens a salon: `await new_salon(calendar, settings)`."""
    opened: list[Salon] = []

    async def new(calendar=None, settings=None, **changes) -> Salon:
        salon = await open_salon(module_database, f"s{secrets.token_hex(4)}", calendar, settings, **changes)
        opened.append(salon)
        return salon

    yield new
    for salon in opened:
        await salon.pool.close()


@pytest.fixture
async def salon(new_salon: OpenSalon) -> Salon:
    """Return a salon that the local calendar serves. A module with another one has a fixture of this name."""
    return await new_salon()


@pytest.fixture
async def env(new_salon: OpenSalon) -> AsyncIterator[CalcomEnvironment]:
    """A salon whose calendar is the Cal.com simulator."""
    async with open_calcom_environment(new_salon) as opened:
        yield opened


@pytest.fixture
async def polled(new_salon: OpenSalon) -> AsyncIterator[PollEnvironment]:
    async with open_poll_environment(new_salon) as opened:
        yield opened
