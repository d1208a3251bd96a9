"""The link by which a customer stops reminders: the mails that contain it, and its effect."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from askproai_core.tenant_config.notifications import CustomerNotifications
from askproai_runtime.notifications.stop_link import STOP_PATH, stop_by_link
from tests.worlds.booking_environment import MORNING, NOW
from tests.worlds.notification_environment import (
    CUSTOMER,
    SENDER,
    NotificationEnvironment,
    mail_settings,
    notify_business,
    text_of,
)

pytestmark = pytest.mark.nightly

URL, KEY = "https://voice.salon.example/salon", "admin-token"
DAY_BEFORE = datetime(2026, 11, 26, 13, 30, tzinfo=UTC)  # 14:30 in Berlin, a day before the usual appointment


def configure(env: NotificationEnvironment, url: str = URL) -> None:
    """Remind a day before, with a link in mails."""
    env.admin_token = KEY
    customer = CustomerNotifications(remind_minutes_before=1440)
    env.configure(
        replace(mail_settings(env.server.port, customer=customer, business=notify_business()), public_url=url)
    )


def links(env: NotificationEnvironment) -> list[str]:
    """Return the links in the mails to the customer."""
    texts = [text_of(mail) for mail in env.server.mails if mail["To"].addresses[0].addr_spec == CUSTOMER]
    return [line.rpartition(" ")[2] for text in texts for line in text.splitlines() if STOP_PATH in line]


async def test_link_is_in_mail_button_and_headers(env: NotificationEnvironment) -> None:
    configure(env)
    await env.book()
    await env.run()
    (link,) = links(env)
    assert link.startswith(f"{URL}{STOP_PATH}/")
    (mail,) = [mail for mail in env.server.mails if mail["To"].addresses[0].addr_spec == CUSTOMER]
    assert mail["List-Unsubscribe"] == f"<{link}>, <mailto:{SENDER}?subject=STOPP>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html = mail.get_body(("html",))
    assert html is not None
    assert f'<a href="{link}">' in html.get_content()
    assert [STOP_PATH in text_of(each) for each in env.server.mails if each is not mail] == [False], "the business's"


async def test_stopped_customer_is_confirmed_but_not_reminded(env: NotificationEnvironment) -> None:
    configure(env)
    await env.book()
    await env.run()
    token = links(env)[0].rpartition("/")[2]
    tenant = env.salon.store.tenant
    for _ in range(2):
        assert await stop_by_link(env.salon.pool, KEY, tenant, token, "corr-stop")
    (opt_out,) = await env.salon.rows("SELECT address, changed_by FROM reminder_opt_outs")
    assert opt_out == {"address": CUSTOMER, "changed_by": "the customer"}
    audit = await env.salon.rows("SELECT actor, detail FROM audit_log WHERE action = 'reminders.stopped'")
    assert audit == [{"actor": "customer", "detail": "{}"}], "once, and without the address"
    await env.set_last_change(NOW)
    env.server.mails.clear()
    env.salon.clock.advance(DAY_BEFORE - env.salon.clock.now())
    await env.run()
    assert env.server.mails == []
    await env.book("call_2", start="2026-12-01T10:00:00+01:00")
    await env.run()
    assert len(links(env)) == 1, "the confirmation came"


async def test_link_of_a_since_transferred_appointment_stops_nobody(env: NotificationEnvironment) -> None:
    configure(env)
    await env.book()
    await env.run()
    token = links(env)[0].rpartition("/")[2]
    await env.salon.pool.execute("UPDATE appointments SET attendee_email = 'otto@example.de'")
    assert not await stop_by_link(env.salon.pool, KEY, env.salon.store.tenant, token, "corr-stop")
    assert await env.salon.rows("SELECT 1 FROM reminder_opt_outs") == []


async def test_mails_without_public_urls_name_other_ways(env: NotificationEnvironment) -> None:
    configure(env, url="")
    await env.book()
    await env.run()
    configure(env)
    env.admin_token = None
    await env.book("call_2", start=MORNING)
    await env.run()
    assert links(env) == []
    mails = [mail for mail in env.server.mails if mail["To"].addresses[0].addr_spec == CUSTOMER]
    assert [mail["List-Unsubscribe"] for mail in mails] == [f"<mailto:{SENDER}?subject=STOPP>"] * 2
    assert all("Antworten Sie mit STOPP" in text_of(mail) for mail in mails)


async def test_without_https_no_mail_program_shows_the_button(env: NotificationEnvironment) -> None:
    configure(env, url="http://127.0.0.1:8080")
    await env.book()
    await env.run()
    assert len(links(env)) == 1
    mail = next(mail for mail in env.server.mails if mail["To"].addresses[0].addr_spec == CUSTOMER)
    assert mail["List-Unsubscribe-Post"] is None
