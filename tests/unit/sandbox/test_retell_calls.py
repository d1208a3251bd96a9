"""Calls of the Retell simulator can be read and listed, and their events may be lost, doubled or late (docs/vendors/retell.md)."""

import json
from typing import Any

import pytest
from played_calls import NUMBER, Tools, ring, salon
from sandbox_clients import Api, Receiver

pytestmark = pytest.mark.nightly


async def listed(retell: Api, **body: Any) -> list[str]:
    return [call["call_id"] for call in (await retell("POST", "/v3/list-calls", body))["items"]]


async def test_a_played_call_can_be_read(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The answer is the call object of the last event."""
    await salon(retell, receiver, tools)
    call_id = (await ring(retell, "Guten Tag")).call_id
    call = await retell("GET", f"/v2/get-call/{call_id}")
    (last,) = [json.loads(body) for _, body in receiver.at("/hook") if b'"call_analyzed"' in body]
    assert call == last["call"]
    await retell("GET", "/v2/get-call/call_nobody", expect=404)
    await retell("GET", f"/v2/get-call/{call_id}", key="key_other", expect=404)


async def test_calls_are_paged_newest_first_without_content(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The limit and the key of the page are in the body."""
    agent_id = await salon(retell, receiver, tools)
    calls = [(await ring(retell, from_number=f"+4915112345{n}")).call_id for n in range(101, 104)]
    first = await retell("POST", "/v3/list-calls", {"limit": 2})
    assert first["has_more"] is True
    assert "transcript" not in first["items"][0]
    assert first["items"][0]["call_status"] == "ended"
    rest = await retell("POST", "/v3/list-calls", {"limit": 2, "pagination_key": first["pagination_key"]})
    assert [call["call_id"] for call in first["items"] + rest["items"]] == calls[::-1]
    assert rest.keys() == {"items", "has_more"}
    start = (await retell("GET", f"/v2/get-call/{calls[1]}"))["start_timestamp"]
    began = {"type": "range", "op": "bt", "value": [start, start]}
    for criteria, found in (
        ({"agent": [{"agent_id": agent_id}]}, calls),
        ({"agent": [{"agent_id": "agent_nobody"}]}, []),
        ({"start_timestamp": began}, calls[1:2]),
    ):
        assert await listed(retell, filter_criteria=criteria, sort_order="ascending") == found
    for wrong in ({"limit": 0}, {"filter_criteria": {"start_timestamp": 1}}, {"filter_criteria": {"status": began}}):
        await retell("POST", "/v3/list-calls", wrong, expect=422)
    await retell("POST", "/v3/list-calls", {"pagination_key": "unknown"}, expect=400)


async def test_a_deleted_call_is_gone(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools)
    deleted, kept = [(await ring(retell)).call_id for _ in range(2)]
    await retell("DELETE", f"/v2/delete-call/{deleted}", key="key_other", expect=404)
    await retell("DELETE", f"/v2/delete-call/{deleted}", expect=204)
    await retell("GET", f"/v2/get-call/{deleted}", expect=404)
    await retell("DELETE", f"/v2/delete-call/{deleted}", expect=404)
    assert await listed(retell) == [kept]


async def test_simulated_call_list_may_lag(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools)
    await retell.fault("list-calls", "lagging-list", requests=1)
    call_id = (await ring(retell)).call_id
    assert await listed(retell) == []
    assert await listed(retell) == [call_id]


async def test_a_declined_call_leaves_no_record(retell: Api, receiver: Receiver, tools: Tools) -> None:
    await salon(retell, receiver, tools)
    await retell("PATCH", f"/update-phone-number/%2B{NUMBER[1:]}", {"inbound_agents": None})
    call_id = (await ring(retell)).call_id
    await retell("GET", f"/v2/get-call/{call_id}", expect=404)
    assert await listed(retell) == []


ORDER = ["call_started", "call_ended", "call_analyzed"]


@pytest.mark.parametrize(("settings", "expected"), [
    ({"webhook_copies": 0}, []), ({"webhook_copies": 2}, [event for event in ORDER for _ in range(2)]),
    ({"webhook_batch": 3}, ORDER[::-1]), ({"webhook_batch": 2}, ["call_ended", "call_started"]),
])  # fmt: skip
async def test_events_may_be_lost_doubled_or_late(
    retell: Api, receiver: Receiver, tools: Tools, settings: dict[str, float], expected: list[str]
) -> None:
    """A sent event shows the state at its own time. The order of events that wait for nothing is not fixed."""
    await salon(retell, receiver, tools)
    await retell("POST", "/_sim/settings", settings)
    call_id = (await ring(retell)).call_id
    events = [json.loads(body) for _, body in receiver.at("/hook")]
    names = [event["event"] for event in events]
    if "webhook_batch" in settings:
        assert sorted(names, key=ORDER.index) == ORDER
        assert [name for name in names if name in expected] == expected
    else:
        assert sorted(names, key=ORDER.index) == expected
    assert {event["event"]: event["call"]["call_status"] for event in events}.get("call_started") in {None, "ongoing"}
    assert await listed(retell) == [call_id]


async def test_agents_webhook_url_outranks_the_accounts_url(retell: Api, receiver: Receiver, tools: Tools) -> None:
    agent_id = await salon(retell, receiver, tools)
    account = {"key": retell.key, "webhook_url": f"{receiver.url}/account"}
    await retell("POST", "/_sim/workspaces", account, expect=201)
    await ring(retell)
    assert (len(receiver.at("/hook")), len(receiver.at("/account"))) == (3, 0)
    await retell("POST", f"/create-agent-version/{agent_id}", {"base_version": 0}, expect=201)
    await retell("PATCH", f"/update-agent/{agent_id}", {"webhook_url": None})
    await retell(
        "PATCH", f"/update-phone-number/%2B{NUMBER[1:]}", {"inbound_agents": [{"agent_id": agent_id, "weight": 1}]}
    )
    await ring(retell)
    assert (len(receiver.at("/hook")), len(receiver.at("/account"))) == (3, 3)


async def test_costs_are_cents_with_decimals(retell: Api, receiver: Receiver, tools: Tools) -> None:
    """The cost is the sum over the products. Events during the call have no costs."""
    await salon(retell, receiver, tools)
    await ring(retell)
    events = {event["event"]: event["call"] for _, body in receiver.at("/hook") for event in [json.loads(body)]}
    assert "call_cost" not in events["call_started"]
    costs = events["call_ended"]["call_cost"]
    assert costs["combined_cost"] == pytest.approx(sum(product["cost"] for product in costs["product_costs"]))
    assert costs["combined_cost"] % 1 > 0
