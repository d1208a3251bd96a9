"""The waiting list by the call function of a real pod, its worker, the private API and the command line."""

import json
import secrets
from typing import Any
from uuid import uuid4

import pytest

from askproai_core.reader_token import reader_token_of
from tests.worlds.private_desk import asking, command, request
from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

HAIRCUT = {"service": "Haarschnitt"}


@pytest.mark.parametrize(("offer", "status"), [(1, 404), (2**63 - 1, 404), (2**63, 400), (0, 400)])
async def test_decline_of_an_impossible_offer_is_refused(shared_web_pod: TenantPod, offer: int, status: int) -> None:
    assert (await request(shared_web_pod, f"waitlist/{uuid4()}/decline", asking(offer=offer)))[0] == status


async def test_freed_time_is_offered_declined_and_passed_on(pod: TenantPod) -> None:
    friday = next_friday(pod, 10, 3)
    call_id = f"call_{secrets.token_hex(6)}"
    args = HAIRCUT | {"start": friday.isoformat(), "customer_name": "Petra Müller", "staff": "anna"}
    booked = await pod.function("book_appointment", call_id, args)
    assert booked.body["success"], booked.body

    async def join(name: str, number: str) -> dict[str, Any]:
        day = HAIRCUT | {"start": friday.isoformat(), "customer_name": name, "staff": "anna"}
        return (await pod.function("join_waitlist", f"call_{number[1:]}", day, from_number=number)).body

    first, second = await join("Wanda", "+4915100000001"), await join("Willi", "+4915100000002")
    assert first["success"], first
    assert "Ein Termin ist das noch nicht." in first["message"]
    listed = await command(pod, "waitlist", "list")
    assert listed.index(first["waitlist_id"]) < listed.index(second["waitlist_id"])
    assert "waiting" in (await command(pod, "timeline", "call_4915100000001"))

    await command(pod, "appointments", "cancel", booked.body["appointment_id"], "--yes")

    async def state_of(entry: dict[str, Any]) -> str:
        url = f"{pod.private_url}/api/v1/waitlist/{entry['waitlist_id']}"
        await pod.db.execute("UPDATE tasks SET due_at = now() WHERE tenant = $1", pod.store.tenant)
        return str((await pod.get(url, Authorization=f"Bearer {ADMIN_TOKEN}")).body["entry"]["state"])

    async def is_offered(entry: dict[str, Any]) -> bool:
        return await state_of(entry) == "offered"

    await eventually(lambda: is_offered(first), 90)
    assert await state_of(second) == "waiting"
    shown = await command(pod, "waitlist", "list")
    assert "offered" in shown
    assert f"{friday:%d %b %Y}" in shown
    reader = await command(pod, "waitlist", "list", "-o", "json", token=reader_token_of(ADMIN_TOKEN))
    assert len(json.loads(reader)["entries"]) >= 2
    assert not any(personal in reader for personal in ("Wanda", "+4915100000001"))

    await pod.db.execute("UPDATE tasks SET due_at = now() + interval '1 hour' WHERE tenant = $1", pod.store.tenant)
    asked = ("--staff", "anna", "--from", friday.isoformat(), "--to", f"{friday:%Y-%m-%dT23:00}")
    block = json.loads(await command(pod, "block", *asked, "--yes", "-o", "json"))
    assert [each["id"] for each in block["offers"]] == [first["waitlist_id"]]
    assert block["offers"][0]["offer"]["start"] == friday.isoformat()
    hidden = await command(pod, "blocks", "show", block["block"]["id"], token=reader_token_of(ADMIN_TOKEN))
    assert ("1 open offer of the waiting list" in hidden, "Wanda" in hidden) == (True, False)
    await command(pod, "unblock", block["block"]["id"], "--yes")

    declined = await command(pod, "waitlist", "decline", first["waitlist_id"][:8], "--yes")
    assert declined.startswith("waiting: Wanda")
    await eventually(lambda: is_offered(second), 90)

    async def waits(entry: dict[str, Any]) -> bool:
        return await state_of(entry) == "waiting"

    await command(pod, "waitlist", "remove", first["waitlist_id"], "--yes")
    block = json.loads(await command(pod, "block", *asked, "--yes", "-o", "json"))
    await eventually(lambda: waits(second), 90)
    await command(pod, "unblock", block["block"]["id"], "--yes")
    await eventually(lambda: is_offered(second), 90)
    for entry in (first, second):
        removed = await command(pod, "waitlist", "remove", entry["waitlist_id"], "--yes")
        assert removed.startswith("removed: ")
    assert first["waitlist_id"] in await command(pod, "waitlist", "list", "--ended")
    assert await command(pod, "waitlist", "list") == "nobody waits\n"
