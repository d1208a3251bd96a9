"""One demo for all end-to-end tests."""

import asyncio

import pytest

from askproai_sandbox.demo.environment import PROJECT
from askproai_sandbox.demo.run import end_demo
from tests.worlds.running_demo import Demo, apply_with_number, fetch, play

HOTLINE, KEY = "+49305550100", "key_demo_haarwerk"


@pytest.fixture(scope="session")
async def demo(tmp_path_factory: pytest.TempPathFactory):
    directory = tmp_path_factory.mktemp("e2e") / "demo"
    outcome, text = await play(directory, keep=True, kill=False)
    yield Demo(directory, outcome, text)
    await asyncio.shield(end_demo(directory))


@pytest.fixture(scope="session")
async def hotline(demo: Demo):
    """The demo with `examples/hotline.yaml` in it. It is applied once: a second Tenant of that name had to adopt the data."""
    await apply_with_number(demo, PROJECT / "examples" / "hotline.yaml", "haarwerk", KEY, HOTLINE)
    yield demo
    await demo.kubectl("delete", "namespace", "haarwerk", "--timeout=120s")
    number = (await fetch(f"{demo.state.retellUrl}/_sim/state"))["workspaces"][KEY]["numbers"][HOTLINE]
    assert not number.get("inbound_agents")
    assert not number.get("inbound_webhook_url"), "an unbound number no longer asks our runtime"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run these tests in the order of the files: they share one demo, and some are the chapters of one story.

    They run first: the worker that ran them last would keep the others waiting.
    """
    ours = [item for item in items if "tests/e2e/" in item.nodeid]
    items[:] = sorted(ours, key=lambda item: item.location[:2]) + [item for item in items if item not in ours]
