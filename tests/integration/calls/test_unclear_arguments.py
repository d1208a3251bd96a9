"""A booking with contradicting arguments, or with those of two bookings, is asked about and not made."""

from typing import Any
from uuid import uuid4

import pytest

from askproai_runtime.sentences import say
from tests.worlds.tenant_pod import TenantPod, next_friday

AT = {"customer_name": "Petra Lange", "service": "Haarschnitt"}
OTTO = {"customer_name": "Otto Lange", "phone": "0151 22334455"}


@pytest.mark.parametrize(
    ("extra", "question"),
    [
        ({"staff": {"first_choice": "Mehmet", "second_choice": "Anna"}}, "whom_to_see"),
        ({"behandlung": "Färben"}, "do_you_mean"),
        ({"timeZone": "UTC"}, "is_time_of_branch"),
        ({"companions": [{"name": "Otto", "time": "14:00"}]}, "who_comes_along"),
        (None, "one_at_a_time"),
    ],
)
async def test_an_unclear_booking_is_asked_about(salon: TenantPod, extra: dict[str, Any] | None, question: str) -> None:
    petra = AT | {"start": next_friday(salon, 11).replace(tzinfo=None).isoformat()}
    args = {"appointments": [petra, petra | OTTO]} if extra is None else petra | extra
    reply = await salon.function("book_appointment", f"call_{uuid4().hex}", args)
    assert reply.body["success"] is False
    assert getattr(say(), question).format(time="11 Uhr", choices="Haarschnitt oder Färben") in reply.body["message"]
    assert await salon.db.fetch("SELECT id FROM appointments WHERE tenant = $1", salon.store.tenant) == []


async def test_a_message_keeps_unknown_fields(salon: TenantPod) -> None:
    args = {"customer_name": "Petra Lange", "message": "Rezept", "medication": "Ibuprofen 600", "date": "Montag"}
    reply = await salon.function("leave_message", f"call_{uuid4().hex}", args)
    assert (reply.body["success"], "unread_arguments" in reply.body) == (True, False), reply.body
    (row,) = await salon.db.fetch("SELECT text FROM messages WHERE tenant = $1", salon.store.tenant)
    assert row["text"] == "Rezept, medication: Ibuprofen 600, date: Montag"
