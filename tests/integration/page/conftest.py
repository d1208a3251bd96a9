"""Visitors of the page of the module's pod: the owner, and a colleague who may only look."""

from collections.abc import AsyncIterator

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.page_rows import ILLNESS, NAME, seed
from tests.worlds.page_visitor import Visitor, visiting
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod

READER = reader_token_of(ADMIN_TOKEN)


@pytest.fixture
async def owner(pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(ADMIN_TOKEN, "Karin") == 303
        yield visitor


@pytest.fixture
async def reader(pod: TenantPod) -> AsyncIterator[Visitor]:
    async with visiting(pod) as visitor:
        assert await visitor.log_in(READER) == 303
        yield visitor


@pytest.fixture
async def seeded(pod: TenantPod) -> dict[str, str]:
    """A call with an appointment, a message, a place on the waiting list, a failure, a dead letter and a dead notification."""
    return await seed(pod, NAME, ILLNESS)
