"""A tenant's web process whose PostgreSQL and Redis can be taken away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.spool_environment import SpoolEnvironment, open_spool_environment, running_spool


@pytest.fixture
async def stopped_spool(
    emptied_database: Database, own_valkey: EmbeddedRedis, tmp_path: Path
) -> AsyncIterator[SpoolEnvironment]:
    """The environment; a test starts its processes itself."""
    folder = tmp_path / "pod"
    folder.mkdir()
    async with open_spool_environment(emptied_database, own_valkey, folder) as env:
        yield env


@pytest.fixture
async def spooling(stopped_spool: SpoolEnvironment, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SpoolEnvironment]:
    """The environment with a running web process, whose drainer looks ten times as often as in production."""
    monkeypatch.setattr("askproai_runtime.intake.drain.LOOK_SECONDS", 0.05)
    monkeypatch.setattr("askproai_runtime.intake.drain.IDLE_LOOK_SECONDS", 0.5)
    async with running_spool(stopped_spool) as env:
        yield env
