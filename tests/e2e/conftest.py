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
