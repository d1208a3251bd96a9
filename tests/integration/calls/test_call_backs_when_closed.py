"""A caller who asks to be called back while the business is closed hears that it is, and the time is noted all the same."""

from typing import Any

import pytest

from tests.worlds.rows import each_row
from tests.worlds.spoken_calls import SpokenCall
from tests.worlds.tenant_pod import TenantPod

pytestmark = pytest.mark.nightly
CLOSED = "Zu der Zeit haben wir allerdings geschlossen."


async def leave(pod: TenantPod, call: SpokenCall | None = None, **args: Any) -> str:
    """Return the answer to a message of Petra Lange that is noted."""
    given = {"message": "Es geht um die Farbe", "customer_name": "Petra Lange"} | args
    answer = await (call or SpokenCall(pod)).ask("leave_message", given)
    assert answer["success"], answer
    return str(answer["message"])


@each_row("said", ["Sonntag", "heute 22 Uhr", "heute Abend nach 20 Uhr", "Sonntag oder Montag", "sonntags"])
async def test_caller_hears_that_call_back_time_is_closed(spoken_salon: TenantPod, said: str) -> None:
    assert CLOSED in await leave(spoken_salon, call_back=said)
    noted = await spoken_salon.db.fetchval("SELECT call_back FROM messages ORDER BY created_at DESC LIMIT 1")
    assert noted == said


@each_row(
    "said", ["morgen um zehn", "heute Nachmittag", "nächste Woche", "egal wann", "ja", "um neun", "nicht am Sonntag"]
)
async def test_call_back_when_open_is_noted_without_comment(spoken_salon: TenantPod, said: str) -> None:
    message = await leave(spoken_salon, call_back=said)
    assert "Rückruf" in message
    assert "geschlossen" not in message, message


async def test_later_call_back_time_replaces_the_first(spoken_salon: TenantPod) -> None:
    call = SpokenCall(spoken_salon)
    assert CLOSED in await leave(spoken_salon, call, call_back="Sonntag")
    assert "geschlossen" not in await leave(spoken_salon, call, message="", call_back="Dienstag um zehn")


async def test_dictated_message_number_is_repeated_to_the_caller(spoken_salon: TenantPod) -> None:
    for said, read in (
        ("151 2345 6789", "0 1 5, 1 2, 3 4 5, 6 7 8, 9"),
        ("176 12345678", "0 1 7 6, 1 2 3, 4 5 6, 7 8"),
    ):
        assert (
            await leave(spoken_salon, phone=said)
            == f"Ich habe es notiert und richte es aus. Notiert ist dazu die Nummer {read}."
        )
    call = SpokenCall(spoken_salon)
    assert "Nummer" not in await leave(spoken_salon, call, phone=call.number)
