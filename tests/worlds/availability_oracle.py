"""The availability of a service minute by minute, without the product's code."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from fractions import Fraction
from functools import cache
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import strategies as st

from askproai_core.tenant_config import Branch, Service, Staff, Weekday
from askproai_core.tenant_config.branches import Absence, Holidays, Hours
from askproai_core.tenant_config.services import Segment, StaffOverride
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.availability.slots import BusySpan, FreeSpans, ServiceRules, SlotQuery

MINUTE = timedelta(minutes=1)

BERLIN = ZoneInfo("Europe/Berlin")

# Lord Howe moves by 30 minutes.
ZONES = [BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("UTC")]

DAYS = [
    date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 11, 1), date(2026, 12, 24), date(2026, 11, 20),
]  # fmt: skip

GERMAN_HOLIDAYS = {date(2026, month, day) for month, day in [(4, 3), (4, 6), (12, 25), (12, 26)]}  # near DAYS


@cache
def minutes_of(day: date, zone: ZoneInfo) -> tuple[tuple[datetime, int], ...]:
    """Return every real minute of a local day, with the minute of the day that the wall clock shows."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=14)
    found = []
    for _ in range(51 * 60):
        wall = at.astimezone(zone)
        if wall.date() == day:
            found.append((at, wall.hour * 60 + wall.minute))
        at += MINUTE
    return tuple(found)


