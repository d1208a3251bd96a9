"""The mail catcher keeps what mail programs would show."""

import smtplib
from asyncio import to_thread
from email.message import EmailMessage

import aiohttp

from askproai_sandbox.mail_catcher import MailCatcher, serve_catcher


def new_mail(subject: str = "Ihr Termin für Zoë") -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Salon <termine@salon.example>", "zoe@example.org", subject
    mail.set_content("Guten Tag Zoë,\n\num 10 Uhr.\n")
    mail.add_alternative("<p>Guten Tag Zoë</p>", subtype="html")
    ics = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR\r\n"
    mail.add_attachment(ics, "text", "calendar", filename="termin.ics", params={"method": "REQUEST"})
    return mail


def send(port: int, mail: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.send_message(mail)


async def test_caught_mail_has_decoded_text_and_calendar() -> None:
    async with serve_catcher(MailCatcher()) as (port, url), aiohttp.ClientSession(url) as session:
        await to_thread(send, port, new_mail())
        await to_thread(send, port, new_mail("Erinnerung"))
        async with session.get("/mails") as answer:
            first, second = (await answer.json())["mails"]
        async with session.get("/mails/1.html") as answer:
            html = await answer.text()
    assert (first["number"], first["to"], first["subject"]) == (1, ["zoe@example.org"], "Ihr Termin für Zoë")
    assert first["text"] == "Guten Tag Zoë,\n\num 10 Uhr.\n"
    assert (first["method"], first["calendar"].splitlines()[0]) == ("REQUEST", "BEGIN:VCALENDAR")
    assert second["subject"] == "Erinnerung"
    assert "<p>Guten Tag Zoë</p>" in html
