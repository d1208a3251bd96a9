"""Refusals of a move or booking, as problem documents in English for the desk. Callers hear a German question instead."""

from collections.abc import Mapping
from typing import Final
from zoneinfo import ZoneInfo

from askproai_core.http_server import Problem
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.desk.outcomes import ChangeRefusal, NotDone

_WHY: Final[Mapping[Obstacle | ChangeRefusal, str]] = {
    Obstacle.PAST: "that time is over",
    Obstacle.TOO_SOON: "that is sooner than the service can be booked",
    Obstacle.TOO_FAR: "that is further ahead than the service can be booked",
    Obstacle.CLOSED_DAY: "the branch is closed on that day",
    Obstacle.DAY_OFF: "the person does not work on that day",
    Obstacle.OUTSIDE_HOURS: "that is outside of the hours in which the person does this service",
    Obstacle.OFF_GRID: "no appointment of this service begins at that minute",
    Obstacle.TAKEN: "the person is booked or blocked then",
    ChangeRefusal.GONE: "it was cancelled, has begun or is over",
    ChangeRefusal.REFUSED: "the remote calendar refuses it: the appointment stays where it is",
    ChangeRefusal.NOT_BOOKABLE: "its branch, service or person is not declared any more: cancel it, and book a new one",
}
_WHY_NOT_BOOKED: Final[Mapping[Obstacle | ChangeRefusal, str]] = {
    Obstacle.OUTSIDE_HOURS: "that is outside of the hours in which anybody, or this person, does this service",
    ChangeRefusal.GONE: "it was booked, and is cancelled or was refused by the remote calendar since: a new request_id books again",
    ChangeRefusal.REFUSED: "the remote calendar refuses it, so nothing is booked: the appointments with the status failed say why",
    ChangeRefusal.PHONE_NEEDED: "the remote calendar requires a valid telephone number for this service",
}


def refuse_move(refused: NotDone, zone: ZoneInfo) -> Problem:
    """Return the refusal of a move as a problem document. `outcome` is the obstacle, `alternatives`: `{start, end, staff}`."""
    return _refuse("Not Moved", refused, zone, _WHY)


def refuse_booking(refused: NotDone, zone: ZoneInfo) -> Problem:
    """Return the refusal of a booking as a problem document, with `outcome` and `alternatives` as in `refuse_move`."""
    return _refuse("Not Booked", refused, zone, {**_WHY, **_WHY_NOT_BOOKED})


def _refuse(title: str, refused: NotDone, zone: ZoneInfo, reasons: Mapping[Obstacle | ChangeRefusal, str]) -> Problem:
    free = [
        {
            "start": slot.start.astimezone(zone).isoformat(),
            "end": slot.end.astimezone(zone).isoformat(),
            "staff": slot.staff,
        }
        for slot in refused.free
    ]
    members = {"outcome": refused.reason.value, "alternatives": free, "zone": zone.key}
    return Problem(409, title, refused.cause or reasons[refused.reason], members=members)
