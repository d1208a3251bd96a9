"""A waiting customer hears of a freed time at the entry's number, as long as the offer to that person is open."""

from datetime import time, timedelta

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config import NotificationChannel
from askproai_core.tenant_config.notifications import CustomerNotifications, QuietHours
from tests.worlds.booking_environment import call, join_waitlist
from tests.worlds.freed_times import offer_freed_time
from tests.worlds.full_calendar import nothing_free
from tests.worlds.notification_environment import NotificationEnvironment
from tests.worlds.notification_gateway import Gateway

pytestmark = pytest.mark.nightly

WAITING = "+4915100000001"


async def opt_out(env: NotificationEnvironment) -> None:
    await env.salon.pool.execute(
        "INSERT INTO reminder_opt_outs (tenant, address, since, changed_by) VALUES ($1, $2, now(), 'test')",
        env.salon.store.tenant, WAITING,
    )  # fmt: skip


def offers(gateway: Gateway) -> list[dict]:
    return [each for each in gateway.accepted if each["kind"] == "offer"]


async def test_waiting_customer_and_business_learn_of_the_offer(env: NotificationEnvironment, gateway: Gateway) -> None:
    await offer_freed_time(env)
    await env.run()
    (offer,) = offers(gateway)
    assert (offer["recipient"], offer["to"]["phone"], offer["to"]["name"]) == ("customer", WAITING, "Wanda Wartend")
    assert offer["short"] == (
        "Salon Müller: Ein Termin ist frei geworden, Freitag, 27. November 2026, 14:30 Uhr, Haarschnitt bei Anna. Möchten Sie ihn?"
        " Dann rufen Sie bitte bis Freitag, 20. November 2026, 12:00 Uhr an unter +49301234567. Eingetragen ist noch nichts."
    )
    assert offer["fields"]["expires_at"] == "2026-11-20T12:00:00+01:00"
    (news,) = [each for each in gateway.accepted if each["kind"] == "text"]
    assert (news["recipient"], news["fields"]["phone"]) == ("business", WAITING)
    await env.run()
    assert len(offers(gateway)) == 1


async def test_business_calls_customer_without_messages(env: NotificationEnvironment, gateway: Gateway) -> None:
    await opt_out(env)
    await offer_freed_time(env)
    await env.run()
    assert offers(gateway) == []
    assert ("offer", "customer", "dropped") in await env.states()
    assert ("text", "business", "sent") in await env.states()


async def test_passed_on_offer_is_not_sent_any_more(env: NotificationEnvironment, gateway: Gateway) -> None:
    await offer_freed_time(env)
    await env.salon.pool.execute("UPDATE waitlist_offers SET state = 'declined', ended_at = now()")
    await env.run()
    assert offers(gateway) == []
    assert ("offer", "customer", "dropped") in await env.states()


@pytest.mark.parametrize(("ends", "looked", "state"), [(11, 11, "sent"), (13, 13, "sent"), (13, 15, "dropped")])
async def test_offer_after_quiet_hours_keeps_its_answer_time(
    env: NotificationEnvironment, gateway: Gateway, ends: int, looked: int, state: str
) -> None:
    """It is 10 o'clock when the time is freed; two hours after the quiet hours the offer has ended."""
    quiet = QuietHours(begins=time(9), ends=time(ends))
    settings = env.salon.configs[-1].notifications
    assert settings is not None
    customer = CustomerNotifications(channels=(NotificationChannel.WEBHOOK,), quiet_hours=quiet)
    env.configure(replace(settings, customer=customer))
    await offer_freed_time(env)
    await env.run()
    assert ("offer", "customer", "waiting") in await env.states()
    env.salon.clock.advance(timedelta(hours=looked - 10))
    await env.make_due()
    await env.run()
    assert ("offer", "customer", state) in await env.states()
    assert len(offers(gateway)) == (state == "sent")


async def test_joining_caller_hears_the_offers_channel(env: NotificationEnvironment, gateway: Gateway) -> None:
    friday = {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Wanda Wartend"}
    async with nothing_free(env.salon):
        joined = await join_waitlist(env.salon.booking, call("call_w", WAITING), friday)
    assert "bekommen Sie eine Nachricht an Ihre Nummer" in joined.message
    env.configure(None)
    async with nothing_free(env.salon):
        joined = await join_waitlist(env.salon.booking, call("call_w", WAITING), friday)
    assert "bietet das Team es den Wartenden der Reihe nach an" in joined.message


async def test_customer_who_opted_out_is_promised_no_message(env: NotificationEnvironment, gateway: Gateway) -> None:
    friday = {"service": "Haarschnitt", "date": "2026-11-27", "customer_name": "Wanda Wartend"}
    await opt_out(env)
    async with nothing_free(env.salon):
        joined = await join_waitlist(env.salon.booking, call("call_w", WAITING), friday)
        other = await join_waitlist(env.salon.booking, call("call_o", "+4915100000002"), friday)
    assert "bietet das Team es den Wartenden der Reihe nach an" in joined.message
    assert "bekommen Sie eine Nachricht an Ihre Nummer" in other.message
