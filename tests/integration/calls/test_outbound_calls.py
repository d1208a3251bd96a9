"""In an outbound call the customer is the called person, whichever number of the business is shown."""

from typing import Any

import pytest

from askproai_sandbox.example_tenant import NUMBER
from tests.worlds.spoken_calls import friday_at
from tests.worlds.tenant_pod import TenantPod
from tests.worlds.waiting import eventually

BOOK, FIND, MOVE, CANCEL = "book_appointment", "find_appointments", "reschedule_appointment", "cancel_appointment"
PETRA, OTTO = "+4915155500011", "+4915155500022"


def to(number: str, own: str) -> dict[str, Any]:
    return {"direction": "outbound", "from_number": own, "to_number": number}


@pytest.mark.parametrize("own", ["+4930901820", NUMBER, "+498001234567"])
async def test_each_callee_reaches_only_own_appointments(spoken_salon: TenantPod, own: str) -> None:
    pod, booked_at = spoken_salon, friday_at(spoken_salon)
    booked = (await pod.function(BOOK, "call_petra", booked_at, **to(PETRA, own))).body
    assert booked["success"], booked
    assert "sichtbar" not in booked["message"]
    for name, args in ((FIND, {}), (MOVE, {"time": "15:00"}), (CANCEL, {"confirmed": True})):
        answer = (await pod.function(name, "call_otto", args, **to(OTTO, own))).body
        assert booked["appointment_id"] not in str(answer), answer
    for later in (to(PETRA, own), {"from_number": PETRA}):
        found = (await pod.function(FIND, "call_later", {}, **later)).body
        assert [each["appointment_id"] for each in found["appointments"]] == [booked["appointment_id"]]


async def test_message_names_the_called_number(spoken_salon: TenantPod) -> None:
    args = {"message": "Ich komme später.", "customer_name": "Petra Lange", "call_back": "morgen um zehn"}
    noted = await spoken_salon.function("leave_message", "call_message", args, **to(PETRA, NUMBER))
    assert "von der Sie anrufen" not in noted.body["message"]
    assert "5 5 0, 0 0 1, 1." in noted.body["message"], noted.body


async def test_outbound_call_record_has_the_callee(spoken_salon: TenantPod) -> None:
    pod = spoken_salon
    await pod.function(FIND, "call_out", {}, **to(PETRA, NUMBER))
    listed = "SELECT (direction, from_number, to_number) FROM calls WHERE tenant = $1 AND call_id = 'call_out'"
    expected = ("outbound", NUMBER, PETRA)

    async def is_listed() -> bool:
        return await pod.db.fetchval(listed, pod.store.tenant) == expected

    await eventually(is_listed, 5, "the record of the call")
