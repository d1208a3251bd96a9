"""Arguments by authors who knew neither the code nor its tests, each with the right outcome of its call.

A row of `held_out_arguments.jsonl` is called over HTTP at its local time `now`, after the bookings of `before` (caller, start),
and after the words `said`. The letter of an id is its writer's: `b` calls a salon, others a consultancy. `right` has
one of these, or several that all hold:

    books, books_any, either_books_or_asks      the one start that is booked
    asks                                        what a sentence asks for; nothing is booked or noted
    refuses                                     why nothing is booked, and what was asked for is not offered
    offers_at, offers_day, offers_between       a time that is offered; where all that is offered lies
    staff_in, staff_any, phone_is               who does it; the number that is stored
    finds, keeps, says, says_not                appointments that are read out, or stay as they are; words of the answer
    any                                         a list of such outcomes, of which one holds

A row whose `right` was widened by hand says why in `widened`.
"""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from askproai_core.tenant_config import TenantConfig, Weekday
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_core.tenant_config.config import BookingLimits, RateLimits
from askproai_sandbox.example_tenant import AGENT_ID, NUMBER
from tests.worlds.booking_environment import FrozenClock
from tests.worlds.compiled_salon import compile_example
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import TenantPod, open_pod, running_web, sign_retell

ROWS = [
    json.loads(line) for line in (Path(__file__).parent / "held_out_arguments.jsonl").read_text("utf-8").splitlines()
]
ZONE = ZoneInfo("Europe/Berlin")
PEOPLE = [("mitte", name, 1) for name in ("anna", "mehmet", "julia")]
LIMITS = BookingLimits(per_call=99, per_caller_and_day=999, anonymous_per_hour=999)
NO_CALENDAR = {
    "buffer_after_minutes": 0,
    "event_types": (),
    "preparation": "",
    "minimum_notice_minutes": 0,
    "price_amount": "0.00",
}
OWN_NUMBER = PhoneNumber("+493023125010", "+493023125010")
ASKED = {
    "time": r"Uhr|time|when", "day": r"Tag|[Ww]ann|Meinen Sie|[Dd]ay|[Ww]hen|Do you mean", "name": r"Name|name|wem|wen|[Ww]ho",
    "phone": r"Nummer|number", "which": r"Meinen Sie|Do you mean|oder|or\b", "staff": r"bei|with", "anything": "",
}  # fmt: skip
REFUSED = {
    "past": r"vorbei|vergangen|over|past|^(?:Meinen Sie|Do you mean) ",  # or whether the next such day is meant
    "closed": r"outside|außerhalb|geschlossen|zu\b|closed|öffn|open|arbeite|work|schlie|frei|free",
    "no_such_service": "", "no_such_person": "",
}  # fmt: skip


def make_config(
    pod: TenantPod, people: Mapping[str, str], services: Mapping[str, tuple[str, int]], hours: Iterable[Any]
) -> TenantConfig:
    """Return the salon's config with other people (id: that of their resource), services (title and minutes) and opening hours."""
    resources = {each: number for each, number in pod.store.resources.items() if each[1] != "julia"}
    config = compile_example("salon.yaml", resource_ids=resources, tenant=pod.store.tenant, path_prefix="/salon/salon")
    (branch,), offered = config.branches, config.services[0]
    staff = tuple(
        replace(branch.staff[0], id=name, display_name=name.title(), working_hours=None, absences=(), skills=tuple(services),
                resource_ids=(pod.store.resources["mitte", row, 1],))
        for name, row in people.items()
    )  # fmt: skip
    opens = tuple(replace(branch.opening_hours[0], days=days, opens=first, closes=last) for days, first, last in hours)
    return replace(
        config,
        branches=(replace(branch, staff=staff, opening_hours=opens, holidays=None, directions="",
                          phone_numbers=(*branch.phone_numbers, OWN_NUMBER)),),
        services=tuple(
            replace(offered, name=name, display_name=title, spoken_names=(), duration_minutes=minutes,
                    staff={"mitte": tuple(people)}, booking_horizon_days=60, slot_step_minutes=15, **NO_CALENDAR)
            for name, (title, minutes) in services.items()
        ),
        booking_limits=LIMITS,
        rate_limits=RateLimits(functions_per_second=10_000),
    )  # fmt: skip


