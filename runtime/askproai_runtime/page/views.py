"""The views of a tenant's page. Each reads data by the private API, with the viewer's rights, and returns template values."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.http_server import Problem
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.admin_api import (
    MAX_ROWS,
    ApiRequest,
    Paging,
    Pulse,
    PulseStore,
    appointments,
    blocks,
    calls,
    circuits,
    events,
    failures,
    figures,
    messages,
    notifications,
    sessions,
    timelines,
    waitlist,
)
from askproai_runtime.admin_api.appointment_entry import AppointmentEntry
from askproai_runtime.availability.slots import Span
from askproai_runtime.book.actor import DESK_CALL
from askproai_runtime.desk.blocks import is_longest
from askproai_runtime.input_values import require_storable
from askproai_runtime.notifications.types import State
from askproai_runtime.page.bookings_chart import draw_bookings
from askproai_runtime.page.day_plan import list_people, list_whole_days, plan_day, week_of
from askproai_runtime.process import Process
from askproai_runtime.visits import find_by_name, list_parts

_MAX_APPOINTMENTS: Final = 2_000  # of a view
_MAX_OF_BLOCK: Final = 500  # a pause of a year contains all booked appointments
_ROWS: Final = 100  # of a list
_CALL_DAYS: Final = 3
_SEVERAL: Final = 409
_NO_SUCH_ID: Final = frozenset({400, 404, _SEVERAL})
_FAILED_WITHIN: Final = timedelta(hours=24)
_MAX_FAILURES: Final = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """The values of a view's template. `subjects` are kinds of data: when one changes, the open page reads the view again."""

    values: Mapping[str, Any]
    subjects: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class ShownPause:
    """A pause of bookings in force now. `id` is its block's id, `branches` are display names. `until` None: no end was set."""

    id: str
    branches: Sequence[str]
    since: datetime
    until: datetime | None
    reason: str


@dataclass(frozen=True, slots=True)
class Asking:
    """A request for a view or an action: the request to the private API and the page's own parameters. `form` has the entered
    fields; it is empty before anything is entered.
    """

    request: ApiRequest
    query: Mapping[str, str]
    path: Mapping[str, str]
    form: Mapping[str, str]

    def paging(self) -> Paging:
        """Return the requested page of a list."""
        return Paging(_ROWS, self.query.get("cursor") or None)


