"""Availability is pure: hours, holidays, buffers, notice, horizon, grid and both clock changes, as a table."""

import gc
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Absence, Holidays, Hours
from askproai_runtime.availability.free_slots import busy_window, free_slots, least_busy_per_start, nearest_slots
from askproai_runtime.availability.obstacles import Obstacle, find_obstacle
from askproai_runtime.availability.opening_hours import find_closure
from askproai_runtime.availability.slots import BusySpan, ServiceRules, SlotQuery
from tests.worlds.cpu_time import assert_takes_less
from tests.worlds.opening_salon import ANNA, BERLIN, DAY, EVERY_DAY, MEHMET, hours, local, rules, span
from tests.worlds.rows import each_row


def starts(
    rules: ServiceRules, day: str, busy=None, now: datetime | None = None, staff: str | None = None
) -> list[str]:
    first = local(f"{day}T00:00", rules.zone)
    query = SlotQuery(now or first - timedelta(days=7), first, local(f"{day}T23:59", rules.zone), staff)
    return [f"{s.start.astimezone(rules.zone):%H:%M}" for s in free_slots(rules, busy or {}, query)]


CASES = [
    (
        "opening hours, the last start ends at closing",
        rules(opening=(hours("09:00", "12:00"),)),
        {},
        "09:00 10:00 11:00",
    ),
    ("closing at 00:00 is the end of the day", rules(opening=(hours("22:00", "00:00"),)), {}, "22:00 23:00"),
    ("no hours on that weekday", rules(opening=(hours("09:00", "12:00", Weekday.MON),)), {}, ""),
    (
        "a lunch break",
        rules(opening=(hours("09:00", "11:00"), hours("12:00", "14:00")), duration_minutes=90, slot_step_minutes=30),
        {},
        "09:00 09:30 12:00 12:30",
    ),
    (
        "ranges that touch are one",
        rules(opening=(hours("09:00", "10:30"), hours("10:30", "12:00")), slot_step_minutes=30),
        {},
        "09:00 09:30 10:00 10:30 11:00",
    ),
    (
        "working hours are cut to opening hours",
        rules(Staff(id="m", display_name="M", resource_ids=(2,), working_hours=(hours("07:00", "11:00"),))),
        {},
        "09:00 10:00",
    ),
    (
        "an absence, both days included",
        rules(
            Staff(
                id="m",
                display_name="M",
                resource_ids=(2,),
                absences=(Absence(first=date(2026, 11, 20), last=date(2026, 11, 27)),),
            )
        ),
        {},
        "",
    ),
    (
        "buffers lie within working hours",
        rules(
            opening=(hours("09:00", "12:00"),), buffer_before_minutes=15, buffer_after_minutes=30, slot_step_minutes=15
        ),
        {},
        "09:15 09:30 09:45 10:00 10:15 10:30",
    ),
    (
        "busy is half-open",
        rules(opening=(hours("09:00", "13:00"),)),
        {1: [span(DAY, "10:00", "11:00")]},
        "09:00 11:00 12:00",
    ),
    (
        "a buffer may touch the next claim, not enter it",
        rules(opening=(hours("09:00", "13:00"),), buffer_after_minutes=15, slot_step_minutes=15),
        {1: [span(DAY, "11:00", "12:00")]},
        "09:00 09:15 09:30 09:45",
    ),
    (
        "longer than the step: every start listed fits",
        rules(opening=(hours("09:00", "12:00"),), duration_minutes=100, slot_step_minutes=30),
        {},
        "09:00 09:30 10:00",
    ),
    (
        "the grid counts from midnight, not from opening",
        rules(opening=(hours("09:10", "11:40"),), slot_step_minutes=25, duration_minutes=25),
        {},
        "09:10 09:35 10:00 10:25 10:50 11:15",
    ),
    (
        "an odd grid",
        rules(opening=(hours("09:10", "11:00"),), slot_step_minutes=40, duration_minutes=30),
        {},
        "09:20 10:00",
    ),
    (
        "busy of somebody else",
        rules(opening=(hours("09:00", "11:00"),)),
        {2: [span(DAY, "09:00", "11:00")]},
        "09:00 10:00",
    ),
    (
        "unsorted, overlapping busy spans",
        rules(opening=(hours("09:00", "14:00"),)),
        {1: [span(DAY, "11:00", "12:00"), span(DAY, "09:00", "11:30"), span(DAY, "09:30", "10:00")]},
        "12:00 13:00",
    ),
]


