"""How the demo's outcome looks on a terminal."""

from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.table import Table

from askproai_sandbox.caller import Step
from askproai_sandbox.demo.scenario import DemoResult

_ZONE = ZoneInfo("Europe/Berlin")
_ICONS = {"said": "caller", "heard": "agent", "tool": "function", "webhook": "event"}


def show(outcome: DemoResult, console: Console) -> None:
    """Print what kubectl says, the call step by step, and both books."""
    console.rule("kubectl get tenants.askproai.de,branches,serviceofferings,retellagents -A", align="left")
    console.print(outcome.resources.rstrip(), highlight=False, soft_wrap=True)
    console.rule("the call, step by step", align="left")
    table = Table("who", "what", "status", "ms", box=None, pad_edge=False)
    for step in outcome.call.steps:
        status = "" if step.status is None else str(step.status)
        table.add_row(
            _ICONS[step.kind], _what(step), status, "" if step.duration_ms is None else f"{step.duration_ms:.0f}"
        )
    console.print(table)
    console.rule("what stands in the books", align="left")
    console.print(_table(outcome))
    attempts = sum(event["attempts"] for event in outcome.events)
    console.print(
        f"Retell: {outcome.agents} agent, {outcome.llms} LLM, {len(outcome.bindings)} binding "
        f"(version {outcome.bindings[0]['agent_version']}, pinned) · Cal.com: {len(outcome.webhooks)} webhook · "
        f"events: {len(outcome.events)} stored, {sum(e['status'] == 'processed' for e in outcome.events)} processed "
        f"in {attempts} attempts",
        highlight=False,
    )


def _what(step: Step) -> str:
    if step.kind in {"said", "heard"}:
        return step.text or ""
    if step.kind == "webhook":
        return step.name or ""
    arguments = ", ".join(f"{name}={value}" for name, value in (step.arguments or {}).items())
    return f"{step.name}({arguments})"


def _table(outcome: DemoResult) -> Table:
    table = Table("book", "when", "with", "for", "status", "id", box=None, pad_edge=False)
    for row in books(outcome):
        table.add_row(*row)
    return table


def books(outcome: DemoResult) -> list[tuple[str, str, str, str, str, str]]:
    """Give what stands in PostgreSQL and at Cal.com: book, when, with whom, for whom, status, id."""
    own = [
        (
            "PostgreSQL",
            f"{row['starts_at'].astimezone(_ZONE):%a %d.%m.%Y %H:%M}",
            row["staff"],
            row["customer_name"],
            row["status"],
            str(row["id"]),
        )
        for row in outcome.appointments
    ]
    theirs = [
        ("Cal.com", booking["start"], _host(booking), _attendee(booking), booking["status"], booking["uid"])
        for booking in outcome.calcom_bookings
    ]
    return own + theirs


def _host(booking: dict[str, Any]) -> str:
    return str((booking.get("eventType") or {}).get("slug") or booking.get("eventTypeId"))


def _attendee(booking: dict[str, Any]) -> str:
    return ", ".join(attendee["name"] for attendee in booking.get("attendees", ()))
