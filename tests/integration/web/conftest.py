"""Pods for these tests: one that a module shares, and fresh ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from webpod import Pod, open_pod, running_web, running_worker

from askproai_sandbox.databases import Database


@pytest.fixture(scope="module")
async def pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pod]:
    """A pod whose two containers run."""
    async with open_pod(module_database, tmp_path_factory.mktemp("pod"), "salon") as opened:
        async with running_worker(opened) as port, running_web(opened, worker_port=port):
            yield opened


@pytest.fixture
async def web_pod(database: Database, tmp_path: Path) -> AsyncIterator[Pod]:
    """A pod of its own for one test, whose web container runs and whose worker does not."""
    async with open_pod(database, tmp_path, "salon") as opened:
        async with running_web(opened, worker_port=9):
            yield opened


@pytest.fixture
async def still_pod(database: Database, tmp_path: Path) -> AsyncIterator[Pod]:
    """A pod whose containers a test starts itself."""
    async with open_pod(database, tmp_path, "salon") as opened:
        yield opened


@pytest.fixture(scope="module")
async def shared_web_pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Pod]:
    """A pod that a module shares, and whose worker does not run."""
    async with open_pod(module_database, tmp_path_factory.mktemp("web"), "webonly") as opened:
        async with running_web(opened, worker_port=9):
            yield opened