def consultancy(pod: TenantPod) -> TenantConfig:
    hours = [(tuple(Weekday)[:6], time(8), time(20))]
    return make_config(pod, {"kim": "anna", "lou": "mehmet"}, {"beratung": ("Beratung", 30)}, hours)


def salon(pod: TenantPod) -> TenantConfig:
    days = tuple(Weekday)
    services = {"haarschnitt": ("Haarschnitt", 45), "faerben": ("Färben", 90), "bartschnitt": ("Bartschnitt", 30)}
    hours = [(days[1:5], time(9), time(18)), (days[5:6], time(9), time(14))]
    return make_config(pod, {name: name for name in ("anna", "mehmet", "julia")}, services, hours)


class Caller:
    """Calls functions of a pod at a fixed moment, and reads what is stored of each call."""

    def __init__(self, pod: TenantPod, clock: FrozenClock) -> None:
        self.pod, self.clock = pod, clock

    async def call(
        self, call_id: str, function: str, from_number: str, arguments: Any, said: str | None = None
    ) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "call_id": call_id,
            "agent_id": AGENT_ID,
            "to_number": NUMBER,
            "from_number": from_number,
        }
        if said:
            fields["transcript_with_tool_calls"] = [{"role": "user", "content": said}]
        body = json.dumps({"name": function, "call": fields, "args": arguments}).encode()
        signature = sign_retell(body, at=self.clock.now().timestamp())
        reply = await self.pod.post(f"/retell/functions/{function}", body, {"x-retell-signature": signature})
        return reply.body if reply.status == 200 else {"message": f"HTTP {reply.status}", "success": False}

    async def run(self, row: dict[str, Any]) -> str | None:
        """Call a row's function; return what is not right, None if all is. The book is empty again afterwards."""
        for number, (caller, start) in enumerate(row.get("before", [])):
            args = {"start": start, "service": "Haarschnitt", "customer_name": "Petra Lange"}
            booked = await self.call(f"before_{row['id']}_{number}", "book_appointment", caller, args)
            assert booked["success"], booked
        kept = await self.live()
        answer = await self.call(
            f"call_{row['id']}", row["function"], row["from_number"], row["arguments"], row.get("said")
        )
        found = Found(answer, await self.stored(f"call_{row['id']}"), kept == await self.live())
        await self.pod.db.execute("UPDATE appointments SET status = 'cancelled', offers = NULL")
        await self.pod.db.execute("UPDATE claims SET state = 'released', expires_at = NULL")
        wrong = found.list_wrong(row["right"])
        return f"{row['id']} {row['arguments']} {wrong}: {found.describe()}" if wrong else None

    async def live(self) -> list[tuple[Any, ...]]:
        rows = await self.pod.db.fetch("SELECT id, starts_at FROM appointments WHERE status = 'confirmed' ORDER BY id")
        return [tuple(row) for row in rows]

    async def stored(self, call_id: str) -> list[dict[str, Any]]:
        tables = (
            """SELECT 'appointment' AS what, a.starts_at, a.staff, c.phone FROM appointments a
               LEFT JOIN customers c ON c.id = a.customer_id AND c.tenant = a.tenant
               WHERE a.call_id = $1 AND a.status = 'confirmed'""",
            "SELECT 'message' AS what, coalesce(phone, caller) AS phone FROM messages WHERE call_id = $1",
            "SELECT 'entry' AS what, phone, staff FROM waitlist WHERE call_id = $1",
        )  # fmt: skip
        return [dict(row) for table in tables for row in await self.pod.db.fetch(table, call_id)]


