"""Messages of callers: from the call function of a real pod to the private API and the command line, until they are done."""

import asyncio
import json
import secrets
from typing import Any
from uuid import uuid4

import pytest

from askproai_runtime.sentences import say
from tests.worlds.private_desk import command
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

ARGS = {"message": "Die Lieferung steht im Hof.", "customer_name": "Petra Müller"}


async def leave(pod: TenantPod, call_id: str, **args: Any) -> dict[str, Any]:
    reply = await pod.function("leave_message", call_id, ARGS | args)
    assert reply.status == 200
    return reply.body


async def test_a_message_is_listed_shown_and_done_once(pod: TenantPod) -> None:
    call_id = f"call_{secrets.token_hex(6)}"
    left = await leave(pod, call_id, call_back="wenn die Chefin da ist", recipient="die Chefin")
    assert left["success"], left
    message_id = left["message_id"]
    listed = await command(pod, "messages", "list")
    assert message_id in listed
    assert "for die Chefin: Die Lieferung steht im Hof." in listed
    assert "wenn die Chefin da ist" in listed
    shown = await command(pod, "messages", "show", message_id[:8])
    assert "Petra Müller" in shown
    assert "+4915112345678" in shown
    assert call_id in shown

    done = await command(pod, "messages", "done", message_id[:8], "--note", "angerufen", "--yes")
    assert done.startswith("done: ")
    again = await command(pod, "messages", "done", message_id, "--yes")
    assert again.startswith("it was done already: ")
    assert message_id not in await command(pod, "messages", "list")
    listed_done = await command(pod, "messages", "list", "--done", "--since", "1h")
    assert message_id in listed_done
    assert "angerufen" in listed_done
    entries = await pod.db.fetch(
        "SELECT actor, detail FROM audit_log WHERE tenant = $1 AND action = 'message.done'", pod.store.tenant
    )
    assert [json.loads(entry["detail"])["message"] for entry in entries] == [message_id]
    assert "no such message" in await command(pod, "messages", "show", str(uuid4()), code=1)


async def test_message_is_the_calls_outcome_in_timelines(pod: TenantPod) -> None:
    call_id = f"call_{secrets.token_hex(6)}"
    await leave(pod, call_id, call_back="morgen um 15 Uhr")

    async def recorded() -> bool:
        return call_id in await command(pod, "calls", "list", "--outcome", "message")

    await eventually(recorded)
    timeline = await command(pod, "timeline", call_id)
    assert "call back  " in timeline
    assert "→ Die Lieferung steht im Hof." in timeline
    anonymous = await command(pod, "timeline", call_id, "--anonymous")
    assert "Lieferung" not in anonymous
    assert "Müller" not in anonymous


async def test_message_pages_are_in_the_order_of_calls(pod: TenantPod) -> None:
    left = [(await leave(pod, f"call_{secrets.token_hex(6)}"))["message_id"] for _ in range(3)]
    found: list[str] = []
    cursor = ""
    while cursor is not None:
        url = f"{pod.private_url}/api/v1/messages?limit=2{cursor and f'&cursor={cursor}'}"
        page = (await pod.get(url, Authorization=f"Bearer {ADMIN_TOKEN}")).body
        found += [each["id"] for each in page["messages"]]
        cursor = page["next"]
    assert [each for each in found if each in left] == left


async def test_open_messages_are_a_metric_of_the_worker(pod: TenantPod) -> None:
    await leave(pod, f"call_{secrets.token_hex(6)}")

    async def measured() -> bool:
        async with pod.session.get(f"http://127.0.0.1:{pod.worker_port}/metrics") as response:
            text = await response.text()
        values = [line.split()[-1] for line in text.splitlines() if line.startswith("askproai_messages_open{")]
        return bool(values) and float(values[0]) > 0

    await eventually(measured, SOON)


async def test_message_that_cannot_be_stored_is_reported(web_pod: TenantPod) -> None:
    await web_pod.db.execute("ALTER TABLE messages RENAME TO elsewhere")
    try:
        left = await leave(web_pod, "call_away")
        assert (left["success"], left["message"]) == (False, say().not_noted)
    finally:
        await web_pod.db.execute("ALTER TABLE elsewhere RENAME TO messages")
    assert (await leave(web_pod, "call_away"))["success"], "the model's next attempt"


async def test_repeated_signed_request_stores_one_message(pod: TenantPod) -> None:
    call_id = f"call_{secrets.token_hex(6)}"
    send = pod.signed_function("leave_message", call_id, ARGS)
    first, second = await asyncio.gather(send(), send())
    assert first.body == second.body
    rows = await pod.db.fetchval("SELECT count(*) FROM messages WHERE call_id = $1", call_id)
    assert rows == 1
