"""A request for several days: the answer has a time for each day, or the reason why the day has none."""

from datetime import UTC, date, datetime

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, TenantConfig
from askproai_core.tenant_config.branches import Absence, Holidays
from askproai_runtime.availability.slots import Busy, BusySpan, ServiceRules, Span
from askproai_runtime.book.context import Basis, BookingSettings
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.offer import describe_offer
from askproai_runtime.conversation.offer_choice import Offer, choose_offer
from askproai_runtime.conversation.open_readings import keep_open_readings
from askproai_runtime.conversation.types import Answer
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand
from tests.worlds.opening_salon import ANNA, BERLIN, MEHMET, local, rules

SUNDAY = datetime(2026, 11, 22, 9, tzinfo=UTC)
CLOSED = Holidays(country="DE", subdivision="BE", closed=(date(2026, 11, 26),))
AWAY = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2026, 11, 25), last=date(2026, 11, 25)),))


async def offer(
    phrase: str, *taken: tuple[str, str], staff: str | None = None, limit: int = 3, salon: ServiceRules | None = None
) -> tuple[ServiceRequest, Offer]:
    """Return the offers on that Sunday, with these times of Anna taken."""

    async def read_busy(_: Span) -> Busy:
        return {1: [BusySpan(local(start), local(end)) for start, end in taken]}

    request = ServiceRequest(salon or rules(ANNA), staff)
    understood = keep_open_readings(understand(phrase, at=SUNDAY, zone=BERLIN), request)
    return request, await choose_offer(request, read_busy, SUNDAY, understood, BookingSettings(offers=limit))


def starts(chosen: Offer) -> list[str]:
    return [f"{slot.start.astimezone(BERLIN):%a %d %H:%M} {slot.staff}" for slot in chosen.slots]


def answer(request: ServiceRequest, chosen: Offer) -> Answer:
    config = TenantConfig(tenant="t.t", display_name="T", branches=(Branch(name="mitte", display_name="Mitte"),))
    return describe_offer(config, request, chosen, SUNDAY, Basis.CALENDAR)


@pytest.mark.parametrize(
    ("phrase", "offered"),
    [
        ("Mittwoch oder Donnerstag um 14 Uhr", ["Wed 25 14:00 anna", "Thu 26 14:00 anna"]),
        ("Mittwoch oder Donnerstag Nachmittag", ["Wed 25 13:00 anna", "Thu 26 13:00 anna", "Wed 25 15:00 anna"]),
        ("Montag, Mittwoch oder Freitag", ["Mon 23 09:00 anna", "Wed 25 09:00 anna", "Fri 27 09:00 anna"]),
        (
            "Montag, Dienstag, Mittwoch oder Freitag um neun",
            ["Mon 23 09:00 anna", "Tue 24 09:00 anna", "Wed 25 09:00 anna"],
        ),
    ],
)
async def test_each_day_that_the_caller_named_is_offered(phrase: str, offered: list[str]) -> None:
    _, chosen = await offer(phrase)
    assert (starts(chosen), chosen.obstacle) == (offered, None)


async def test_days_without_times_are_explained_beside_others() -> None:
    request, chosen = await offer("Mittwoch oder Freitag um 14 Uhr", ("2026-11-25T09:00", "2026-11-25T18:00"))
    assert starts(chosen) == ["Fri 27 14:00 anna"]
    assert answer(request, chosen).message.startswith(
        "Mittwoch, den 25. November, um 14 Uhr ist leider nichts mehr frei. Frei ist Freitag, der 27. November, um 14 Uhr"
    )


@pytest.mark.parametrize("phrase", ["Mittwoch oder Donnerstag", "von Mittwoch bis Donnerstag"])
async def test_each_requested_day_without_times_has_its_reason(phrase: str) -> None:
    salon = rules(AWAY, MEHMET, holidays=CLOSED)
    request, chosen = await offer(phrase, staff="anna", salon=salon)
    message = answer(request, chosen).message
    assert "Mittwoch, den 25. November: Da arbeitet Anna nicht." in message
    assert "Donnerstag, den 26. November: Da ist nicht geöffnet." in message


async def test_days_with_one_reason_share_a_sentence() -> None:
    request, chosen = await offer("von Montag bis Mittwoch", ("2026-11-23T09:00", "2026-11-25T18:00"))
    assert answer(request, chosen).message.startswith(
        "Montag, den 23. November bis Mittwoch, den 25. November ist leider nichts mehr frei. Frei ist"
    )


async def test_requested_person_comes_before_others() -> None:
    request, chosen = await offer("Mittwoch um 14 Uhr", staff="anna", salon=rules(AWAY, MEHMET))
    said = answer(request, chosen)
    own, _, others = said.message.partition(" Nicht bei Anna, aber frei ist ")
    assert "bei Mehmet" not in own
    assert others.startswith("Mittwoch, der 25. November, um 14 Uhr bei Mehmet.")
    assert [slot["staff"] for slot in said.fields["slots"]] == ["anna", "anna", "mehmet"]
    with speaking(Language.EN):
        assert (
            "Not with Anna, but I can offer Wednesday, 25 November at 2 pm with Mehmet."
            in answer(request, chosen).message
        )


async def test_offers_of_other_staff_are_announced_as_such() -> None:
    ill = msgspec.structs.replace(ANNA, absences=(Absence(first=date(2026, 11, 1), last=date(2026, 12, 31)),))
    request, chosen = await offer("Mittwoch um 14 Uhr", staff="anna", salon=rules(ill, MEHMET))
    assert " Nicht bei Anna, aber frei ist Mittwoch, der 25. November" in answer(request, chosen).message


@pytest.mark.parametrize(
    ("taken", "begins"),
    [((), "Frei ist zum Beispiel "), ((("2026-11-25T11:00", "2026-11-25T17:00"),), "Frei ist Mittwoch")],
)
async def test_three_of_many_times_are_called_examples(taken, begins: str) -> None:
    request, chosen = await offer("Mittwoch", *taken)
    assert len(chosen.slots) == 3
    assert answer(request, chosen).message.startswith(begins)
    with speaking(Language.EN):
        assert answer(request, chosen).message.startswith("For example, I can offer") == chosen.has_more


async def test_alternatives_among_many_are_called_examples() -> None:
    request, chosen = await offer("Mittwoch um 14 Uhr", ("2026-11-25T14:00", "2026-11-25T15:00"))
    assert "nichts mehr frei. Frei ist zum Beispiel " in answer(request, chosen).message