@each_row(("promise", "service_rules", "busy", "expected"), CASES)
def test_free_starts_of_a_day_match_the_table(promise: str, service_rules: ServiceRules, busy, expected: str) -> None:
    assert starts(service_rules, DAY, busy) == expected.split()


def test_holidays_and_own_closed_days_have_no_slots() -> None:
    berlin = rules(holidays=Holidays(country="DE", subdivision="BE", closed=(date(2026, 12, 24),)))
    assert starts(berlin, "2026-12-23")
    assert not starts(berlin, "2026-12-24")  # own
    assert not starts(berlin, "2026-12-25")
    assert not starts(berlin, "2027-03-08")  # Frauentag: in Berlin …
    assert starts(rules(holidays=Holidays(country="DE", subdivision="BY")), "2027-03-08")  # … not in Bavaria
    assert find_closure(berlin.branch, date(2026, 12, 25)) == "Erster Weihnachtstag"
    assert find_closure(berlin.branch, date(2026, 12, 24)) == ""
    assert find_closure(berlin.branch, date(2026, 12, 23)) is None


def test_unknown_subdivision_keeps_country_holidays_and_booking() -> None:
    with capture_logs() as logs:
        misspelt = rules(holidays=Holidays(country="DE", subdivision="NRW", closed=(date(2026, 12, 24),)))
        assert starts(misspelt, "2026-12-23")
        assert not starts(misspelt, "2026-12-24")  # own
        assert not starts(misspelt, "2026-12-25"), "a holiday of the whole country"
        assert starts(misspelt, "2026-06-04"), "Corpus Christi, in NW only"
        assert starts(rules(holidays=Holidays(country="EN")), "2026-12-25")
    assert {(entry["event"], entry["country"], entry["subdivision"]) for entry in logs} == {
        ("booking.holidays_unknown", "DE", "NRW"),
        ("booking.holidays_unknown", "EN", None),
    }


def test_minimum_notice_counts_absolute_time_from_now() -> None:
    noticed = rules(minimum_notice_minutes=90)
    assert starts(noticed, DAY, now=local(f"{DAY}T09:30"))[0] == "11:00"  # exactly the notice is enough
    assert starts(noticed, DAY, now=local(f"{DAY}T09:30:01"))[0] == "12:00"


def test_notice_over_the_clock_change_counts_real_hours() -> None:
    """cal#12137: 24 h of notice from Saturday 12:00 end on Sunday at 13:00 summer time."""
    assert starts(rules(minimum_notice_minutes=24 * 60), "2027-03-28", now=local("2027-03-27T12:00"))[0] == "13:00"
    assert starts(rules(minimum_notice_minutes=24 * 60), "2027-10-31", now=local("2027-10-30T12:00"))[0] == "11:00"


def test_last_bookable_day_is_today_plus_the_horizon() -> None:
    near = rules(booking_horizon_days=7)
    assert starts(near, "2026-11-27", now=local("2026-11-20T00:01"))[-1] == "17:00"
    assert not starts(near, "2026-11-28", now=local("2026-11-20T23:59"))


def test_spring_clock_change_offers_no_nonexistent_start() -> None:
    """2027-03-28, 02:00 → 03:00: 02:30 does not exist, a day has 23 hours, the grid stays wall clock."""
    night = rules(opening=(hours("00:00", "00:00"),), slot_step_minutes=30, duration_minutes=30)
    assert "01:30 03:00 03:30" in " ".join(starts(night, "2027-03-28"))
    assert len(starts(night, "2027-03-28")) == 46
    across = rules(opening=(hours("01:00", "04:00"),))
    assert starts(across, "2027-03-28") == ["01:00", "03:00"]
    gap = rules(opening=(hours("02:30", "04:00"),), slot_step_minutes=30, duration_minutes=30)
    assert starts(gap, "2027-03-28") == ["03:00", "03:30"]  # opening falls into the gap: it opens at the change


@pytest.mark.parametrize("day", ["2026-10-25", "2027-10-31"])
def test_autumn_offers_the_doubled_hour_once(day: str) -> None:
    night = rules(opening=(hours("00:00", "00:00"),), slot_step_minutes=30, duration_minutes=30)
    found = starts(night, day)
    assert len(found) == 48
    assert len(set(found)) == 48
    first = local(f"{day}T02:30")
    query = SlotQuery(first - timedelta(days=1), first, first + timedelta(minutes=1))
    (slot,) = free_slots(night, {}, query)
    assert slot.start == datetime(*date.fromisoformat(day).timetuple()[:3], 0, 30, tzinfo=UTC)  # the first of the two