def first_minute(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """Return the first real minute at which the wall clock shows `minute` or later."""
    walls = minutes_of(day, zone)
    return next((at for at, wall in walls if wall >= minute), walls[-1][0] + MINUTE)


@cache
def open_minutes(ranges: tuple[Hours, ...], day: date, zone: ZoneInfo) -> frozenset[datetime]:
    found: set[datetime] = set()
    for hours in ranges:
        if list(Weekday)[day.weekday()] in hours.days:
            opens, closes = (t.hour * 60 + t.minute for t in (hours.opens, hours.closes))
            first, end = first_minute(day, opens, zone), first_minute(day, closes or 1440, zone)
            found |= {at for at, _ in minutes_of(day, zone) if first <= at < end}
    return frozenset(found)


def works(staff_member: Staff, at: datetime, rules: ServiceRules) -> bool:
    day = at.astimezone(rules.zone).date()
    if rules.branch.holidays and (day in rules.branch.holidays.closed or day in GERMAN_HOLIDAYS):
        return False
    if any(absence.first <= day <= absence.last for absence in staff_member.absences):
        return False
    hours = rules.branch.opening_hours if staff_member.working_hours is None else staff_member.working_hours
    opening = open_minutes(rules.branch.opening_hours, day, rules.zone)
    return at in opening and at in open_minutes(hours, day, rules.zone)


def has_room(staff_member: Staff, at: datetime, capacity: int, busy: dict[int, list[BusySpan]]) -> bool:
    busy_now = [(r, span) for r in staff_member.resource_ids for span in busy.get(r, ()) if span.start <= at < span.end]
    shares = sum((Fraction(1, span.units) for _, span in busy_now), Fraction(0))
    free = set(staff_member.resource_ids[: staff_member.units]) - {r for r, _ in busy_now}
    needed = staff_member.units // capacity
    return shares + Fraction(1, capacity) <= 1 and len(free) >= needed


def waiting_minutes(*services: Service) -> set[int]:
    """Return the minutes, from the start of the first service, in which the customer waits and the staff member is free."""
    whole = [service.segments or (Segment(minutes=service.duration_minutes),) for service in services]
    kinds = [segment.kind for segments in whole for segment in segments for _ in range(segment.minutes)]
    return {n for n, kind in enumerate(kinds) if kind == "Wait"}


def minutes_with(service: Service, staff: str) -> int:
    """Return the length of a service with a staff member, who may have an own length."""
    own = [each.duration_minutes for each in service.staff_overrides if each.staff == staff and each.duration_minutes]
    return own[0] if own else service.duration_minutes


def is_free_there(remote: dict[str, FreeSpans], staff: str, at: datetime, minutes: int) -> bool:
    """Return whether each minute of a booking is in a span of the remote calendar, and all of them in one span."""
    if staff not in remote:
        return True
    spans = [
        {datetime.fromtimestamp(first, UTC) + n * MINUTE for n in range((end - first) // 60)}
        for first, end in remote[staff].spans
    ]
    wanted = {at + n * MINUTE for n in range(max(minutes, remote[staff].length // 60))}
    return any(wanted <= span for span in spans)


def oracle(
    rules: ServiceRules,
    busy: dict[int, list[BusySpan]],
    query: SlotQuery,
    remote: dict[str, FreeSpans] | None = None,
    parts: Sequence[Service] = (),
) -> Iterator[tuple[datetime, str]]:
    """Yield the starts of a service, each with a staff member; with `parts`, those of a visit of these services in a row.

    One staff member does all parts of a visit. The visit keeps to the grid of the first part, and to the rules of all parts.
    Nobody with an own length for a part does a visit with a wait.
    """
    zone, whole = rules.zone, list(parts) or [rules.service]
    able = [s for s in rules.branch.staff if all(s.id in part.staff["b"] for part in parts)]
    waits = waiting_minutes(*whole)
    if parts and waits:
        own = {each.staff for part in parts for each in part.staff_overrides if each.duration_minutes}
        able = [s for s in able if s.id not in own]
    staff_members = able if parts else rules.staff_members
    before, after = (max(getattr(p, f"buffer_{at}_minutes") for p in whole) for at in ("before", "after"))
    capacity, soon = min(p.capacity for p in whole), max(p.minimum_notice_minutes for p in whole)
    day = query.first.astimezone(zone).date()
    last = query.now.astimezone(zone).date() + timedelta(days=min(p.booking_horizon_days for p in whole))
    while day <= query.end.astimezone(zone).date():
        seen: set[int] = set()
        for at, wall in minutes_of(day, zone):
            if wall % whole[0].slot_step_minutes or wall in seen:
                continue
            seen.add(wall)  # a doubled hour is offered once
            if not (query.first <= at < query.end and at >= query.now + soon * MINUTE and day <= last):
                continue
            for staff_member in staff_members:
                minutes = sum(minutes_with(part, staff_member.id) for part in whole)
                if (
                    query.staff in {None, staff_member.id}
                    and is_free_there(remote or {}, staff_member.id, at, minutes)
                    and all(
                        works(staff_member, at + n * MINUTE, rules)
                        and (n in waits or has_room(staff_member, at + n * MINUTE, capacity, busy))
                        for n in range(-before, minutes + after)
                    )
                ):
                    yield at, staff_member.id
        day += timedelta(days=1)


def times(draw: st.DrawFn) -> Hours:
    opens = draw(st.sampled_from([0, 60, 120, 150, 180, 540, 555, 720, 1320]))
    closes = draw(st.sampled_from([120, 135, 180, 195, 240, 780, 1080, 1410, 1440]).filter(lambda c: c > opens))
    days = draw(
        st.sampled_from([tuple(Weekday), (Weekday.SUN,), (Weekday.SUN, Weekday.MON), (Weekday.FRI, Weekday.SAT)])
    )
    return Hours(days=days, opens=time(opens // 60, opens % 60), closes=time(closes // 60 % 24, closes % 60))


@st.composite
def staff_members(draw: st.DrawFn, number: int, capacity: int, around: date) -> Staff:
    units = capacity * draw(st.sampled_from([n for n in (1, 2, 3) if capacity * n <= 12]))
    resources = draw(st.integers(units, units + 2))  # some are left from a larger number of units
    absent = draw(st.lists(st.integers(-1, 2), max_size=1))
    return Staff(
        id=f"p{number}",
        display_name="",
        working_hours=draw(st.none() | st.lists(st.composite(times)(), min_size=1, max_size=2).map(tuple)),
        absences=tuple(Absence(first=around + timedelta(days=n), last=around + timedelta(days=n)) for n in absent),
        resource_ids=tuple(range(number * 100, number * 100 + resources)),
        units=units,
    )


def parts(*minutes: int) -> tuple[Segment, ...]:
    """Return segments of these lengths: work, wait, work, and so on."""
    return tuple(Segment(n, list(SegmentKind)[i % 2]) for i, n in enumerate(minutes))


def overrides(draw: st.DrawFn, staff: Sequence[str]) -> tuple[StaffOverride, ...]:
    """Return own lengths of some staff members."""
    chosen = [member for member in staff if not draw(st.integers(0, 2))]
    return tuple(StaffOverride(member, draw(st.sampled_from([None, 5, 20, 60, 120]))) for member in chosen)


SEGMENTS = [(), (), parts(30, 30, 45), parts(10, 5, 10, 60, 20), parts(1, 89, 30), (*parts(15), *parts(15, 45, 15))]


@st.composite
def cases(draw: st.DrawFn) -> tuple[ServiceRules, dict[int, list[BusySpan]], SlotQuery]:
    zone, day = draw(st.sampled_from(ZONES)), draw(st.sampled_from(DAYS))
    capacity = draw(st.sampled_from([1, 1, 2, 3, 4]))
    staff = tuple(draw(staff_members(number, capacity, day)) for number in range(draw(st.integers(1, 2))))
    segments = draw(st.sampled_from(SEGMENTS))
    whole = draw(st.sampled_from([10, 30, 45, 90]))
    service = Service(
        name="s", display_name="S", capacity=capacity, segments=segments,
        duration_minutes=sum(segment.minutes for segment in segments) or whole,
        slot_step_minutes=draw(st.sampled_from([15, 20, 30, 60])),
        buffer_before_minutes=draw(st.sampled_from([0, 0, 5])), buffer_after_minutes=draw(st.sampled_from([0, 10])),
        minimum_notice_minutes=draw(st.sampled_from([0, 60, 600])), booking_horizon_days=draw(st.sampled_from([0, 1, 90])),
        staff_overrides=() if segments else overrides(draw, [each.id for each in staff]),
    )  # fmt: skip
    holidays = Holidays(country="DE", closed=draw(st.sampled_from([(), (day,)]))) if draw(st.booleans()) else None
    branch = Branch(
        name="b", display_name="B", opening_hours=tuple(draw(st.lists(st.composite(times)(), min_size=1, max_size=3))),
        holidays=holidays, staff=staff,
    )  # fmt: skip
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    busy: dict[int, list[BusySpan]] = {}
    for resource_id, after, length, units in draw(
        st.lists(
            st.tuples(
                st.sampled_from([r for staff_member in staff for r in staff_member.resource_ids]),
                st.integers(-900, 1500), st.integers(1, 240), st.sampled_from([1, 2, 3, 4, 12]),
            ),
            max_size=8,
        )
    ):  # fmt: skip
        start = noon + after * MINUTE
        owner = next(s for s in staff if resource_id in s.resource_ids)
        parts = owner.units if units != 1 and resource_id in owner.resource_ids[: owner.units] else units
        taken = BusySpan(start, start + length * MINUTE, parts)
        # The rule of the exclusion constraint.
        if all(taken.end <= other.start or other.end <= taken.start for other in busy.get(resource_id, ())):
            busy.setdefault(resource_id, []).append(taken)
    first = noon - timedelta(minutes=draw(st.integers(0, 900)))
    now = noon - timedelta(minutes=draw(st.sampled_from([0, 720, 1440, 3000])))
    query = SlotQuery(
        now, first, first + timedelta(minutes=draw(st.integers(1, 1500))), draw(st.sampled_from([None, "p0"]))
    )
    return ServiceRules(zone, branch, service, staff), busy, query


def open_all_day(rules: ServiceRules) -> ServiceRules:
    hours = (Hours(days=tuple(Weekday), opens=time(), closes=time()),)
    staff = tuple(msgspec.structs.replace(each, working_hours=None, absences=()) for each in rules.branch.staff)
    branch = msgspec.structs.replace(rules.branch, opening_hours=hours, holidays=None, staff=staff)
    return replace(rules, branch=branch, staff_members=staff)
