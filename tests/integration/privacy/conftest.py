"""A salon whose callers leave traces everywhere, encrypted where they can be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from askproai_sandbox.postgres import EmbeddedPostgres
from askproai_sandbox.redis import EmbeddedRedis
from tests.worlds.databases import Database
from tests.worlds.privacy_environment import PrivacyEnvironment, open_privacy_environment


@pytest.fixture
async def env(
    postgres: EmbeddedPostgres, emptied_database: Database, valkey: EmbeddedRedis, tmp_path: Path
) -> AsyncIterator[PrivacyEnvironment]:
    async with open_privacy_environment(postgres, emptied_database, valkey, tmp_path, encrypted=True) as opened:
        yield opened