def test_durations_are_real_time_across_clock_changes() -> None:
    night = rules(opening=(hours("01:00", "05:00"),), duration_minutes=120, slot_step_minutes=30)
    assert starts(night, "2027-03-28")[-1] == "03:00"
    (slot, *_) = free_slots(
        night, {}, SlotQuery(local("2027-03-27T00:00"), local("2027-03-28T01:00"), local("2027-03-28T05:00"))
    )
    assert f"{slot.end.astimezone(BERLIN):%H:%M}" == "04:00"


def test_service_over_midnight_is_offered_in_another_zone() -> None:
    bar = rules(
        opening=(hours("20:00", "00:00"), hours("00:00", "02:00")),
        duration_minutes=120,
        zone=ZoneInfo("America/New_York"),
    )
    assert starts(bar, "2026-11-27")[-3:] == ["21:00", "22:00", "23:00"]


def test_least_booked_person_of_each_start_is_chosen() -> None:
    both = rules(ANNA, MEHMET)
    busy = {1: [span(DAY, "15:00", "17:00")], 2: [span("2026-11-28", "09:00", "18:00")]}
    slots = free_slots(both, busy, SlotQuery(local("2026-11-20T00:00"), local(f"{DAY}T10:00"), local(f"{DAY}T10:01")))
    assert [s.staff for s in slots] == ["anna", "mehmet"]
    assert [s.staff for s in least_busy_per_start(slots, busy, both)] == ["mehmet"]  # Saturday's work is not Friday's
    assert [s.staff for s in least_busy_per_start(slots, {}, both)] == [
        "anna"
    ]  # equally booked: the order of the config


def test_staff_speaking_callers_language_outrank_less_booked_staff() -> None:
    """A staff member without declared languages speaks German."""
    polyglot = msgspec.structs.replace(ANNA, languages=("de", "en-GB"))
    both, busy = rules(polyglot, MEHMET), {1: [span(DAY, "15:00", "17:00")]}
    slots = free_slots(both, busy, SlotQuery.at(local(f"{DAY}T10:00"), local("2026-11-20T00:00"), None))
    chosen = {code: least_busy_per_start(slots, busy, both, code)[0].staff for code in ("de", "en", "tr")}
    assert chosen == {"de": "mehmet", "en": "anna", "tr": "mehmet"}
    english = rules(msgspec.structs.replace(ANNA, languages=("en",)), MEHMET)
    assert least_busy_per_start(slots, {}, english)[0].staff == "mehmet", "a German caller gets who speaks German"


def test_staff_member_is_free_for_the_whole_span() -> None:
    """cal#12376: free at the start is not free for the span."""
    both = rules(ANNA, MEHMET)
    busy = {1: [span(DAY, "10:30", "11:00")]}
    query = SlotQuery(local("2026-11-20T00:00"), local(f"{DAY}T10:00"), local(f"{DAY}T10:01"))
    assert [s.staff for s in free_slots(both, busy, query)] == ["mehmet"]


def test_nearest_slots_are_ordered_by_start() -> None:
    slots = free_slots(rules(), {}, SlotQuery(local("2026-11-20T00:00"), local(f"{DAY}T00:00"), local(f"{DAY}T23:00")))
    assert [f"{s.start.astimezone(BERLIN):%H:%M}" for s in nearest_slots(slots, local(f"{DAY}T14:10"), 3)] == [
        "13:00",
        "14:00",
        "15:00",
    ]


def test_staff_of_one_start_keep_configured_order() -> None:
    query = SlotQuery.at(local(f"{DAY}T14:00"), local("2026-11-20T00:00"), None)
    assert [slot.staff for slot in free_slots(rules(MEHMET, ANNA), {}, query)] == ["mehmet", "anna"]


@pytest.mark.parametrize(("day", "day_hours"), [(DAY, 24), ("2027-03-28", 23), ("2026-10-25", 25)])
def test_busy_window_of_a_day_includes_buffers(day: str, day_hours: int) -> None:
    window = busy_window(rules(buffer_before_minutes=15, buffer_after_minutes=30), date.fromisoformat(day))
    midnight = local(f"{day}T00:00")
    assert window.start == midnight - timedelta(minutes=15)
    assert window.end == midnight + timedelta(hours=day_hours, minutes=90)


