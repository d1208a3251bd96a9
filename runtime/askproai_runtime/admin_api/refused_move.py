"""Why an appointment was not moved, for whoever works at the desk: callers hear a German question instead."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.http_server import Problem
from askproai_runtime.booking import Answer, FunctionOutcome

_WHY: Final[Mapping[FunctionOutcome, str]] = {
    FunctionOutcome.PAST: "that time is over",
    FunctionOutcome.TOO_FAR: "that is further ahead than the service can be booked",
    FunctionOutcome.CLOSED_DAY: "the branch is closed on that day",
    FunctionOutcome.OUTSIDE_HOURS: "that is outside of the hours in which the person does this service",
    FunctionOutcome.OFF_GRID: "no appointment of this service begins at that minute",
    FunctionOutcome.TAKEN: "the person is booked or blocked then",
    FunctionOutcome.NOT_BOOKABLE: "its branch, service or person is not declared any more: cancel it, and book a new one",
    FunctionOutcome.GONE: "it was cancelled, has begun or is over",
    FunctionOutcome.REFUSED: "Cal.com refuses it: the appointment stays where it is",
}


def refuse_move(answer: Answer, zone: ZoneInfo) -> Problem:
    """Return the refusal of a move: `outcome` says why, `alternatives` are free times as `{start, end, staff}`."""
    why = answer.cause or _WHY.get(answer.outcome, str(answer.outcome).replace("_", " "))
    free = [{name: slot[name] for name in ("start", "end", "staff")} for slot in answer.fields.get("alternatives", ())]
    members = {"outcome": answer.outcome, "alternatives": free, "zone": zone.key}
    return Problem(409, "Not Moved", why, members=members)
