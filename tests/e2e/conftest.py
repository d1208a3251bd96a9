"""One demo for all end-to-end tests."""

import asyncio

import pytest

from askproai_sandbox.demo.run import end_demo
from tests.worlds.running_demo import Demo, play


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("e2e") / "demo"
    outcome, text = await play(directory, keep=True, kill=False)
    yield Demo(directory, outcome, text)
    await asyncio.shield(end_demo(directory))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the order of the files: they share one demo, and some are the chapters of one story."""
    ours = [item for item in items if "tests/e2e/" in item.nodeid]
    items[:] = [item for item in items if item not in ours] + sorted(ours, key=lambda item: item.location[:2])