class Views:
    """Reads the data of all views of one tenant. `health` returns the content of `/health/detailed`."""

    def __init__(self, process: Process, store: PulseStore, health: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._process, self._store, self._health = process, store, health

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self._process.config.current.time_zone)

    def now(self) -> datetime:
        return self._process.clock.now()

    async def pulse(self) -> Pulse:
        """Return the counts of waiting work and the change marks of the shown data."""
        midnight = self.now().astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return await self._store.get_pulse(midnight - timedelta(days=1), self.now() - _FAILED_WITHIN)

    async def _list_appointments(self, asking: Asking, first: date, last: date) -> tuple[list[AppointmentEntry], bool]:
        """Return the appointments from the first to the last day, both included, and True if there are more than a view shows."""
        found: list[AppointmentEntry] = []
        start, end = (datetime.combine(day, time(), self.zone) for day in (first, last + timedelta(days=1)))
        paging = Paging(MAX_ROWS)
        while True:
            page = await appointments.list_page(asking.request, paging, start, end)
            found += page.appointments
            if page.next is None or len(found) >= _MAX_APPOINTMENTS:
                return found, page.next is not None
            paging = Paging(MAX_ROWS, page.next)

    async def show_day(self, asking: Asking) -> Shown:
        day = _day(asking, self.now().astimezone(self.zone).date())
        booked, cut = await self._list_appointments(asking, day, day)
        blocked = await blocks.list_page(asking.request, Paging(MAX_ROWS))
        # In a thread, as rendering is: 2,000 appointments take longer than a caller should wait.
        plan = await asyncio.to_thread(plan_day, self._process.config.current, day, booked, blocked.blocks)
        around = {"before": day - timedelta(days=1), "after": day + timedelta(days=1)}
        cut = cut or blocked.next is not None
        return Shown({"plan": plan, "shown_day": day, "cut": cut, **around, **self._names()}, ("appointments",))

    async def show_week(self, asking: Asking) -> Shown:
        today = self.now().astimezone(self.zone).date()
        days = week_of(_day(asking, today))
        booked, cut = await self._list_appointments(asking, days[0], days[-1])
        live = [each for each in booked if each.status != "cancelled"]
        people = list_people(self._process.config.current, live)
        cells: dict[tuple[str, str, date], list[AppointmentEntry]] = {}
        for each in live:
            cells.setdefault((each.branch, each.staff, each.start.date()), []).append(each)
        page = await blocks.list_page(asking.request, Paging(MAX_ROWS))
        blocked: dict[tuple[str, str, date], list[blocks.BlockEntry]] = {}
        for block, day in product(page.blocks, days):
            if block.start.date() <= day <= (block.end - timedelta(microseconds=1)).date():
                for entry in block.staff:
                    branch, _, person = entry.partition("/")
                    blocked.setdefault((branch, person, day), []).append(block)
        around = {"before": days[0] - timedelta(days=7), "after": days[0] + timedelta(days=7)}
        cut = cut or page.next is not None
        away = list_whole_days(self._process.config.current, people, days)
        values = {"days": days, "people": people, "cells": cells, "blocked": blocked, "away": away, "cut": cut}
        values |= {"this_day": today, **around}
        return Shown(values | self._names(), ("appointments",))

    async def show_calls(self, asking: Asking) -> Shown:
        since = (self.now() - timedelta(days=_CALL_DAYS)).astimezone(self.zone).date()
        page = await calls.list_page(asking.request, asking.paging(), datetime.combine(since, time(), self.zone))
        return Shown({"calls": page.calls, "next": page.next, "branches": self.branch_names()}, ("calls",))

    async def show_call(self, asking: Asking) -> Shown:
        """Show the timeline of one call. Its caller and transcript are shown only on request, which the audit log records."""
        personal = asking.query.get("personal") == "true"
        timeline = await timelines.timeline(asking.request, asking.path["id"], personal=personal)
        subjects = ("calls", "appointments", "dead")
        values = {"timeline": timeline, "call_id": asking.path["id"], "personal": personal, **self._names()}
        return Shown(values, subjects)

    async def show_appointment(self, asking: Asking) -> Shown:
        detail = await appointments.show(asking.request, asking.path["id"])
        timeline = await timelines.find_timeline(asking.request, detail.appointment.id)
        return Shown(
            {"detail": detail, "entry": detail.appointment, "timeline": timeline, "personal": False, **self._names()},
            ("appointments", "calls"),
        )

    async def show_timeline(self, asking: Asking) -> Shown:
        """Show the timeline of the call, appointment or correlation whose id was entered. If nothing has this id, show that."""
        asked = asking.query.get("id", "").strip()
        values: dict[str, Any] = {"asked": asked, "timeline": None, "unfound": "", "calls": [], "appointments": []}
        subjects = ("calls", "appointments", "dead")  # an unknown id may exist in a moment
        if not asked:
            return Shown(values | self._names(), subjects)
        try:
            found = await timelines.find_timeline(asking.request, asked)
        except Problem as problem:
            if problem.status not in _NO_SUCH_ID:
                raise
            values["unfound"] = "several" if problem.status == _SEVERAL else "unknown"
            return Shown(values | self._names(), subjects)
        named = dict.fromkeys(each.call_id for each in found.moments if is_call(each.call_id))
        booked = dict.fromkeys(each.appointment_id for each in found.moments if each.appointment_id)
        values |= {"timeline": found, "calls": list(named), "appointments": list(booked)}
        return Shown(values | self._names(), subjects)

    async def show_cancel(self, asking: Asking) -> Shown:
        """Show the form that cancels an appointment."""
        return Shown({"entry": await self._appointment(asking), "fields": asking.form, **self._names()})

    async def show_move(self, asking: Asking) -> Shown:
        """Show the form for an appointment's new start, with the present start filled in."""
        entry = await self._appointment(asking)
        now = {"day": entry.start.date().isoformat(), "time": f"{entry.start:%H:%M}", "staff": ""}
        others = list_others(self._process.config.current, entry)
        return Shown({"entry": entry, "fields": now | dict(asking.form), "others": others, **self._names()})

    async def show_blocks(self, asking: Asking) -> Shown:
        page = await blocks.list_page(asking.request, asking.paging())
        return Shown({"blocks": page.blocks, "next": page.next, **self._names()}, ("appointments",))

    async def show_block(self, asking: Asking) -> Shown:
        detail = await blocks.show(asking.request, asking.path["id"])
        paused = detail.block.id in {pause.id for pause in await self.list_pauses(asking)}
        values = {"block": detail.block, "paused": paused, **self._names()}
        cut = len(detail.appointments) > _MAX_OF_BLOCK
        return Shown(values | {"appointments": detail.appointments[:_MAX_OF_BLOCK], "cut": cut}, ("appointments",))

    async def list_pauses(self, asking: Asking) -> list[ShownPause]:
        """Return the pauses in force now."""
        found = await blocks.list_pauses(asking.request)
        names = self.branch_names()
        return [
            ShownPause(
                pause.block.id, [names.get(each, each) for each in pause.branches], pause.block.start,
                None if is_longest(Span(pause.block.start, pause.block.end)) else pause.block.end, pause.block.reason,
            )
            for pause in found.pauses
        ]  # fmt: skip

    async def show_pause(self, asking: Asking) -> Shown:
        """Show the form that pauses the bookings of a branch from now on, until an optional end."""
        empty = dict.fromkeys(("branch", "last_day", "last_time", "reason"), "")
        branches = [
            (place.name, place.display_name)
            for place in self._process.config.current.branches
            if any(member.resource_ids for member in place.staff)
        ]
        return Shown({"branches": branches, "fields": empty | dict(asking.form)})

    async def show_new_block(self, asking: Asking) -> Shown:
        """Show the form for a new block: the person, the span and the reason."""
        empty = dict.fromkeys(("who", "time", "last_day", "last_time", "reason"), "")
        day = _day(asking, self.now().astimezone(self.zone).date()).isoformat()
        config = self._process.config.current
        everybody = [(place.name, place.display_name) for place in config.branches if len(place.staff) > 1]
        people = list_people(config, ())
        return Shown({"everybody": everybody, "fields": empty | {"day": day} | dict(asking.form), "people": people})

    async def show_done(self, asking: Asking) -> Shown:
        """Show the form that marks a message as dealt with."""
        detail = await messages.show(asking.request, asking.path["id"])
        return Shown({"message": detail.message, "fields": asking.form})

    async def show_failures(self, asking: Asking) -> Shown:
        listed = await failures.list_all(asking.request, self.now() - _FAILED_WITHIN, _MAX_FAILURES)
        return Shown({"failures": listed.failures, **self._names()}, ("failed",))

    async def show_messages(self, asking: Asking) -> Shown:
        page = await messages.list_page(asking.request, asking.paging())
        return Shown({"messages": page.messages, "next": page.next, **self._names()}, ("messages",))

    async def show_waitlist(self, asking: Asking) -> Shown:
        page = await waitlist.list_page(asking.request, asking.paging())
        return Shown({"entries": page.entries, "next": page.next, **self._names()}, ("waitlist",))

    async def show_dead(self, asking: Asking) -> Shown:
        dead = await events.list_page(asking.request, Paging(_ROWS), events.EventStatus.DEAD)
        unsent = await notifications.list_page(asking.request, Paging(_ROWS), State.DEAD)
        cut = dead.next is not None or unsent.next is not None
        values = {"events": dead.events, "notifications": unsent.notifications, "cut": cut}
        return Shown(values, ("dead",))

    async def show_figures(self, asking: Asking) -> Shown:
        found = await figures.show(asking.request)
        chart = draw_bookings(found.days, self.now().astimezone(self.zone).date())
        # Not read again at each call function: a busy tenant's month has tens of thousands of rows.
        return Shown({"figures": found, "chart": chart}, ("failed",))

    async def show_system(self, asking: Asking) -> Shown:
        found = await circuits.list_all(asking.request)
        numbers = [
            (each.display_name, number)
            for each in self._process.config.current.branches
            for number in each.phone_numbers
        ]
        return Shown({"circuits": found.circuits, "health": await self._health(), "numbers": numbers}, ("dead",))

    async def show_sessions(self, asking: Asking) -> Shown:
        listed = await sessions.list_open(asking.request)
        return Shown({"sessions": listed.sessions}, ("appointments",))  # the mark of appointments covers the audit log

    async def _appointment(self, asking: Asking) -> AppointmentEntry:
        detail = await appointments.show(asking.request, asking.path["id"])
        return detail.appointment

    def branch_names(self) -> dict[str, str]:
        """Return the display name of each branch, by its name."""
        return {branch.name: branch.display_name for branch in self._process.config.current.branches}

    def _names(self) -> dict[str, Any]:
        config = self._process.config.current
        services = {each.name: each.display_name for each in config.services}
        # A timeline names no branch: an id that belongs to different people is shown as an id.
        named = {(member.id, member.display_name) for branch in config.branches for member in branch.staff}
        people = {staff: name for staff, name in named if sum(staff == other for other, _ in named) == 1}
        return {
            "service_name": partial(show_services, services),
            "subject": partial(show_subject, services, people),
            "person_names": people,
            "staff": {(b.name, member.id): member.display_name for b in config.branches for member in b.staff},
            "branch_names": self.branch_names(),
        }


