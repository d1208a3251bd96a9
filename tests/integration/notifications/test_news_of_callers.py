"""The transaction that stores a message, or a freed time for a waiting caller, notifies the business of it once."""

from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from askproai_core.languages import Language
from askproai_core.tenant_config.vocabulary import BusinessNews
from askproai_runtime.notifications.news import MAILS_PER_MESSAGE
from askproai_runtime.sentences import format_written_span
from tests.worlds.booking_environment import call, leave_message
from tests.worlds.freed_times import offer_freed_time
from tests.worlds.notification_environment import (
    OWNER,
    NotificationEnvironment,
    mail_settings,
    notify_business,
    text_of,
)

BERLIN = ZoneInfo("Europe/Berlin")
MESSAGE = {
    "message": "Ich komme zehn Minuten später.",
    "customer_name": "Petra Müller",
    "call_back": "heute Nachmittag",
}


async def test_a_message_is_mailed_to_the_business_once(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,))))
    for _ in range(2):  # a repeated function call
        assert (await leave_message(env.salon.booking, call(), MESSAGE)).success
    await env.run()
    (mail,) = env.server.mails
    assert (mail["To"], mail["Subject"]) == (OWNER, "Nachricht von Petra Müller")
    for part in ("Ich komme zehn Minuten später.", "Telefon: +4915112345678"):
        assert part in text_of(mail)


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("morgen nach 17 Uhr", "Rückruf: Samstag, 21. November 2026, ab 17:00 Uhr („morgen nach 17 Uhr“)\n"),
        ("wenn die Chefin da ist", "Rückruf: wenn die Chefin da ist\n"),
    ],
)
async def test_mail_names_the_days_of_call_and_callback(env: NotificationEnvironment, said: str, written: str) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,))))
    assert (await leave_message(env.salon.booking, call(), MESSAGE | {"call_back": said})).success
    left_at = (await env.salon.rows("SELECT created_at FROM messages"))[0]["created_at"].astimezone(BERLIN)
    await env.run()
    (mail,) = env.server.mails
    assert written in text_of(mail)
    assert f"Anruf: {format_written_span(left_at, None, Language.DE)}\n" in text_of(mail)


async def test_mail_names_the_called_branch(env: NotificationEnvironment) -> None:
    settings = mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,)))
    env.configure(settings)
    config = env.salon.booking.config()
    (branch,) = config.branches
    env.configure(settings, branches=(branch, replace(branch, name="pankow", display_name="Salon Pankow")))
    assert (await leave_message(env.salon.booking, call(), MESSAGE)).success
    await env.run()
    (mail,) = env.server.mails
    assert f"Filiale: {branch.display_name}" in text_of(mail)


async def test_message_correction_is_mailed_only_if_richer(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,))))
    less = {key: MESSAGE[key] for key in ("message", "customer_name")}
    for args in (MESSAGE, MESSAGE | {"phone": "0170 1234567"}, less):
        assert (await leave_message(env.salon.booking, call(), args)).success
    await env.run()
    first, corrected = sorted(text_of(mail) for mail in env.server.mails)
    assert "Telefon: +4915112345678" in first
    assert "Telefon: +491701234567" in corrected
    assert "(„heute Nachmittag“)" in corrected


async def test_last_mail_about_message_has_its_stored_text(env: NotificationEnvironment) -> None:
    """Also when a correction is taken back."""
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,))))
    for name in ("Meier", "Maier", "Meier"):
        assert (await leave_message(env.salon.booking, call(), MESSAGE | {"customer_name": name})).success
        await env.run()
    assert [mail["Subject"] for mail in env.server.mails] == [
        "Nachricht von Meier", "Berichtigte Nachricht von Maier", "Berichtigte Nachricht von Meier",
    ]  # fmt: skip


async def test_repeatedly_changed_message_sends_few_mails(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.MESSAGE,))))
    answers = [
        await leave_message(env.salon.booking, call(), MESSAGE | {"phone": f"+4915100000{number:03}"})
        for number in range(30)
    ]
    await env.run()
    assert len(env.server.mails) == MAILS_PER_MESSAGE
    assert [answer.success for answer in answers] == [True] * MAILS_PER_MESSAGE + [False] * (30 - MAILS_PER_MESSAGE)
    assert "Notiert ist sie so, wie Sie sie zuvor gesagt haben." in answers[-1].message
    (row,) = await env.salon.rows("SELECT phone FROM messages")
    assert any(f"Telefon: {row['phone']}" in text_of(mail) for mail in env.server.mails)
    assert row["phone"] == f"+4915100000{MAILS_PER_MESSAGE - 1:03}"


async def test_freed_time_is_mailed_with_persons_to_call(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=(BusinessNews.WAITLIST,))))
    await offer_freed_time(env)
    await env.run()
    (mail,) = env.server.mails
    assert mail["Subject"].startswith("Frei geworden: Freitag, 27. November 2026")
    assert "Telefon: +4915100000001" in text_of(mail)
    assert "Eingetragen ist noch nichts." in text_of(mail)


async def test_unwanted_notification_is_not_written(env: NotificationEnvironment) -> None:
    env.configure(mail_settings(env.server.port, business=notify_business(news=())))
    assert (await leave_message(env.salon.booking, call(f"call_{uuid4()}"), MESSAGE)).success
    await offer_freed_time(env)
    assert await env.rows() == []
