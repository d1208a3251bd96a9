"""The simulated Retell of the demo: known keys, and the list of faults."""

import aiohttp
import pytest

from askproai_core.clock import SystemClock
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.example_tenant import SALON, require_known_keys
from askproai_sandbox.retell import RetellSimulator
from askproai_sandbox.simulator import FaultKind, serve


async def list_status(url: str, key: str) -> int:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{url}/v2/list-phone-numbers", headers=headers) as answer,
    ):
        return answer.status


async def test_mistyped_key_is_refused_and_example_keys_pass() -> None:
    async with serve(RetellSimulator(SystemClock())) as url:
        await require_known_keys(url)
        for key in (SALON.retell_key, "key_demo_praxis", "key_demo_haarwerk", "key_demo_linden"):
            assert await list_status(url, key) == 200
        assert await list_status(url, "key_demo_salom") == 401


@pytest.mark.parametrize("simulator", [RetellSimulator, CalcomSimulator])
async def test_a_simulator_lists_the_faults_that_it_knows(simulator) -> None:
    async with serve(simulator(SystemClock())) as url, aiohttp.ClientSession(raise_for_status=True) as session:
        await session.post(f"{url}/_sim/faults", json={"fault": "rate-limited", "count": 3})
        async with session.get(f"{url}/_sim/faults") as answer:
            listed = await answer.json()
        assert set(listed["kinds"]) == set(FaultKind)
        assert [(f["fault"], f["operation"], f["count"]) for f in listed["active"]] == [("rate-limited", "*", 3)]
        assert "list-webhooks" in listed["operations"] or "list-agents" in listed["operations"]
