"""The names in a booking by the desk: branch, service and staff member, and a start in words."""

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from askproai_core.tenant_config import Weekday
from askproai_runtime.book.outcomes import Booked
from askproai_runtime.desk.appointments import UnclearStart
from askproai_runtime.desk.booking import InvalidBooking, Place, preview_booking
from askproai_runtime.language.names import UnknownName
from tests.worlds.booking_environment import HALF_PAST_TWO, Salon
from tests.worlds.desk_bookings import ANNA, PETRA, at, book

pytestmark = pytest.mark.nightly


@pytest.mark.parametrize(
    ("place", "customer", "error"),
    [
        (Place(branch="nord"), PETRA, (UnknownName, "no branch 'nord'; there are: mitte")),
        (Place(service="Dauerwelle"), PETRA, (UnknownName, "offers no service 'Dauerwelle'; it offers: haarschnitt")),
        (Place(staff="berta"), PETRA, (UnknownName, "'berta' who does haarschnitt in mitte; there are: anna, mehmet")),
        (Place(), replace(PETRA, name="?!"), (InvalidBooking, "is no name")),
        (Place(), replace(PETRA, phone="12"), (InvalidBooking, "'12'")),
        (Place(), replace(PETRA, email="petra@"), (InvalidBooking, "is no e-mail address")),
    ],
)
async def test_mistyped_name_is_refused_and_not_ignored(salon: Salon, place, customer, error) -> None:
    with pytest.raises(error[0], match=error[1]):
        await book(salon, place=place, customer=customer)
    assert await salon.live() == []
    assert await salon.rows("SELECT 1 FROM call_actions") == []


async def test_desk_must_name_one_of_several_services(salon: Salon) -> None:
    (service,) = salon.configs[0].services
    colour = msgspec.structs.replace(service, name="farbe", display_name="Farbe", spoken_names=())
    salon.apply_config(msgspec.structs.replace(salon.configs[0], services=(service, colour)))
    with pytest.raises(InvalidBooking, match="several services, name one: haarschnitt, farbe"):
        await book(salon, place=Place())
    assert isinstance(await book(salon, place=Place(service="Farbe")), Booked)


async def test_every_name_in_a_preview_can_be_entered(salon: Salon) -> None:
    """The command line shows the names that a preview has found, and books by them."""
    config = salon.configs[0]
    cut = msgspec.structs.replace(config.services[0], display_name="Herrenhaarschnitt", spoken_names=())
    ladies = msgspec.structs.replace(cut, name="damen", display_name="Damen", spoken_names=("Haarschnitt", "Mitte"))
    (mitte,) = config.branches
    anna, mehmet = (
        msgspec.structs.replace(member, display_name=called)
        for member, called in zip(mitte.staff, ("mehmet", "Anna"), strict=True)
    )
    mitte = msgspec.structs.replace(mitte, staff=(anna, mehmet))
    salon.apply_config(msgspec.structs.replace(config, services=(ladies, cut), branches=(mitte,)))
    for service in ("Herrenhaarschnitt", "haarschnitt", "Damen", "DAMEN", "Mitte"):
        for staff in ("anna", "Anna", "mehmet", "Mehmet"):
            found, _ = preview_booking(salon.booking, Place(None, service, staff), HALF_PAST_TWO)
            shown = Place(found.rules.branch.name, found.rules.service.name, found.staff)
            expected = "damen" if service in {"Damen", "DAMEN", "Mitte"} else "haarschnitt"
            assert (shown.service, shown.staff) == (expected, {"Anna": "mehmet", "Mehmet": "anna"}.get(staff, staff))
            again, _ = preview_booking(salon.booking, shown, HALF_PAST_TWO)
            assert (again.rules.service.name, again.staff) == (shown.service, shown.staff)
    free = await salon.booking.list_free_slots("mitte", "haarschnitt", at(HALF_PAST_TWO).date())
    assert free.rules.service.name == "haarschnitt"


async def test_ambiguous_name_is_refused_with_the_list(salon: Salon) -> None:
    config = salon.configs[0]
    (mitte,), (cut,) = config.branches, config.services
    staff = tuple(msgspec.structs.replace(member, display_name="Änne") for member in mitte.staff)
    colour = msgspec.structs.replace(cut, name="farbe")
    branches = (msgspec.structs.replace(mitte, staff=staff),)
    salon.apply_config(msgspec.structs.replace(config, branches=branches, services=(cut, colour)))
    for place, names in (
        (Place(service="haarschnitt", staff="Änne"), "'Änne' is the name of several: anna, mehmet"),
        (Place(service="Haarschnitt"), "'Haarschnitt' is the name of several: haarschnitt, farbe"),
    ):
        with pytest.raises(UnknownName, match=names):
            await book(salon, place=place)
    assert isinstance(await book(salon, place=Place(service="farbe", staff="mehmet")), Booked)