def is_call(call_id: str | None) -> bool:
    """Return True if the `call_id` of a timeline entry is a call's id; False if it is None or the id of a desk request."""
    return bool(call_id) and not str(call_id).startswith(DESK_CALL)


def show_services(display_names: Mapping[str, str], name: str | None) -> str:
    """Return the display name of a service or visit, such as `Waschen + Schneiden`. An undeclared service is shown by its id."""
    return " + ".join(display_names.get(part, part) for part in list_parts(name or ""))


def list_others(config: TenantConfig, entry: AppointmentEntry) -> list[tuple[str, str]]:
    """Return id and display name of the other staff members in an appointment's branch who do its service."""
    branch, service = config.find_branch(entry.branch), find_by_name(config, entry.service, entry.branch)
    if branch is None or service is None:  # the service is not declared any more
        return []
    able = set(service.staff.get(entry.branch, ())) - {entry.staff}
    return [(member.id, member.display_name) for member in branch.staff if member.id in able]


def show_subject(services: Mapping[str, str], people: Mapping[str, str], name: str) -> str:
    """Return the subject of a timeline entry (`service · staff` as ids) with display names."""
    service, *staff = name.split(" · ")
    return " · ".join([show_services(services, service), *(people.get(each, each) for each in staff)])


@dataclass(frozen=True, slots=True)
class View:
    """A view: the key of its word in the menu, its template, and the function that reads it. `count` counts waiting entries."""

    name: str
    template: str
    read: Callable[[Views, Asking], Awaitable[Shown]]
    count: Callable[[Pulse], int] = lambda _: 0


