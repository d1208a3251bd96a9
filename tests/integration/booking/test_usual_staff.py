"""A known caller without a preference gets the staff member of the last appointment, if that person is free."""

from typing import Any

import msgspec
import pytest

from askproai_core.tenant_config import CallerVerification
from tests.worlds.booking_environment import Salon, call

pytestmark = pytest.mark.nightly

KNOWN = "+4915112345678"
TWO, THREE, FOUR = (f"2026-11-27T{hour}:00:00+01:00" for hour in (14, 15, 16))


@pytest.fixture
async def salon(new_salon: Any) -> Salon:
    """Anna comes first in the config; the caller was served by Mehmet, and the day has more of his time booked."""
    salon = await new_salon()
    config = salon.configs[-1]
    agents = tuple(msgspec.structs.replace(agent, caller_recognition=True) for agent in config.agents)
    salon.apply_config(msgspec.structs.replace(config, agents=agents))
    answer = await salon.book(TWO, staff="mehmet", by=call("call_before", KNOWN))
    assert answer.success
    return salon


async def book(salon: Salon, start: str, number: int, caller: str | None = KNOWN, **more: Any) -> str:
    answer = await salon.book(start, by=call(f"call_{number}", caller), **more)
    assert answer.success, answer
    return answer.fields["staff"]


async def test_known_caller_gets_the_previous_staff_member(salon: Salon) -> None:
    assert await book(salon, FOUR, 1) == "mehmet"
    assert await book(salon, THREE, 2, "+4915100000001") == "anna"
    asked = {"service": "Haarschnitt", "date": "2026-11-27", "time": "15 Uhr"}
    offered = await salon.booking.check_availability(call("call_3", KNOWN), asked)
    assert {slot["staff"] for slot in offered.fields["slots"]} == {"mehmet"}


async def test_requested_or_free_staff_outrank_the_usual_person(salon: Salon) -> None:
    assert await book(salon, THREE, 1, staff="anna") == "anna"
    assert await book(salon, FOUR, 2, "+4915100000001", staff="mehmet") == "mehmet"
    assert await book(salon, FOUR, 3, name="Erika Müller") == "anna", "Mehmet is busy at four"


@pytest.mark.parametrize("recognised", [False, True])
async def test_unrecognized_caller_gets_no_previous_staff_member(salon: Salon, *, recognised: bool) -> None:
    config = salon.configs[-1]
    agents = tuple(msgspec.structs.replace(agent, caller_recognition=recognised) for agent in config.agents)
    factor = CallerVerification.NAME_AND_BIRTH_DATE if recognised else CallerVerification.NUMBER
    salon.apply_config(msgspec.structs.replace(config, agents=agents, caller_verification=factor))
    assert await book(salon, FOUR, 1, birth_date="1980-05-04") == "anna"


async def test_anonymous_caller_gets_the_least_booked_person(salon: Salon) -> None:
    assert await book(salon, FOUR, 1, None) == "anna"
