"""Parsing a model's arguments: what is not known is asked, never guessed."""

from datetime import UTC, datetime

import pytest

from askproai_runtime.booking import CallContext
from askproai_runtime.booking.request import parse_booking_request, parse_service_request
from askproai_runtime.booking.types import ClarificationNeeded
from askproai_sandbox.example_tenant import salon_config

CALL = CallContext("call_1", "mitte", None, datetime(2026, 11, 20, 9, tzinfo=UTC), "corr")


def test_an_argument_is_bounded_and_never_breaks_the_database() -> None:
    with pytest.raises(ClarificationNeeded) as clarification:
        parse_service_request(salon_config(), CALL, {"service": "\0" + "x" * 900})
    assert "\0" not in clarification.value.answer.message
    assert len(clarification.value.answer.message) < 700


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("Erika.Muster+x@Web-Mail.example.de", "Erika.Muster+x@Web-Mail.example.de"),
        *((bad, None) for bad in ("kündin@salon.de", "anna@müller.de", "a..b@x.de", "a@x..de", "<a@x.de>", "a@x,y.de")),
    ],
)
def test_an_address_that_the_calendar_would_refuse_never_costs_the_booking(email: str, kept: str | None) -> None:
    """Cal.com takes ASCII addresses only; with another one it refuses the booking that the caller was promised."""
    args = {"start": "2026-11-27T14:30:00+01:00", "service": "Haarschnitt", "customer_name": "Erika", "email": email}
    assert parse_booking_request(salon_config(), CALL, args, ()).email == kept


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Dr. med. Jürgen von der Ærø-Śmith", "Dr. med. Jürgen von der Ærø-Śmith"),
        ("Anna & Bernd O'Neill (2 Kinder)", "Anna & Bernd O'Neill (2 Kinder)"),
        ("Gewinn: https://evil.example/x?a=1 <b>jetzt</b>", "Gewinn https evil example x a 1 b jetzt b"),
        ("Erika\n\nSehr geehrte Damen", "Erika Sehr geehrte Damen"),
        ("x" * 300, "x" * 80),
    ],
)
def test_a_name_is_one_line_that_no_mail_makes_a_link_of(said: str, name: str) -> None:
    args = {"start": "2026-11-27T14:30:00+01:00", "service": "Haarschnitt", "customer_name": said}
    assert parse_booking_request(salon_config(), CALL, args, ()).name == name
