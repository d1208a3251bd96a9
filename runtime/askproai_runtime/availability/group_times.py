"""Plan the appointments of a group, one for each person. Pure.

All are served at one time, by different staff members or by one with several places; else one after the other. Then each person
begins on the grid's first start after an earlier person is done: nobody has to come back.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from askproai_runtime.availability.allocation import add_claims, allocate_visit
from askproai_runtime.availability.free_slots import free_starts, list_starts, rank_by
from askproai_runtime.availability.opening_hours import DAY_MINUTES, grid_starts, wall_clock_epoch
from askproai_runtime.availability.slots import Busy, Claims, ServiceRules, Slot, SlotQuery, Span, utc_span

Plan = list[tuple[Slot, Claims]]  # of each person, in the order of the rules


class GroupTimes:
    """Finds plans for a group: who is served when and by whom. One object serves one query, of a local day at most."""

    def __init__(
        self, rules: ServiceRules, busy: Busy, query: SlotQuery, language: str, offered: Sequence[Slot] = ()
    ) -> None:
        self._people, self._busy, self._offered = rules.people, busy, offered
        self.starts = list_starts(rules, query)
        self._grids = [self.starts, *(list_starts(each, _longer(query, rules)) for each in rules.companions)]
        self._ranks = [rank_by(busy, each, language) for each in self._people]
        self._units = {each.id: each.units for each in rules.everybody}
        self._able = [rules.able(query.staff if number == 0 else None) for number, rules in enumerate(self._people)]
        self._serve_all = set.intersection(*({each.id for each in able} for able in self._able))
        self._query = query
        self._free: list[Mapping[int, list[str]]] = [{} for _ in self._people]  # the free staff members by start
        self._ranked: dict[tuple[int, int], list[str]] = {}
        self._sorted: dict[int, list[int]] = {}
        self._longest = int(longest_group(rules).total_seconds())

    def read_free(self) -> Iterator[None]:
        """Find the free starts of each staff member, and yield after each one, so that the event loop can run. Exhaust this
        iterator before you ask for plans. The person whom the fewest staff members can serve comes first. The iterator ends
        early if nobody can serve a person.
        """
        known: dict[tuple[bool, str, tuple[str, ...]], Mapping[int, list[str]]] = {}
        for number in sorted(range(len(self._able)), key=lambda number: len(self._able[number])):
            rules, able = self._people[number], self._able[number]
            key = number == 0, rules.service.name, tuple(each.id for each in able)
            if key not in known:  # companions often have one service
                query = replace(self._query if number == 0 else _longer(self._query, self._people[0]), limit=None)
                free: dict[int, list[str]] = {}
                for each in able:
                    for start in free_starts(rules, each, self._busy, self._grids[number], query):
                        free.setdefault(start, []).append(each.id)
                    yield
                known[key] = free
            self._free[number] = known[key]
            if not known[key]:
                return

    def list_closest(self, target: float) -> list[int]:
        """Return the starts at which a staff member is free for the first person, the closest to `target` first."""
        return sorted(self._free[0], key=lambda start: (abs(start - target), start))

    def find_together(self, start: int) -> Plan | None:
        """Return a plan that serves everybody at `start`; None if there is none."""
        is_free = all(start in free for free in self._free)
        return self._find_at([start] * len(self._people)) if is_free else None

    def find_offered(self) -> Plan | None:
        """Return a plan at the offered times; None if impossible. The offered staff members are preferred."""
        return self._find_at([int(slot.start.timestamp()) for slot in self._offered])

    def _find_at(self, starts: Sequence[int]) -> Plan | None:
        """Return a plan in which each person has a start of their own (`starts`); None if there is none."""
        by_choice = sorted(
            range(len(starts)),
            key=lambda number: (not self._find_wanted(number), len(self._rank(number, starts[number]))),
        )
        found = self._assign(by_choice, starts, {})
        return None if found is None else [found[number] for number in range(len(starts))]

    def find_in_a_row(self, start: int) -> Plan | None:
        """Return the plan from `start` on that ends first, with some persons one after the other; None if there is none."""
        if not all(self._is_free_after(number, start) for number in range(1, len(self._people))):
            return None
        able = self._rank(0, start)
        # A group of n persons uses at most n staff members, so the first n of the ranking suffice.
        firsts: list[tuple[str, str | None]] = [(staff, None) for staff in able[: len(self._people)]]
        firsts += [(staff, staff) for staff in able if staff in self._serve_all]
        plans = [
            plan
            for staff, only in firsts
            if (first := self._allocate(0, staff, start, ())) and (plan := self._line_up(start, [first], only))
        ]
        return min(plans, key=lambda plan: max(slot.end for slot, _ in plan), default=None)

    def _assign(
        self, people: Sequence[int], starts: Sequence[int], planned: Mapping[int, tuple[Slot, Claims]]
    ) -> Mapping[int, tuple[Slot, Claims]] | None:
        if not people:
            return planned
        number, *rest = people
        for staff in self._rank(number, starts[number]):
            part = self._allocate(number, staff, starts[number], planned.values())
            found = part and self._assign(rest, starts, {**planned, number: part})
            if found:
                return found
        return None

    def _line_up(self, start: int, plan: Plan, only: str | None) -> Plan | None:
        """Return a plan for everybody that begins with `plan`, or None. `only` is the id of a staff member who is to serve all."""
        number = len(plan)
        if number == len(self._people):
            return plan
        for at in self._list_next(number, start, plan):
            for staff in self._rank(number, at):
                if only in {None, staff} and (part := self._allocate(number, staff, at, plan)):
                    found = self._line_up(start, [*plan, part], only)
                    if found or only is None:
                        return found
        return None

    def _list_next(self, number: int, start: int, plan: Plan) -> list[int]:
        """Return the starts to try for the person `number`: `start`, and the grid's first start after each planned appointment."""
        rules, found = self._people[number], {start}
        for done, (slot, _) in enumerate(plan):
            buffers = (self._people[done].service.buffer_after_minutes + rules.service.buffer_before_minutes) * 60
            end = int(slot.end.timestamp())
            found |= {_first_on_grid(rules, end), _first_on_grid(rules, end + buffers)}
        return sorted(found)

    def _rank(self, number: int, start: int) -> list[str]:
        """Return the staff members who are free for person `number` at a start, the offered one first."""
        if (known := self._ranked.get((number, start))) is not None:
            return known
        at = datetime.fromtimestamp(start, UTC)
        free = self._free[number].get(start, ())
        wanted = self._find_wanted(number)
        ranked = sorted(free, key=lambda staff: (staff != wanted, self._ranks[number](staff, at)))
        self._ranked[number, start] = ranked
        return ranked

    def _find_wanted(self, number: int) -> str:
        """Return the id of the staff member in the slot that was offered to person `number`; "" without an offer."""
        return self._offered[number].staff if self._offered else ""

    def _is_free_after(self, number: int, start: int) -> bool:
        """Return whether person `number` has a free start from `start` on, before the longest possible group would be over."""
        starts = self._starts_of(number)
        at = bisect_left(starts, start)
        return at < len(starts) and starts[at] < start + self._longest

    def _starts_of(self, number: int) -> list[int]:
        if number not in self._sorted:
            self._sorted[number] = sorted(self._free[number])
        return self._sorted[number]

    def _allocate(
        self, number: int, staff: str, start: int, planned: Iterable[tuple[Slot, Claims]]
    ) -> tuple[Slot, Claims] | None:
        """Return one more slot of a plan, with its claims; None if the planned slots leave too few free resources."""
        rules, at = self._people[number], datetime.fromtimestamp(start, UTC)
        busy = self._busy
        for slot, taken in planned:
            busy = add_claims(busy, taken, self._units[slot.staff])
        claims = allocate_visit(rules, staff, busy, at)
        if claims is None:
            return None
        return Slot(at, at + timedelta(minutes=rules.service_by(staff).duration_minutes), staff), claims


