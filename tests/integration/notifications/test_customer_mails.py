"""The mails to a customer, from a caller's booking to a real mail server."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config.notifications import CustomerNotifications, NotificationTexts
from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.desk.appointments import cancel_for_desk
from askproai_runtime.notifications.outbox import enqueue_text
from tests.worlds.booking_environment import MORNING, booking_args
from tests.worlds.notification_environment import (
    CUSTOMER,
    OWNER,
    SENDER,
    NotificationEnvironment,
    answered,
    event_of,
    mail_settings,
    notify_business,
    text_of,
)

NOON = "2026-11-27T12:00:00+01:00"


async def test_a_booking_is_confirmed_with_a_calendar_file(env: NotificationEnvironment) -> None:
    appointment = await env.book()
    await env.run()
    (mail,) = env.server.mails
    assert (mail["To"], env.server.envelopes[0].mail_from) == (f"Petra Müller <{CUSTOMER}>", SENDER)
    assert env.server.envelopes[0].rcpt_tos == [CUSTOMER]
    assert mail["From"] == f"Salon Müller <{SENDER}>"
    assert mail["Subject"] == "Ihr Termin am Freitag, 27. November 2026, 14:30 Uhr"
    text = text_of(mail)
    assert "Ihr Termin bei Salon Müller ist eingetragen: Freitag, 27. November 2026, 14:30 Uhr." in text
    assert "Leistung: Haarschnitt" in text
    assert "Bei: Anna" in text
    method, event = event_of(mail)
    assert method == "REQUEST"
    assert (event["UID"], event["SEQUENCE"]) == (f"{appointment}@askproai.de", 0)
    assert event["DTSTART"].dt == datetime(2026, 11, 27, 13, 30, tzinfo=UTC)
    assert event["DTEND"].dt == datetime(2026, 11, 27, 14, 15, tzinfo=UTC)
    assert await env.states() == [("booked", "customer", "sent")]
    await env.run()
    assert len(env.server.mails) == 1


async def test_change_and_cancellation_replace_the_calendar_entry(env: NotificationEnvironment) -> None:
    appointment = await env.book()
    await env.run()
    await env.move(appointment, MORNING)
    await env.run()
    await env.salon.cancel(appointment)
    await env.run()
    booked, moved, cancelled = env.server.mails
    assert moved["Subject"] == "Neuer Termin: Freitag, 27. November 2026, 10:00 Uhr"
    assert cancelled["Subject"] == "Abgesagt: Termin am Freitag, 27. November 2026, 10:00 Uhr"
    events = [event_of(mail) for mail in (booked, moved, cancelled)]
    assert [method for method, _ in events] == ["REQUEST", "REQUEST", "CANCEL"]
    assert len({event["UID"] for _, event in events}) == 1
    sequences = [event["SEQUENCE"] for _, event in events]
    assert sequences == sorted(set(sequences)), "each change is newer than the one before"
    assert events[2][1]["STATUS"] == "CANCELLED"


async def test_appointment_moved_back_is_announced_once(env: NotificationEnvironment) -> None:
    appointment = await env.book(start=NOON)
    await env.move(appointment, MORNING)
    await env.move(appointment, NOON)
    await env.run()
    (mail,) = env.server.mails
    assert mail["Subject"] == "Neuer Termin: Freitag, 27. November 2026, 12:00 Uhr"
    assert [state for _, _, state in await env.states()] == ["dropped", "dropped", "sent"]


async def test_appointment_moved_before_its_mail_is_announced_once(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, customer=None, business=notify_business()))
    appointment = await env.book()
    await env.move(appointment, MORNING)
    await env.move(appointment, NOON)
    await env.run()
    (mail,) = env.server.mails
    assert mail["Subject"].startswith("Neuer Termin: Freitag, 27. November 2026, 12:00 Uhr")
    await env.move(appointment, MORNING)
    await env.run()
    assert env.server.mails[-1]["Subject"].startswith("Verschoben: Freitag, 27. November 2026, 10:00 Uhr")
    assert len(env.server.mails) == 2


async def test_cancellation_before_the_mail_drops_the_mail(env: NotificationEnvironment) -> None:
    """No mail has named the appointment, so neither the customer nor the business gets a mail about its cancellation."""
    env.configure(mail_settings(env.server.port, business=notify_business()))
    await env.salon.cancel(await env.book())
    await env.run()
    assert {state for _, _, state in await env.states()} == {"dropped"}


async def test_cancellations_by_the_desk_are_always_announced(env: NotificationEnvironment) -> None:
    """The caller knows only that the appointment is booked."""
    desk = DeskRequest(uuid4(), "karin")
    await cancel_for_desk(env.salon.booking, desk, UUID(await env.book()), None, "corr")
    await env.run()
    assert await env.states() == [("booked", "customer", "dropped"), ("cancelled", "customer", "sent")]


async def test_repeated_booking_request_notifies_customer_once(env: NotificationEnvironment) -> None:
    for _ in range(3):
        await env.book()
    assert len(await env.rows()) == 1


async def test_no_notification_is_stored_without_address_or_setting(env: NotificationEnvironment) -> None:
    await env.book(email=None)
    env.configure(None)
    await env.book("call_2", start=MORNING)
    assert await env.rows() == []
    await env.run()
    assert env.server.connections == 0


async def test_waiting_mail_is_dropped_two_days_without_setting(env: NotificationEnvironment) -> None:
    await env.book()
    env.configure(None)
    await env.run()
    assert await env.states() == [("booked", "customer", "waiting")], "it may have gone by mistake"
    (row,) = await env.rows()
    env.salon.clock.advance(row["created_at"] + timedelta(days=2, minutes=1) - env.salon.clock.now())
    await env.make_due()
    await env.run()
    assert await env.states() == [("booked", "customer", "dropped")]


async def test_waiting_mail_is_sent_when_setting_returns(env: NotificationEnvironment) -> None:
    """The same holds for a server that the operator did not allow for a while."""
    await env.book()
    settings = env.salon.configs[-1].notifications
    assert settings is not None
    env.configure(replace(settings, email=None))
    await env.run()
    env.configure(settings)
    await env.make_due()
    await env.run()
    assert len(env.server.mails) == 1


async def test_mails_use_english_and_the_tenants_own_words(env: NotificationEnvironment) -> None:
    texts = NotificationTexts(confirmation="Please bring <cash>.\nNo cards, {sorry}.", signature="Yours, the salon")
    env.configure(mail_settings(env.server.port, language=Language.EN, texts=texts))
    await env.book()
    await env.run()
    (mail,) = env.server.mails
    assert mail["Subject"] == "Your appointment on Friday, 27 November 2026, 14:30"
    assert "Please bring <cash>.\nNo cards, {sorry}.\n\nYours, the salon" in text_of(mail)
    html = mail.get_body(("html",))
    assert html is not None
    assert "Please bring &lt;cash&gt;.<br>" in html.get_content()


@pytest.mark.parametrize(
    "evil",
    [
        "Petra\r\nBcc: thief@example.de\r\n\r\nSubject: no\u2028\x1b",
        "=?utf-8?q?x=0D=0ABcc:_thief@example.de=0D=0A=0D=0AIhr_Konto:_https://evil.example?=",
        "=?utf-8?q?x=0D=0A=0D=0AIhr_Konto=3A_https=3A//evil.example?=",
        "Max, <thief@salon.example>, Mustermann von und zu Hohenlohe-Waldenburg-Schillingsfürst",
        "Max, <thief@salon.example>, Mustermann von und zu Hohenlohe-Waldenburg-Schillingsfurst",
        "Gewonnen: https://evil.example/Konto",
    ],
)
async def test_name_with_line_breaks_adds_no_header(env: NotificationEnvironment, evil: str) -> None:
    """Names come from a language model, and from Cal.com, where anybody writes them."""
    env.configure(mail_settings(env.server.port, business=notify_business()))
    appointment = await env.book()
    await env.salon.pool.execute("UPDATE appointments SET customer_name = $1", evil)
    await env.run()
    mail = next(each for each in env.server.mails if each["Subject"].startswith("Ihr Termin am"))
    for each in env.server.mails:
        assert each["Bcc"] is None
        assert "://evil" not in text_of(each)
        assert "evil.example" not in text_of(each)
        assert len(each["To"].addresses) == 1
    recipients = [envelope.rcpt_tos for envelope in env.server.envelopes]
    assert sorted(recipients) == [[OWNER], [CUSTOMER]]
    assert sorted(each["To"].addresses[0].addr_spec for each in env.server.mails) == [OWNER, CUSTOMER]
    _, event = event_of(mail)
    assert set(event["ATTENDEE"].params) == {"CN", "PARTSTAT", "RSVP", "ROLE"}
    assert str(event["UID"]).startswith(appointment)


async def test_encoded_word_in_tenants_name_is_not_decoded(env: NotificationEnvironment) -> None:
    evil = "=?utf-8?q?x=0D=0ABcc:_thief@example.de?="
    business = notify_business(news=(BusinessNews.MESSAGE,))
    config = env.configure(mail_settings(env.server.port, business=business), display_name=evil)
    await env.book()
    async with env.salon.pool.acquire() as conn:
        await enqueue_text(
            conn, config, BusinessNews.MESSAGE, "message/1", title=f"{evil} ruft an", text="x", correlation_id="corr"
        )
    await env.run()
    assert len(env.server.mails) == 2
    assert all(mail["Bcc"] is None for mail in env.server.mails)


async def test_the_calendar_file_is_folded_and_escaped(env: NotificationEnvironment) -> None:
    """RFC 5545: lines have at most 75 octets and end with CRLF; commas and semicolons are escaped."""
    long = "Ö" * 60 + ", Waschen; Föhnen \\ Legen"
    services = tuple(replace(service, display_name=long) for service in env.salon.configs[-1].services)
    env.configure(env.salon.configs[-1].notifications, services=services)
    answer = await env.salon.booking.book_appointment(answered(), booking_args() | {"service": long, "email": CUSTOMER})
    assert answer.success, answer
    await env.run()
    (part,) = [part for part in env.server.mails[0].walk() if part.get_content_type() == "text/calendar"]
    raw = part.get_payload(decode=True)
    assert isinstance(raw, bytes)
    assert raw.endswith(b"\r\n")
    assert all(len(line) <= 75 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert str(event_of(env.server.mails[0])[1]["SUMMARY"]) == f"{long} bei Salon Müller"


async def test_made_up_addresses_get_no_mail(env: NotificationEnvironment) -> None:
    await env.book(email="anruf-4915112345678@anrufer.salon.example")
    await env.book("call_2", email="petra@callers.invalid", start=MORNING)
    assert await env.rows() == []


async def test_mail_explains_opting_out_only_with_reminders(env: NotificationEnvironment) -> None:
    await env.book()
    await env.run()
    env.configure(mail_settings(env.server.port, customer=CustomerNotifications(remind_minutes_before=60)))
    await env.book("call_2", start=MORNING)
    await env.run()
    without, with_reminders = env.server.mails
    assert "STOPP" not in text_of(without)
    assert "STOPP" in text_of(with_reminders)
    assert with_reminders["List-Unsubscribe"] == f"<mailto:{SENDER}?subject=STOPP>"


async def test_long_non_ascii_subject_arrives_as_written(env: NotificationEnvironment) -> None:
    """Folding it must not add blanks."""
    name = "Jürgen Größe-Übermüdet von und zu Öttingen-Schönefeld-Äöü"
    env.configure(mail_settings(env.server.port, customer=None, business=notify_business()))
    await env.book(name=name)
    await env.run()
    assert env.server.mails[0]["Subject"].endswith(f"Freitag, 27. November 2026, 14:30 Uhr, {name}")


async def test_mail_is_seven_bit_and_marked_as_automatic(env: NotificationEnvironment) -> None:
    await env.book()
    await env.run()
    content = env.server.envelopes[0].content
    assert isinstance(content, bytes)
    assert content.isascii()
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    assert env.server.mails[0]["Auto-Submitted"] == "auto-generated"
