"""An erasure leaves the rows of people who share a call, a part of a number or of an address, or who book at that moment."""

import asyncio
import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import msgspec
import pytest

from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.calls.texts import read_said
from askproai_runtime.privacy import ErasureRequest, begin_erasure
from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.clock import FixedClock
from tests.worlds.privacy_environment import OTHER, ZORA, PrivacyEnvironment
from tests.worlds.private_desk import asking, request
from tests.worlds.tenant_pod import next_friday
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

LONGER = f"{ZORA.number}0"  # an extension of it: numbers of a landline differ in length


async def test_erasure_leaves_entries_made_for_other_people(env: PrivacyEnvironment) -> None:
    call_id = await env.play(ZORA, ends=False)
    waits = {"service": "Haarschnitt", "staff": "anna", "customer_name": OTHER.name, "phone": OTHER.number}
    day = next_friday(env.pod, 10).isoformat()
    joined = await env.ask("join_waitlist", call_id, ZORA, waits | {"start": day, "date": day[:10]})
    assert joined["success"], joined
    await env.end(ZORA, call_id)
    await env.processed()
    exported = (await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin"}))[1]
    assert [each["name"] for each in exported["waiting_list"]] == [ZORA.name]
    assert (await env.erase(ZORA, cancel_appointments=True))[0] == 200
    await env.processed()
    await env.finish()
    (row,) = await env.pod.db.fetch("SELECT phone, caller FROM waitlist WHERE tenant = $1", env.tenant)
    assert (row["phone"], row["caller"]) == (OTHER.number, None)


@pytest.mark.parametrize("encrypted", [True, False])
async def test_erasure_empties_a_relatives_arguments(env: PrivacyEnvironment, encrypted: bool) -> None:
    """Otto books for Zora, and gives her number as people say it."""
    if not encrypted:
        env.pod.write_config(msgspec.structs.replace(env.pod.web._process.config.current, encrypt_bodies=False))
        await eventually(lambda: not env.pod.web._process.config.current.encrypt_bodies, SOON, "the config")
    spoken, call_id = "0151 555 000 77", "call_of_otto"
    own = {"service": "Haarschnitt", "customer_name": OTHER.name}
    await env.ask("check_availability", call_id, OTHER, own)
    args = {"service": "Haarschnitt", "staff": "anna", "start": next_friday(env.pod, 10).isoformat()}
    args |= {"customer_name": ZORA.name, "phone": spoken}
    args |= {"email": ZORA.email, "email_confirmed": True}
    for _ in range(2):  # the first one reads the address back
        booked = await env.ask("book_appointment", call_id, OTHER, args)
        await env.pod.let_two_seconds_pass(call_id)
    assert booked["success"], booked
    # Nothing was booked in these calls, so that only the words lead to them.
    words = "null eins fünf eins, fünf fünf fünf, null null null, sieben sieben"
    for number, said in enumerate((
        {"phone": spoken}, {"phone": f"{spoken} (Zora)"}, {"email": ZORA.email}, {"email": "zora at canary punkt example punkt de"},
        {"companions": [{"customer_name": ZORA.name, "phone": words}]}, {"phone": f"Ihre: {words}"},
    )):  # fmt: skip
        asked = own | said | {"staff": "mehmet", "start": "2020-01-01T10:00:00+01:00"}
        refused = await env.ask("book_appointment", f"call_too_late_{number}", OTHER, asked)
        assert not refused["success"]
        await env.recorded(f"call_too_late_{number}", functions=1)
    await env.recorded(call_id, functions=3)
    await env.end(OTHER, call_id)
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert status == 200, answer
    await env.processed()
    await env.finish()
    rows = await env.pod.db.fetch(
        "SELECT call_id, at, function, arguments::text, answer FROM function_requests WHERE tenant = $1 ORDER BY at",
        env.tenant,
    )
    said = [read_said(env.pod.worker.cipher, *row)[0] for row in rows]
    assert said[:3] == [own, None, None], "Otto's own words stay"
    assert said[3:] == [None] * 6
    assert answer["erasure"]["evidence"]["function_requests_of_others"] == 8


@pytest.mark.parametrize("from_number", [OTHER.number, "anonymous"])
async def test_erasure_empties_whatever_a_relative_said(env: PrivacyEnvironment, from_number: str) -> None:
    """Otto books for Zora and leaves a message about her; his answers spell her address, and her number in groups."""
    call_id, start = "call_of_otto", next_friday(env.pod, 10).isoformat()
    about = {"customer_name": ZORA.name, "phone": "0151 555 000 77"}
    booking = about | {"service": "Haarschnitt", "staff": "anna", "start": start}
    for _ in range(2):  # the first one reads the address back
        args = booking | {"email": ZORA.email, "email_confirmed": True}
        booked = await env.ask("book_appointment", call_id, OTHER, args, from_number=from_number)
        await env.pod.let_two_seconds_pass(call_id)
    assert "5 5 0" in booked["message"]
    message = about | {"message": "Bitte wegen der Rechnung zurückrufen."}
    left = await env.ask("leave_message", call_id, OTHER, message, from_number=from_number)
    joined = await env.ask("join_waitlist", call_id, OTHER, booking | {"date": start[:10]}, from_number=from_number)
    assert left["success"]
    assert joined["success"], joined
    await env.recorded(call_id, functions=4)
    await env.end(OTHER, call_id, from_number=from_number)
    assert (await env.erase(ZORA, cancel_appointments=True))[0] == 200
    await env.processed()
    await env.finish()
    address = hashlib.sha256(ZORA.email.encode()).hexdigest()
    found = await env.search([*ZORA.needles, "5 5 0", "Z, O, R, A", address])
    assert {place for place, _ in found} == {"calcom"}, found


@pytest.mark.parametrize("own", [NUMBER, "+4930901820"])
async def test_callee_is_exported_and_erased(env: PrivacyEnvironment, own: str) -> None:
    await env.play(ZORA, direction="outbound", from_number=own, to_number=ZORA.number)
    await env.processed()
    _, exported = await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin"})
    assert len(exported["appointments"]) == 1
    status, answer = await env.erase(ZORA, cancel_appointments=True)
    assert (status, answer["cancelled"]) == (200, 1), answer
    await env.processed()
    await env.finish()
    found = await env.search(ZORA.needles)
    assert {place for place, _ in found} == {"calcom"}


async def test_erasure_leaves_rows_with_a_longer_number(env: PrivacyEnvironment) -> None:
    await env.pod.db.execute(
        """INSERT INTO call_actions (tenant, call_id, key, state, lease_until, answer)
           VALUES ($1, 'call_of_another', 'k', 'done', now(), $2::jsonb)""",
        env.tenant, f'{{"message": "Rückruf unter {LONGER}"}}',
    )  # fmt: skip
    await env.pod.db.execute(
        """INSERT INTO notifications (tenant, kind, subject, recipient, channel, correlation_id, content, state, finished_at)
           VALUES ($1, 'text', 'message/1', 'business', 'Email', 'c', $2::jsonb, 'sent', now())""",
        env.tenant, f'{{"text": "{LONGER}"}}',
    )  # fmt: skip
    assert (await env.erase(ZORA))[0] == 200
    for table in ("call_actions", "notifications"):
        assert await env.pod.db.fetchval(f"SELECT count(*) FROM {table} WHERE tenant = $1", env.tenant) == 1, table


async def test_erasure_waits_for_an_unprocessed_calcom_event(env: PrivacyEnvironment) -> None:
    body = f'{{"triggerEvent": "BOOKING_CREATED", "payload": {{"uid": "uid_new", "phone": "{ZORA.number}"}}}}'.encode()
    event = await env.pod.db.fetchval(
        """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, received_at)
           VALUES ($1, 'calcom', 'e', 'BOOKING_CREATED', $2, 'c', now() - interval '1 minute') RETURNING id""",
        env.tenant, body,
    )  # fmt: skip
    assert (await env.erase(ZORA))[0] == 200
    read = "SELECT payload FROM webhook_events WHERE tenant = $1 AND id = $2"
    assert await env.pod.db.fetchval(read, env.tenant, event) == body
    await env.run_erasures()
    assert await env.pod.db.fetchval("SELECT state FROM erasures WHERE tenant = $1", env.tenant) == "open"
    await env.pod.db.execute("UPDATE webhook_events SET status = 'processed' WHERE id = $1", event)
    await env.finish()
    assert await env.pod.db.fetchval(read, env.tenant, event) is None


async def test_request_id_is_bound_to_one_number(env: PrivacyEnvironment) -> None:
    asked = asking(caller=ZORA.number)
    assert (await request(env.pod, "callers/erase", asked))[0] == 200
    status, answer = await request(env.pod, "callers/erase", asked | {"caller": OTHER.number})
    assert (status, answer["title"]) == (409, "Request Used")


async def test_non_text_event_body_is_exported(env: PrivacyEnvironment) -> None:
    await env.pod.db.execute(
        """INSERT INTO webhook_events (tenant, source, event_id, event_type, payload, correlation_id, status, received_at)
           VALUES ($1, 'retell', 'c:call_ended', 'call_ended', $2, 'c', 'dead', now() - interval '1 minute')""",
        env.tenant, b"\xff\x00 " + ZORA.number.encode(),
    )  # fmt: skip
    status, exported = await request(env.pod, "callers/export", {"caller": ZORA.number, "by": "karin"})
    assert status == 200, exported
    assert ZORA.number in exported["events"][0]["body"]


async def test_simultaneously_written_appointment_keeps_its_customer(env: PrivacyEnvironment) -> None:
    customer: UUID = await env.pod.db.fetchval(
        "INSERT INTO customers (tenant, phone, name) VALUES ($1, $2, $3) RETURNING id",
        env.tenant, ZORA.number, ZORA.name,
    )  # fmt: skip
    booker = await asyncpg.connect(env.pod.store.dsn)
    try:
        booking = booker.transaction()
        await booking.start()
        await booker.execute("UPDATE customers SET updated_at = now() WHERE id = $1", customer)
        await booker.execute(
            """INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, call_id, correlation_id,
                                         customer_id, customer_name)
               VALUES ($1, $2, 'mitte', 'haarschnitt', 'anna', now() + interval '1 day', now() + interval '25 hours', 'confirmed',
                       'call_later', 'c', $3, $4)""",
            env.tenant, uuid4(), customer, ZORA.name,
        )  # fmt: skip
        erasing = asyncio.create_task(env.erase(ZORA))
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%FROM customers%'"

        async def is_waiting() -> bool:
            return bool(await env.pod.db.fetchval(waits))

        await eventually(is_waiting, SOON, "the erasure to wait")
        await booking.commit()
        status, answer = await erasing
        assert status == 200, answer
    finally:
        await booker.close()
    assert await env.pod.db.fetchval("SELECT phone FROM customers WHERE id = $1", customer) == ZORA.number


async def test_report_of_running_visit_keeps_its_body(env: PrivacyEnvironment) -> None:
    """A running appointment keeps its customer. Once it has ended, the customer is removed, and its events are emptied."""
    add = """INSERT INTO appointments (tenant, branch, service, staff, starts_at, ends_at, status, call_id, correlation_id, caller,
                                       customer_name, external_id)
             VALUES ($1, 'mitte', 'haarschnitt', 'anna', now() - $2::interval, now() + interval '1 hour' - $2::interval,
                     'confirmed', '', 'c', $3, $4, $5)"""
    for ago, uid in ((timedelta(minutes=30), "uid_under_way"), (timedelta(hours=3), "uid_of_the_past")):
        await env.pod.db.execute(add, env.tenant, ago, ZORA.number, ZORA.name, uid)
    assert (await env.erase(ZORA))[0] == 200
    noted = "SELECT reference FROM erased_references WHERE tenant = $1 AND reference LIKE 'uid%' ORDER BY 1"
    names = "SELECT external_id, customer_name FROM appointments WHERE tenant = $1"
    assert [row[0] for row in await env.pod.db.fetch(noted, env.tenant)] == ["uid_of_the_past"]
    assert dict(await env.pod.db.fetch(names, env.tenant)) == {"uid_under_way": ZORA.name, "uid_of_the_past": ""}
    end = "UPDATE appointments SET ends_at = now() - interval '1 minute' WHERE tenant = $1 AND external_id = 'uid_under_way'"
    await env.pod.db.execute(end, env.tenant)
    await env.finish()
    assert [row[0] for row in await env.pod.db.fetch(noted, env.tenant)] == ["uid_of_the_past", "uid_under_way"]
    assert set(dict(await env.pod.db.fetch(names, env.tenant)).values()) == {""}


async def test_erasure_with_a_slow_clock_covers_earlier_data(env: PrivacyEnvironment) -> None:
    slow = replace(env.pod.worker.booking(for_callers=False), clock=FixedClock(datetime.now(UTC) - timedelta(hours=1)))
    await env.pod.db.execute(
        """INSERT INTO messages (tenant, call_id, key, name, text, caller, correlation_id)
           VALUES ($1, 'call_1', 'k', $2, 'Bittet um Rückruf.', $3, 'c')""",
        env.tenant, ZORA.name, ZORA.number,
    )  # fmt: skip
    await begin_erasure(slow, ErasureRequest(DeskRequest(uuid4(), "karin"), ZORA.number, False, "corr"))
    assert await env.pod.db.fetchval("SELECT count(*) FROM messages WHERE tenant = $1", env.tenant) == 0