def _first_on_grid(rules: ServiceRules, end: int) -> int:
    """Return the first start of the grid from `end` on. The notice is ignored, since the group is at the branch by then."""
    day = datetime.fromtimestamp(end, UTC).astimezone(rules.zone).date()
    grids = (grid_starts(each, rules.service.slot_step_minutes, rules.zone) for each in (day, day + timedelta(days=1)))
    return next(start for grid in grids for start in grid[bisect_left(grid, end) :])


def find_plan(
    rules: ServiceRules, busy: Busy, query: SlotQuery, language: str, offered: Sequence[Slot] = ()
) -> Plan | None:
    """Return a plan for a group at exactly the start of `query`; None if there is none.

    With `offered` slots, each person keeps the offered time; else all are served together at the start. Other times are not
    planned, since the caller has not agreed to any.
    """
    times = GroupTimes(rules, busy, query, language, offered)
    for _ in times.read_free():
        pass
    if not times.starts:
        return None
    return times.find_offered() if offered else times.find_together(times.starts[0])


def to_group_slot(plan: Plan) -> Slot:
    """Return the slot that offers a plan: the first person's slot, with the companions' slots."""
    (first, _), *others = plan
    return replace(first, companions=tuple(slot for slot, _ in others))


def group_window(rules: ServiceRules, first: datetime, end: datetime) -> Span:
    """Return the span from which claims must be read to plan a group in [first, end), and to rank staff members by their day."""
    day, last_day = (at.astimezone(rules.zone).date() for at in (first, end - timedelta(microseconds=1)))
    opens, closes = wall_clock_epoch(day, 0, rules.zone), wall_clock_epoch(last_day, DAY_MINUTES, rules.zone)
    before = max(each.service.buffer_before_minutes for each in rules.people)
    return utc_span(opens - before * 60, closes + int(longest_group(rules).total_seconds()))


def _longer(query: SlotQuery, rules: ServiceRules) -> SlotQuery:
    """Return the query for the companions, who may begin later than the first person, and at any time of the day."""
    return replace(query, end=query.end + longest_group(rules), daily=None, limit=None, without=frozenset())


def longest_group(rules: ServiceRules) -> timedelta:
    """Return the longest time that a group can take: all persons in a row, each with buffers and one step of the grid."""
    return timedelta(
        minutes=sum(
            each.longest_minutes
            + each.service.buffer_before_minutes
            + each.service.buffer_after_minutes
            + each.service.slot_step_minutes
            for each in rules.people
        )
    )