# By their paths. The menu has the first view of each name, in this order.
VIEWS: Final[dict[str, View]] = {
    "/": View("today", "day.html", Views.show_day),
    "/week": View("week", "week.html", Views.show_week),
    "/calls": View("calls", "calls.html", Views.show_calls),
    "/calls/{id}": View("calls", "call.html", Views.show_call),
    "/timeline": View("calls", "timeline.html", Views.show_timeline),
    "/appointments/{id}": View("today", "appointment.html", Views.show_appointment),
    "/blocks": View("today", "blocks.html", Views.show_blocks),
    "/blocks/{id}": View("today", "block.html", Views.show_block),
    "/failures": View("failures", "failures.html", Views.show_failures, lambda pulse: pulse.failed),
    "/messages": View("messages", "messages.html", Views.show_messages, lambda pulse: pulse.open_messages),
    "/waitlist": View("waitlist", "waitlist.html", Views.show_waitlist, lambda pulse: pulse.waiting),
    "/dead-letters": View("dead", "dead.html", Views.show_dead, lambda pulse: pulse.dead),
    "/figures": View("figures", "figures.html", Views.show_figures),
    "/system": View("system", "system.html", Views.show_system),
    "/sessions": View("system", "sessions.html", Views.show_sessions),
}

# Nothing that changes replaces a form while somebody fills it in.
FORMS: Final[dict[str, View]] = {
    "/appointments/{id}/cancel": View("today", "cancel.html", Views.show_cancel),
    "/appointments/{id}/move": View("today", "move.html", Views.show_move),
    "/blocks/new": View("today", "new_block.html", Views.show_new_block),
    "/pause": View("today", "pause.html", Views.show_pause),
    "/messages/{id}/done": View("messages", "done.html", Views.show_done),
}


def list_menu(pulse: Pulse) -> list[tuple[str, str, int]]:
    """Return the menu: name and path of each view, and the number of entries in it that wait for somebody."""
    paths = {view.name: path for path, view in reversed(VIEWS.items())}
    return [(view.name, path, view.count(pulse)) for path, view in VIEWS.items() if paths[view.name] == path]


def _day(asking: Asking, today: date) -> date:
    """Return the requested day, or `today` if none is requested. Raises `Problem` 400 for an invalid day."""
    text = asking.query.get("day")
    if not text:
        return today
    try:
        return require_storable(date.fromisoformat(text))
    except ValueError:
        raise Problem(400, "Bad Request", "day is a day such as 2026-11-27") from None
