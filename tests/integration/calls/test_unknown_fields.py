"""Unknown fields of a booking are noted; a move or a waiting list entry names them as not noted. Neither asks."""

from typing import Any
from uuid import uuid4

import msgspec
import pytest

from askproai_runtime.sentences import say
from tests.worlds.tenant_pod import TenantPod, next_friday

PETRA = {"customer_name": "Petra Lange", "service": "Haarschnitt"}
NOTED = "as Übrige steht als Notiz dabei."
ONE = "Das ist ein einzelner Termin"


def _number(week: int, hour: int) -> str:
    return f"+49151{week:02d}{hour:02d}3344"


async def _book(salon: TenantPod, call_id: str, week: int, extra: dict[str, Any], hour: int = 11) -> dict[str, Any]:
    start = next_friday(salon, hour, week).replace(tzinfo=None).isoformat()
    reply = await salon.function(
        "book_appointment", call_id, PETRA | {"start": start} | extra, from_number=_number(week, hour)
    )
    return dict(reply.body)


@pytest.mark.parametrize(
    ("week", "extra", "notes"),
    [
        (1, {"special": "Rollstuhl", "call_id": "c1"}, "special: Rollstuhl"),
        (2, {"wedding_date": "2031-05-02", "notes": "leise"}, "leise, wedding date: 2031-05-02"),
        (3, {"insurance": {"name": "AOK", "number": "A1"}}, "insurance name: AOK, insurance number: A1"),
        (4, {"recurring": "weekly", "packs": 2}, "recurring: weekly, packs: 2"),
        (5, {"companions": [], "last_stylist": "Anna"}, "last stylist: Anna"),
    ],
)
async def test_unknown_fields_are_stored_in_the_notes(
    salon: TenantPod, week: int, extra: dict[str, Any], notes: str
) -> None:
    call_id = f"call_{uuid4().hex}"
    body = await _book(salon, call_id, week, extra)
    assert (body["success"], body["message"].count(NOTED)) == (True, 1), body
    assert (ONE in body["message"]) is ("recurring" in extra), body
    assert body["message"].index("Petra Lange") < body["message"].index(NOTED)
    assert await salon.db.fetchval("SELECT notes FROM appointments WHERE call_id = $1", call_id) == notes
    assert NOTED not in (await _book(salon, call_id, week, {"agent_id": "a1", "language": "de"}))["message"]


@pytest.mark.parametrize(
    ("week", "extra"),
    [
        (1, {"recurring": "weekly"}),
        (2, {"repeat": "jede Woche"}),
        (3, {"reminder": "call", "notes": "leise"}),
        (4, {"location_type": "home"}),
        (5, {"duration": "105"}),
    ],
)
async def test_later_fields_are_said_as_in_the_booking(salon: TenantPod, week: int, extra: dict[str, Any]) -> None:
    first = await _book(salon, f"call_{uuid4().hex}", week, extra, hour=15)
    call_id = f"call_{uuid4().hex}"
    await _book(salon, call_id, week, {}, hour=14)
    later = await _book(salon, call_id, week, extra, hour=14)
    assert (ONE in later["message"], later["message"].count(NOTED)) == (ONE in first["message"], 1), later
    assert say().note_added not in later["message"]


async def test_excess_unknown_fields_are_listed_as_unread(salon: TenantPod) -> None:
    call_id = f"call_{uuid4().hex}"
    body = await _book(salon, call_id, 6, {f"wunsch_{number}": f"zimtrot {number} " * 10 for number in range(40)})
    notes = await salon.db.fetchval("SELECT notes FROM appointments WHERE call_id = $1", call_id)
    kept = {f"wunsch_{number}" for number in range(40) if f"wunsch {number}:" in notes}
    assert len(kept) > 10
    assert kept | set(body["unread_arguments"]) == {f"wunsch_{number}" for number in range(40)}
    assert say().not_all_noted in body["message"]


async def test_move_names_the_fields_it_ignored(salon: TenantPod) -> None:
    call_id = f"call_{uuid4().hex}"
    booked = await _book(salon, call_id, 7, {})
    moved = {"appointment_id": booked["appointment_id"], "confirmed": True}
    first = {"start": next_friday(salon, 12, 7).replace(tzinfo=None).isoformat(), "notes": "Rollstuhl"}
    reply = await salon.function("reschedule_appointment", call_id, moved | first, from_number=_number(7, 11))
    assert reply.body["success"], reply.body
    assert say().only_time_moved in reply.body["message"]
    second = {"start": next_friday(salon, 13, 7).replace(tzinfo=None).isoformat(), "agent_id": "a1"}
    reply = await salon.function("reschedule_appointment", call_id, moved | second, from_number=_number(7, 11))
    assert (reply.body["success"], say().only_time_moved in reply.body["message"]) == (True, False), reply.body


@pytest.mark.parametrize(("week", "zone"), [(8, "UTC"), (9, "Etc/GMT-1"), (10, "Europe/London")])
async def test_foreign_time_zone_is_asked_about_once(salon: TenantPod, week: int, zone: str) -> None:
    call_id = f"call_{uuid4().hex}"
    asked = await _book(salon, call_id, week, {"timezone": zone})
    assert (asked["success"], "11 Uhr" in asked["message"]) == (False, True), asked
    said = [
        {"role": "tool_call_result", "tool_call_id": "t1", "content": msgspec.json.encode(asked).decode()},
        {"role": "user", "content": "Ja, genau"},
    ]
    start = next_friday(salon, 11, week).replace(tzinfo=None).isoformat()
    args = PETRA | {"start": start, "timezone": zone}
    reply = await salon.function(
        "book_appointment", call_id, args, from_number=_number(week, 11), transcript_with_tool_calls=said
    )
    assert (reply.body["success"], "11 Uhr" in reply.body["message"]) == (True, True), reply.body


@pytest.mark.parametrize(
    ("hour", "extra"),
    [(14, {"provider": "Salon Müller"}), (15, {"location": "Berlin"}), (16, {"staff": "Salon Müller Mitte"})],
)
async def test_field_naming_the_business_is_not_noted(salon: TenantPod, hour: int, extra: dict[str, Any]) -> None:
    body = await _book(salon, f"call_{uuid4().hex}", 1, extra, hour)
    assert (body["success"], NOTED in body["message"]) == (True, False), body
