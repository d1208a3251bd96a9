"""Print the demo's result on a terminal."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Column, Table

from askproai_core.terminal import format_time, render_table
from askproai_sandbox.demo.scenario import DemoResult

_ZONE = ZoneInfo("Europe/Berlin")
_ROLES = {"said": "caller", "heard": "agent", "tool": "function", "webhook": "event", "note": "demo"}


def show(result: DemoResult, console: Console) -> None:
    """Print kubectl's table, the steps of the call, and the appointments in both calendars."""
    console.rule("kubectl get tenants.askproai.de,branches,serviceofferings,retellagents -A", align="left")
    console.print(result.resources.rstrip(), highlight=False, soft_wrap=True)
    console.rule("the call, step by step", align="left")
    table = Table("who", Column("what", overflow="fold"), "status", "ms", box=None, pad_edge=False)
    for step in result.call.steps:
        status = "" if step.status is None else str(step.status)
        table.add_row(
            _ROLES[step.kind], step.what, status, "" if step.duration_ms is None else f"{step.duration_ms:.0f}"
        )
    console.print(table)
    console.rule("the appointment in both calendars", align="left")
    books = render_table(("book", "when", "with", "for", "status", "id"), calendar_rows(result), console.width)
    console.print("\n".join([*books.head, *books.body]), highlight=False, markup=False, soft_wrap=True)
    attempts = sum(event["attempts"] for event in result.events)
    console.print(
        f"Retell: {result.agents} agent, {result.llms} LLM, {len(result.bindings)} binding "
        f"(version {result.bindings[0]['agent_version']}, pinned) · Cal.com: {len(result.webhooks)} webhook · "
        f"events: {len(result.events)} stored, {sum(e['status'] == 'processed' for e in result.events)} processed "
        f"in {attempts} attempts",
        highlight=False,
    )


def calendar_rows(result: DemoResult) -> list[tuple[str, ...]]:
    """Return rows of the appointments in PostgreSQL, then of Cal.com's bookings: calendar, start, staff, customer, status, id."""
    rows = [
        ("PostgreSQL", each["starts_at"], each["staff"], each["customer_name"], each["status"], str(each["id"]))
        for each in result.appointments
    ]
    rows += [
        ("Cal.com", datetime.fromisoformat(each["start"]), _host(each), _attendee(each), each["status"], each["uid"])
        for each in result.calcom_bookings
    ]
    return [(book, format_time(start, _ZONE), *rest) for book, start, *rest in rows]


def _host(booking: dict[str, Any]) -> str:
    return str((booking.get("eventType") or {}).get("slug") or booking.get("eventTypeId"))


def _attendee(booking: dict[str, Any]) -> str:
    return ", ".join(attendee["name"] for attendee in booking.get("attendees", ()))
