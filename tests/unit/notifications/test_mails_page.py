"""The page about mails shows the sent mails word for word, and their calendar files obey the RFCs."""

import re
from datetime import date
from email.message import EmailMessage
from pathlib import Path

import pytest

from askproai_runtime.notifications.types import Kind, Recipient
from tests.worlds.composed_mails import appointment, calendar_file_of, compose

PAGE = Path(__file__).parents[3] / "docs" / "mails.md"


SHOWN = {
    "The confirmation": (Kind.BOOKED, Recipient.CUSTOMER),
    "The reminder": (Kind.REMINDER, Recipient.CUSTOMER),
    "A new appointment, to the business": (Kind.BOOKED, Recipient.BUSINESS),
    "The list of the day": (Kind.DAILY_LIST, Recipient.BUSINESS),
}


def shown(mail: EmailMessage) -> str:
    """Return a mail as the page shows it."""
    body = mail.get_body(("plain",))
    assert body is not None
    heads = "".join(f"{name}: {mail[name]}\n" for name in ("From", "To", "Subject"))
    return f"{heads}\n{body.get_content()}".replace("\r\n", "\n")


@pytest.mark.parametrize("heading", SHOWN)
def test_page_shows_each_mail_as_sent(heading: str) -> None:
    block = re.search(
        rf"^## {re.escape(heading)}\n.*?```text\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert block is not None, heading
    assert block[1] == shown(compose(*SHOWN[heading]))


def test_page_shows_the_calendar_file_as_sent() -> None:
    raw = calendar_file_of(compose(Kind.BOOKED, Recipient.CUSTOMER)).decode().replace("\r\n", "\n")
    assert f"```ics\n{raw}```" in PAGE.read_text("utf-8")


# A line of RFC 5545, section 3.1, without the folding; parameter values are quoted where they have a colon, semicolon or comma.
_PARAM = r'[A-Z0-9-]+=(?:"[^"\x00-\x08\x0a-\x1f\x7f]*"|[^";:,\x00-\x08\x0a-\x1f\x7f]*)'
_LINE = re.compile(rf"([A-Z0-9-]+)((?:;{_PARAM})*):([^\x00-\x08\x0a-\x1f\x7f]*)")
_TEXT = re.compile(r"(?:[^\\;,]|\\[\\;,nN])*")  # section 3.3.11
_UTC = re.compile(r"\d{8}T\d{6}Z")  # section 3.3.5, form 2


def parse_by_the_rfc(raw: bytes) -> list[tuple[str, str, str]]:
    """Return name, parameters and value of each line; independent of the library that writes the file, on purpose."""
    assert raw.endswith(b"\r\n")
    physical = raw.split(b"\r\n")[:-1]
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in physical)
    unfolded = raw.replace(b"\r\n ", b"").replace(b"\r\n\t", b"").decode("utf-8")
    matches = [_LINE.fullmatch(line) for line in unfolded.split("\r\n")[:-1]]
    assert all(matches), unfolded
    return [(match[1], match[2], match[3]) for match in matches if match]


@pytest.mark.parametrize(
    "customer",
    [
        "Emma Post",
        'Zoë "Zoey" Müller-Lüdenscheidt; Dr., von und zu Hohenlohe-Waldenburg-Schillingsfürst-Langenburg',
        "back\\slash: 😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀😀",
        "Emma\r\nEND:VEVENT",
    ],
)
def test_calendar_file_is_an_invitation_by_the_rfcs(customer: str) -> None:
    """RFC 5545 for the file, and RFC 5546, section 3.2.2, for the METHOD REQUEST."""
    lines = parse_by_the_rfc(calendar_file_of(compose(Kind.BOOKED, Recipient.CUSTOMER, appointment(customer))))
    names = [name for name, _, _ in lines]
    values = {name: value for name, _, value in lines}
    assert [lines[0], lines[-1]] == [("BEGIN", "", "VCALENDAR"), ("END", "", "VCALENDAR")]
    begin, end = lines.index(("BEGIN", "", "VEVENT")), lines.index(("END", "", "VEVENT"))
    assert sorted(names[1:begin]) == ["METHOD", "PRODID", "VERSION"]
    assert (values["METHOD"], values["VERSION"], end) == ("REQUEST", "2.0", len(lines) - 2)
    event = names[begin + 1 : end]
    required = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "ORGANIZER", "ATTENDEE", "SEQUENCE", "STATUS"}
    assert required <= set(event)
    assert len(event) == len(set(event)), "each of them may be there once"
    assert all(_UTC.fullmatch(values[name]) for name in ("DTSTAMP", "DTSTART", "DTEND"))
    assert values["DTSTART"] < values["DTEND"]
    assert all(_TEXT.fullmatch(values[name]) for name in ("SUMMARY", "DESCRIPTION", "LOCATION"))
    assert (values["STATUS"], values["SEQUENCE"]) == ("CONFIRMED", "0")
    assert values["ORGANIZER"] == "mailto:termine@salon-mueller.example"
    assert values["ATTENDEE"] == "mailto:emma.post@example.org"
    assert date.fromisoformat(values["DTSTART"][:8]) == date(2026, 11, 27)