@pytest.mark.parametrize(
    ("text", "minutes", "start"),
    [
        (None, 0, "2026-11-20T10:00"),
        (None, 7, "2026-11-20T10:00"),
        (None, 16, "2026-11-20T10:15"),
        ("heute um zehn", 7, "2026-11-20T10:00"),
        ("in 23 Minuten", 7, "2026-11-20T10:30"),
        ("2026-11-20T10:00", 7, "2026-11-20T10:00"),
        ("2026-11-20T08:00:00+01:00", 7, "2026-11-20T08:00"),  # shown before: it is refused where it is booked
        ("am 27. November um halb drei", 0, "2026-11-27T14:30"),
    ],
)
async def test_desk_start_is_now_or_the_parsed_text(salon: Salon, text: str | None, minutes: int, start: str) -> None:
    salon.clock.advance(timedelta(minutes=minutes))
    service, found = preview_booking(salon.booking, ANNA, text)
    assert (service.staff, found) == ("anna", at(f"{start}+01:00"))
    if text is None:
        assert isinstance(await book(salon, found.isoformat()), Booked)


@pytest.fixture
async def daily_salon(new_salon) -> Salon:
    """A salon that is open on every day."""
    salon: Salon = await new_salon()
    (mitte,) = salon.configs[0].branches
    hours = tuple(msgspec.structs.replace(each, days=tuple(Weekday)) for each in mitte.opening_hours)
    staff = tuple(msgspec.structs.replace(member, working_hours=hours) for member in mitte.staff)
    branches = (msgspec.structs.replace(mitte, opening_hours=hours, staff=staff),)
    salon.apply_config(msgspec.structs.replace(salon.configs[0], branches=branches))
    return salon


@pytest.mark.parametrize(
    ("text", "minutes", "readings"),
    [
        ("10:00", 10, "Freitag, 20. November 2026, 10:00 Uhr or Samstag, 21. November 2026, 10:00 Uhr"),
        ("um zehn", 29, "Freitag, 20. November 2026, 10:00 Uhr or Samstag, 21. November 2026, 10:00 Uhr"),
        ("Freitag um zehn", 29, "Freitag, 20. November 2026, 10:00 Uhr or Freitag, 27. November 2026, 10:00 Uhr"),
    ],
)
async def test_ambiguous_just_begun_time_is_asked_about(daily_salon: Salon, text, minutes, readings) -> None:
    daily_salon.clock.advance(timedelta(minutes=minutes))
    with pytest.raises(UnclearStart) as unclear:
        preview_booking(daily_salon.booking, ANNA, text)
    assert str(unclear.value) == f"{text!r} can mean {readings}: write it as 2026-11-27T10:00"


@pytest.mark.parametrize(
    ("text", "minutes", "start"),
    [
        ("Freitag um zehn", 31, "2026-11-27T10:00"),  # what began more than half an hour ago is not booked
        ("heute um zehn", 10, "2026-11-20T10:00"),
        ("heute um neun", -50, "2026-11-20T09:00"),  # nobody works at 21:00
        ("2026-11-20T10:00", 10, "2026-11-20T10:00"),
        ("in 20 Minuten", 10, "2026-11-20T10:30"),
        ("in einer halben Stunde", 15, "2026-11-20T10:45"),
        ("morgen um zehn", 10, "2026-11-21T10:00"),
    ],
)
async def test_unambiguous_just_begun_time_is_accepted(daily_salon: Salon, text: str, minutes: int, start: str) -> None:
    daily_salon.clock.advance(timedelta(minutes=minutes))
    _, found = preview_booking(daily_salon.booking, ANNA, text)
    assert found == at(f"{start}+01:00")


@pytest.mark.parametrize("text", ["gestern um zehn", "Freitag", "nach dem Urlaub"])
async def test_desk_text_without_a_start_is_refused(salon: Salon, text: str) -> None:
    with pytest.raises(UnclearStart, match="write it as 2026-11-27T10:00"):
        preview_booking(salon.booking, ANNA, text)