def test_buffers_of_an_appointment_are_within_opening_hours() -> None:
    tight = rules(buffer_before_minutes=30, buffer_after_minutes=45, slot_step_minutes=15)
    now = local("2026-11-20T10:00")
    found = [find_obstacle(tight, local(f"{DAY}T{at}"), now, None) for at in ("09:15", "09:30", "16:15", "16:30")]
    assert found == [Obstacle.OUTSIDE_HOURS, Obstacle.TAKEN, Obstacle.TAKEN, Obstacle.OUTSIDE_HOURS]


def test_single_start_is_checked_with_a_minute_grid() -> None:
    start, now = local(f"{DAY}T10:00"), local("2026-11-20T10:00")
    both = rules(ANNA, MEHMET, slot_step_minutes=1)
    for staff, expected in ((None, ["anna", "mehmet"]), ("mehmet", ["mehmet"]), ("clara", [])):
        assert [(s.start, s.staff) for s in free_slots(both, {}, SlotQuery.at(start, now, staff))] == [
            (start, name) for name in expected
        ]
    assert not free_slots(both, {}, SlotQuery.at(start, start + timedelta(seconds=1), None)), "it is past then"


def test_day_off_does_not_hide_later_days() -> None:
    closed = Holidays(country="DE", subdivision="BE", closed=(date(2026, 11, 27),))
    query = SlotQuery(local("2026-11-20T00:00"), local(f"{DAY}T00:00"), local("2026-11-29T00:00"))
    found = free_slots(rules(opening=(hours("09:00", "10:00"),), holidays=closed), {}, query)
    assert [slot.start for slot in found] == [local("2026-11-28T09:00")]


def test_only_capable_staff_with_a_resource_are_offered() -> None:
    """A staff member gets the resource when the operator has prepared the database, after the config."""
    late = Staff(id="clara", display_name="Clara")
    david = Staff(id="david", display_name="David", resource_ids=(4,))
    branch = Branch(name="mitte", display_name="Mitte", staff=(ANNA, MEHMET, late, david))
    service = Service(name="s", display_name="S", staff={"mitte": ("mehmet", "anna", "clara"), "nord": ("david",)})
    able = ServiceRules.of(BERLIN, branch, service)
    assert (able.zone, able.staff_members) == (BERLIN, (ANNA, MEHMET))
    assert [able.display_name(staff) for staff in ("anna", "david", "eva")] == ["Anna", "David", "eva"]
    elsewhere = ServiceRules.of(BERLIN, msgspec.structs.replace(branch, name="sued"), service)
    assert elsewhere.staff_members == ()


def test_staff_member_least_booked_that_day_is_chosen() -> None:
    both = rules(ANNA, MEHMET)
    slots = free_slots(both, {}, SlotQuery.at(local(f"{DAY}T14:00"), local("2026-11-20T00:00"), None))

    def chosen(annas: list[BusySpan], mehmets: list[BusySpan]) -> str:
        (slot,) = least_busy_per_start(slots, {1: annas, 2: mehmets}, both)
        return slot.staff

    halves = [BusySpan(local(f"{DAY}T09:00"), local(f"{DAY}T10:00"), units=2)] * 2
    assert chosen(halves, [BusySpan(local(f"{DAY}T09:00"), local(f"{DAY}T10:30"))]) == "anna"
    assert chosen([span("2026-11-26", "09:00", "18:00"), span("2026-11-28", "09:00", "18:00")], []) == "anna"
    overnight = BusySpan(local("2026-11-26T20:00"), local(f"{DAY}T01:00"))
    assert chosen([overnight], [span(DAY, "09:00", "11:00")]) == "anna"
    assert chosen([overnight], [span(DAY, "09:00", "09:30")]) == "mehmet"


def test_least_booked_staff_is_found_by_local_day() -> None:
    night = rules(ANNA, MEHMET, opening=(hours("00:00", "00:00"),))
    query = SlotQuery.at(local("2026-11-28T00:00"), local("2026-11-20T00:00"), None)
    busy = {1: [span("2026-11-28", "09:00", "10:00")], 2: [span(DAY, "09:00", "18:00")]}
    assert [slot.staff for slot in least_busy_per_start(free_slots(night, busy, query), busy, night)] == ["mehmet"]