class Found:
    """The outcome of one call: its answer, and what it stored."""

    def __init__(self, answer: dict[str, Any], stored: list[dict[str, Any]], is_kept: bool) -> None:
        self.answer, self.stored, self.is_kept = answer, stored, is_kept
        self.said: str = answer["message"]
        self.booked = [
            f"{row['starts_at'].astimezone(ZONE):%Y-%m-%dT%H:%M}" for row in stored if row["what"] == "appointment"
        ]
        self.slots = answer.get("slots") or answer.get("alternatives") or []
        self.offered = [slot["start"][:16] for slot in self.slots]

    def describe(self) -> str:
        return f"{self.said!r} {self.stored} {self.offered} {self.answer.get('success')}"

    def list_wrong(self, right: dict[str, Any]) -> list[str]:
        if "any" in right:
            return [] if any(not self.list_wrong(each) for each in right["any"]) else [str(right)]
        return [f"{name} {wanted}" for name, wanted in right.items() if not getattr(self, f"is_{name}")(wanted)]

    def is_books(self, start: str) -> bool:
        return self.booked == [start] and self.answer["success"]

    def is_books_any(self, starts: list[str]) -> bool:
        return any(map(self.is_books, starts))

    def is_either_books_or_asks(self, start: str) -> bool:
        return self.is_books(start) or self.is_asks("anything")

    def is_asks(self, what: str) -> bool:
        is_asked = re.search(r"\?|Sagen Sie|[Tt]ell me", self.said) and re.search(ASKED[what], self.said)
        return not self.stored and bool(is_asked)

    def is_refuses(self, why: str) -> bool:
        return not self.stored and not self.answer["success"] and bool(re.search(REFUSED[why], self.said))

    def is_offers_at(self, start: str) -> bool:
        return start in self.offered

    def is_offers_day(self, day: str) -> bool:
        return bool(self.offered) and all(start.startswith(day) for start in self.offered)

    def is_offers_between(self, bounds: list[str]) -> bool:
        return bool(self.offered) and all(bounds[0] <= start <= bounds[1] for start in self.offered)

    def is_staff_in(self, names: list[str]) -> bool:
        return all(slot["staff"] in names for slot in self.slots)

    def is_staff_any(self, _: bool) -> bool:
        return bool(self.slots or self.stored) and all(
            row.get("staff") is None for row in self.stored if row["what"] == "entry"
        )

    def is_phone_is(self, phone: str | None) -> bool:
        return bool(self.stored) and all(row["phone"] == phone for row in self.stored)

    def is_finds(self, starts: list[str]) -> bool:
        return [each["start"][:16] for each in self.answer.get("appointments", [])] == starts

    def is_keeps(self, _: bool) -> bool:
        return self.is_kept and not self.answer["success"]

    def is_says(self, pattern: str) -> bool:
        return bool(re.search(pattern, self.said))

    def is_says_not(self, pattern: str) -> bool:
        return not self.is_says(pattern)


@asynccontextmanager
async def calling(pod: TenantPod, config: TenantConfig, row: dict[str, Any]) -> AsyncIterator[Caller]:
    """Run the web process with a config, in the language and at the moment of a row."""
    clock = FrozenClock(datetime.fromisoformat(row["now"]).replace(tzinfo=ZONE))
    language = {"de": "de-DE", "en": "en-GB"}[row["language"]]
    pod.write_config(replace(config, agents=tuple(replace(agent, language=language) for agent in config.agents)))
    async with running_web(pod, clock, worker_port=9):
        yield Caller(pod, clock)


async def test_held_out_arguments_have_their_expected_outcome(database: Database, tmp_path: Path) -> None:
    wrong = list[str | None]()
    async with open_pod(database, tmp_path, "salon", PEOPLE) as pod:
        for kind in sorted({(row["id"][0] == "b", row["now"], row["language"]) for row in ROWS}):
            rows = [row for row in ROWS if (row["id"][0] == "b", row["now"], row["language"]) == kind]
            async with calling(pod, salon(pod) if kind[0] else consultancy(pod), rows[0]) as caller:
                wrong += [await caller.run(row) for row in rows]
    assert not [each for each in wrong if each], "\n".join(each for each in wrong if each)


def test_held_out_corpus_has_240_unique_rows() -> None:
    assert len({row["id"] for row in ROWS}) == len(ROWS) == 240
