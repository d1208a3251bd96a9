"""Why an appointment was not moved or booked, for the people at the desk: callers hear a German question instead."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.http_server import Problem
from askproai_runtime.conversation.types import Answer, FunctionOutcome

_WHY: Final[Mapping[FunctionOutcome, str]] = {
    FunctionOutcome.PAST: "that time is over",
    FunctionOutcome.TOO_FAR: "that is further ahead than the service can be booked",
    FunctionOutcome.CLOSED_DAY: "the branch is closed on that day",
    FunctionOutcome.DAY_OFF: "the person does not work on that day",
    FunctionOutcome.OUTSIDE_HOURS: "that is outside of the hours in which the person does this service",
    FunctionOutcome.OFF_GRID: "no appointment of this service begins at that minute",
    FunctionOutcome.GONE: "it was cancelled, has begun or is over",
    FunctionOutcome.REFUSED: "Cal.com refuses it: the appointment stays where it is",
}
_WHY_NOT_BOOKED: Final[Mapping[FunctionOutcome, str]] = {
    FunctionOutcome.OUTSIDE_HOURS: "that is outside of the hours in which anybody, or this person, does this service",
    FunctionOutcome.GONE: "it was booked, and is cancelled or was refused by Cal.com since: a new request_id books again",
    FunctionOutcome.REFUSED: "Cal.com refuses it, so nothing is booked: the appointments with the status failed say why",
}


def refuse_move(answer: Answer, zone: ZoneInfo) -> Problem:
    """Return the refusal of a move: `outcome` says why, `alternatives` are free times as `{start, end, staff}`."""
    return _refuse("Not Moved", answer, zone, _WHY)


def refuse_booking(answer: Answer, zone: ZoneInfo) -> Problem:
    """Return the refusal of a booking, with the same members."""
    return _refuse("Not Booked", answer, zone, {**_WHY, **_WHY_NOT_BOOKED})


def _refuse(title: str, answer: Answer, zone: ZoneInfo, reasons: Mapping[FunctionOutcome, str]) -> Problem:
    why = answer.cause or reasons.get(answer.outcome, str(answer.outcome).replace("_", " "))
    free = [{name: slot[name] for name in ("start", "end", "staff")} for slot in answer.fields.get("alternatives", ())]
    members = {"outcome": answer.outcome, "alternatives": free, "zone": zone.key}
    return Problem(409, title, why, members=members)
