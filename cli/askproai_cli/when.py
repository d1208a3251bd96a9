"""`askproai when`: show how the grammar understands the words for a date or a time."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from askproai_cli.output import Output, OutputOption, print_json
from askproai_core.languages import Language
from askproai_core.terminal import format_day, format_time

if TYPE_CHECKING:
    from askproai_runtime.spoken_times import Candidate, Daily, Understanding

_REFUSED = {
    "not_understood": "not understood: the agent asks the caller for day and time",
    "past": "understood, but it is over: the agent asks for another time",
    "impossible": "there is no such day or time: the agent asks for another one",
}


def when(
    text: Annotated[
        str, typer.Argument(help="The words of the caller in the agent's language, or ISO.", metavar="TEXT")
    ],
    at: Annotated[
        str | None, typer.Option(help="Start of the call, ISO; without offset it is local. Default: now.")
    ] = None,
    zone: Annotated[str, typer.Option(help="Time zone of the branch.")] = "Europe/Berlin",
    language: Annotated[Language, typer.Option(help="Language of the agent.")] = Language.DE,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show how the grammar of a language understands a date or time. Exit code 1: it found no time that could be booked."""
    from askproai_runtime.sentences import speaking
    from askproai_runtime.spoken_times import understand

    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as Europe
        raise typer.BadParameter(f"{zone} is no time zone such as Europe/Berlin", param_hint="--zone") from None
    try:
        moment = datetime.fromisoformat(at) if at else datetime.now(UTC)
    except ValueError:
        raise typer.BadParameter(f"{at} is no ISO time such as 2026-11-20T10:00", param_hint="--at") from None
    with speaking(language):
        understood = understand(text, at=moment if moment.tzinfo else moment.replace(tzinfo=tz), zone=tz)
    if output is Output.JSON:
        print_json(_to_json(understood))
    elif understood.refused:
        typer.echo(_REFUSED[understood.refused], err=True)
    else:
        for candidate in understood.candidates:
            typer.echo(f"{_span(candidate)}  {candidate.reading}")
        if understood.ambiguous:
            typer.echo("ambiguous: the agent asks which one is meant")
        elif len(understood.candidates) > 1:
            typer.echo("a choice: the agent offers what is free first")
    if understood.refused:
        raise typer.Exit(1)


def _span(candidate: "Candidate") -> str:
    """Return start and end as text; for whole days only the dates."""
    start, end = candidate.start, candidate.end
    if end is None:
        return format_time(start, start.tzinfo)
    if not any((start.hour, start.minute, end.hour, end.minute)):
        first, last = format_day(start), format_day(end - timedelta(days=1))
        return first if first == last else f"{first} to {last}"
    return f"{format_time(start, start.tzinfo)} to {format_time(end, end.tzinfo)}"


def _to_json(understood: "Understanding") -> dict[str, object]:
    """Return `{"candidates": [{"start", "end"?, "grain", "reading", "daily"?, "latest"?}], "ambiguous", "refused"}`."""
    candidates = [
        {"start": candidate.start.isoformat()}
        | ({"end": candidate.end.isoformat()} if candidate.end else {})
        | {"grain": str(candidate.grain), "reading": candidate.reading}
        | ({"daily": _daily(candidate.daily)} if candidate.daily else {})
        | ({"latest": True} if candidate.latest else {})
        for candidate in understood.candidates
    ]
    return {"candidates": candidates, "ambiguous": understood.ambiguous, "refused": understood.refused}


def _daily(daily: "Daily") -> dict[str, object]:
    """Return a daily window as `{"weekdays": [1 (Monday) to 7], "opens", "closes"}`; `closes` null: until midnight."""
    return {
        "weekdays": [number + 1 for number in sorted(daily.weekdays)],
        "opens": f"{daily.opens:%H:%M}",
        "closes": f"{daily.closes:%H:%M}" if daily.closes else None,
    }
