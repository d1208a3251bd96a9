"""The simulated Retell of the demo: known keys, further keys of a workspace, and the list of faults."""

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


async def test_a_mistyped_key_is_refused_and_every_examples_key_is_known() -> None:
    async with serve(RetellSimulator(SystemClock())) as url:
        await require_known_keys(url)
        for key in (SALON.retell_key, "key_demo_praxis", "key_demo_haarwerk", "key_demo_linden"):
            assert await list_status(url, key) == 200
        assert await list_status(url, "key_demo_salom") == 401


async def test_a_workspace_can_get_a_further_key() -> None:
    """For a rotation: both keys see the same numbers."""
    simulator = RetellSimulator(SystemClock())
    number = {"phone_number": SALON.number, "termination_uri": "salon.sip.example"}
    async with serve(simulator) as url, aiohttp.ClientSession(raise_for_status=True) as session:
        await require_known_keys(url)
        headers = {"Authorization": f"Bearer {SALON.retell_key}"}
        await session.post(f"{url}/import-phone-number", json=number, headers=headers)
        await session.post(f"{url}/_sim/workspaces", json={"key": "key_demo_next", "of": SALON.retell_key})
        headers = {"Authorization": "Bearer key_demo_next"}
        async with session.get(f"{url}/get-phone-number/{SALON.number}", headers=headers) as answer:
            assert (await answer.json())["phone_number"] == SALON.number
        call = {"to_number": SALON.number, "say": ["Hallo"]}
        async with session.post(f"{url}/_sim/calls", json=call) as answer:
            assert (await answer.json())["status"] == "declined"  # one workspace has the number, and no agent is bound


@pytest.mark.parametrize("simulator", [RetellSimulator, CalcomSimulator])
async def test_a_simulator_lists_the_faults_that_it_knows(simulator) -> None:
    async with serve(simulator(SystemClock())) as url, aiohttp.ClientSession(raise_for_status=True) as session:
        await session.post(f"{url}/_sim/faults", json={"fault": "rate-limited", "count": 3})
        async with session.get(f"{url}/_sim/faults") as answer:
            listed = await answer.json()
        assert set(listed["kinds"]) == set(FaultKind)
        assert [(f["fault"], f["operation"], f["count"]) for f in listed["active"]] == [("rate-limited", "*", 3)]
        assert "list-webhooks" in listed["operations"] or "list-agents" in listed["operations"]