minutes = st.integers(0, 24 * 60)
spans = st.lists(st.tuples(st.integers(0, 3 * 1440), st.integers(1, 300)), max_size=12)


@given(
    day=st.dates(date(2026, 10, 20), date(2027, 11, 5)),
    opens=st.integers(0, 20 * 60),
    length=st.integers(30, 600),
    duration=st.integers(5, 180),
    step=st.sampled_from([5, 10, 15, 20, 30, 45, 60]),
    before=st.integers(0, 40),
    after=st.integers(0, 40),
    notice=st.integers(0, 600),
    taken=spans,
)
def test_every_free_slot_obeys_all_service_rules(
    day, opens, length, duration, step, before, after, notice, taken
) -> None:
    """Each listed slot is bookable: hours, buffers, claims, notice, grid (nc#5597, cal#14868)."""
    closes = min(opens + length, 1439)
    opening = (Hours(days=EVERY_DAY, opens=time(opens // 60, opens % 60), closes=time(closes // 60, closes % 60)),)
    service_rules = rules(
        opening=opening, duration_minutes=duration, slot_step_minutes=step, buffer_before_minutes=before,
        buffer_after_minutes=after, minimum_notice_minutes=notice,
    )  # fmt: skip
    first = datetime.combine(day, time(), BERLIN).astimezone(UTC)
    busy = [BusySpan(first + timedelta(minutes=a), first + timedelta(minutes=a + n)) for a, n in taken]
    now = first + timedelta(hours=6)
    for slot in free_slots(service_rules, {1: busy}, SlotQuery(now, first, first + timedelta(days=3))):
        blocked = service_rules.blocked_span(slot.start, slot.staff)
        wall, wall_start, wall_end = (at.astimezone(BERLIN) for at in (slot.start, blocked.start, blocked.end))
        assert slot.start >= now + timedelta(minutes=notice)
        assert slot.end - slot.start == timedelta(minutes=duration)
        assert (wall.hour * 60 + wall.minute) % step == 0
        assert not wall.fold
        assert all(blocked.end <= s.start or s.end <= blocked.start for s in busy)
        assert wall_start.hour * 60 + wall_start.minute >= opens or wall_start.fold
        assert wall_end.hour * 60 + wall_end.minute <= closes or wall_end.date() > wall.date()
        query = SlotQuery(now, slot.start, slot.start + timedelta(minutes=1))
        assert [s.start for s in free_slots(service_rules, {1: busy}, query)] == [slot.start]


@given(taken=spans)
def test_every_free_slot_is_found(taken) -> None:
    """The other half, against the plainest rule: a grid time is listed unless a claim or closing is in its way."""
    service_rules = rules(
        opening=(hours("09:00", "17:00"),), duration_minutes=45, slot_step_minutes=15, buffer_after_minutes=10
    )
    first = local(f"{DAY}T00:00")
    busy = [BusySpan(first + timedelta(minutes=a), first + timedelta(minutes=a + n)) for a, n in taken]
    found = {
        s.start for s in free_slots(service_rules, {1: busy}, SlotQuery(first, first, first + timedelta(hours=23)))
    }
    for quarter in range(96):
        start = first + timedelta(minutes=15 * quarter)
        end = start + timedelta(minutes=55)
        fits = first + timedelta(hours=9) <= start and end <= first + timedelta(hours=17)
        assert (start in found) == (fits and all(end <= s.start or s.end <= start for s in busy))


def test_ten_people_for_fourteen_days_is_quick() -> None:
    """In less than 20 ms with cached rules."""
    staff_members = tuple(msgspec.structs.replace(ANNA, id=f"p{n}", resource_ids=(n,)) for n in range(10))
    service_rules = rules(
        *staff_members, slot_step_minutes=15, duration_minutes=45, holidays=Holidays(country="DE", subdivision="BE")
    )
    first = local(f"{DAY}T00:00")
    busy = {
        n: [
            BusySpan(first + timedelta(days=d, hours=h), first + timedelta(days=d, hours=h + 1))
            for d in range(14)
            for h in (10, 12, 15)
        ]
        for n in range(10)
    }
    query = SlotQuery(first, first, first + timedelta(days=14))
    assert len(free_slots(service_rules, busy, query)) > 1000
    gc.disable()  # a collection walks the whole test run's objects, which no pod has
    try:
        assert_takes_less(0.02, lambda: free_slots(service_rules, busy, query))
    finally:
        gc.enable()
