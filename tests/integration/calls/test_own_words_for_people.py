"""A caller's words about staff members, as a model passes them: an excluded person is neither offered nor booked."""

import json
from random import randrange
from typing import Any
from uuid import uuid4

import pytest

from tests.worlds.tenant_pod import TenantPod, next_friday

NAMED = {"service": "Haarschnitt", "customer_name": "Petra Müller"}


def heard(*answers: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "tool_call_result", "content": json.dumps(each)} for each in answers]


@pytest.mark.parametrize("excluded", ["anna", "mehmet"])
@pytest.mark.parametrize("words", ["bloß nicht bei {}", "anyone but {}", "egal, nur nicht {}"])
async def test_excluded_staff_member_is_neither_offered_nor_booked(salon: TenantPod, excluded: str, words: str) -> None:
    staff, call = words.format(excluded.title()), f"call_{uuid4().hex}"
    day = next_friday(salon, 10).date().isoformat()
    offer = await salon.function("check_availability", call, {"service": "Haarschnitt", "staff": staff, "date": day})
    slots = offer.body["slots"]
    assert excluded not in {slot["staff"] for slot in slots}
    asked: dict[str, Any] = {
        "from_number": f"+49151{randrange(10**7, 10**8)}",
        "transcript_with_tool_calls": heard(offer.body),
    }
    booked = await salon.function("book_appointment", call, NAMED | {"start": slots[-1]["start"]}, **asked)
    assert booked.body.get("staff") == slots[-1]["staff"]
    # Another time, which was not offered, and without the words.
    args = NAMED | {"start": f"{day}T16:00", "another": True, "customer_name": "Paul Müller"}
    other = await salon.function("book_appointment", call, args, **asked)
    assert other.body.get("staff") != excluded
    assert excluded not in {slot["staff"] for slot in other.body.get("alternatives", ())}
    await salon.db.execute("UPDATE appointments SET status = 'cancelled'")
    await salon.db.execute("UPDATE claims SET state = 'released', expires_at = NULL")


async def test_staff_list_with_an_unknown_name_is_asked(salon: TenantPod) -> None:
    args = {"service": "Haarschnitt", "staff": ["Mehmet", "Berta"], "date": next_friday(salon, 10).date().isoformat()}
    asked = await salon.function("check_availability", f"call_{uuid4().hex}", args)
    assert "Anna oder Mehmet" in asked.body["message"], "a list is read whole, and never as anybody"
