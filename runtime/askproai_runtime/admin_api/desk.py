"""Shared code of the desk's changes: sender and request id, shortened ids, and errors as problem documents."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated, TypeVar
from uuid import UUID

import msgspec

from askproai_core.http_server import Problem
from askproai_runtime.book.actor import DESK_CALL, DeskRequest
from askproai_runtime.desk.appointments import DeskBusy, RequestUsed, UnclearStart
from askproai_runtime.desk.attendance import AttendanceObstacle, AttendanceRefused
from askproai_runtime.desk.blocks import BlockExists, InvalidBlock
from askproai_runtime.desk.booking import InvalidBooking
from askproai_runtime.input_values import INVISIBLE
from askproai_runtime.language.names import UnknownName

T = TypeVar("T")

_SHORTEST_ID = 8
_DIGITS = 32
_ID = re.compile(r"[0-9a-f-]{8,36}")

# The text for terminals. In Python `$` also matches before a newline, and in JSON schemas there is no `\Z`.
_PRINTED = rf"[^{INVISIBLE}]"
_END = r"(?![\s\S])"
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=rf"^{_PRINTED}+{_END}")]
Reason = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"^{_PRINTED}*{_END}")]


class ChangeObstacle(StrEnum):
    """The reason why a change was not carried out, as the member `reason` of a problem document. Blocks have further reasons in
    `BlockObstacle`, attendance in `AttendanceObstacle`; a refused move or booking has the member `outcome` instead.
    """

    UNKNOWN_NAME = "unknown_name"
    INVALID = "invalid"
    UNCLEAR_START = "unclear_start"
    REQUEST_USED = "request_used"
    BLOCK_USED = "block_used"  # another block has the request's id, or its block was removed
    BUSY = "busy"
    NOT_FOUND = "not_found"
    BEGUN = "begun"
    BROUGHT_BACK = "brought_back"  # the remote calendar has made the cancelled appointment live again
    NOT_DEAD = "not_dead"
    SUPERSEDED = "superseded"
    BODY_DROPPED = "body_dropped"

    @property
    def members(self) -> dict[str, str]:
        """Return the obstacle as the extra member `reason` of a problem document."""
        return {"reason": self.value}


class DeskBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of every change: its request id and its sender.

    The sender chooses the `request_id`. A change that is sent again with the same `request_id` is carried out once. `by` is the
    sender's own name; the audit log marks it as claimed.
    """

    request_id: UUID
    by: ShortText

    @property
    def desk(self) -> DeskRequest:
        return DeskRequest(self.request_id, self.by)


def parse_id(text: str) -> UUID:
    """Return a complete id. Raises `Problem` 400 for a part of an id, which is not enough for a change."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(400, "Bad Request", "a change needs the whole id; `GET` with its beginning shows it") from None


def parse_id_range(text: str) -> tuple[UUID, UUID]:
    """Return the lowest and highest id that begin with `text`. Raises `Problem` 400 if `text` has fewer than eight digits."""
    digits = text.lower().replace("-", "")
    if not _ID.fullmatch(text.lower()) or not _SHORTEST_ID <= len(digits) <= _DIGITS:
        raise Problem(400, "Bad Request", "an id is written as listed, or by at least its first eight digits")
    return UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))


def in_place_of_call(request_id: UUID | None) -> str | None:
    """Return the `call_id` under which a desk's request is stored; None if the request has no id."""
    return None if request_id is None else f"{DESK_CALL}{request_id}"


@contextmanager
def problems() -> Iterator[None]:
    """Convert the errors of a desk's change in this block to `Problem`, with status and reason."""
    try:
        yield
    except UnknownName as error:
        raise Problem(404, "Not Found", str(error), members=ChangeObstacle.UNKNOWN_NAME.members) from None
    except InvalidBlock as error:
        raise Problem(400, "Bad Request", str(error), members={"reason": error.obstacle.value}) from None
    except UnclearStart as error:
        raise Problem(400, "Bad Request", str(error), members=ChangeObstacle.UNCLEAR_START.members) from None
    except InvalidBooking as error:
        raise Problem(400, "Bad Request", str(error), members=ChangeObstacle.INVALID.members) from None
    except AttendanceRefused as error:
        raise refuse_mark(error) from None
    except RequestUsed:
        raise request_used() from None
    except BlockExists:
        detail = "This request_id has another block, or one that was removed since: make a new one"
        raise Problem(409, "Request Used", detail, members=ChangeObstacle.BLOCK_USED.members) from None
    except DeskBusy:
        detail = "Somebody books or moves there at this moment: send the same request again"
        raise Problem(503, "Busy", detail, {"Retry-After": "1"}, ChangeObstacle.BUSY.members) from None


def refuse_mark(error: AttendanceRefused) -> Problem:
    """Return the problem document that says why an attendance mark was refused."""
    members = {"reason": error.obstacle.value}
    if error.obstacle is AttendanceObstacle.CALENDAR_AWAY:
        return Problem(503, "Not Marked", str(error), {"Retry-After": "60"}, members)
    return Problem(409, "Not Marked", str(error), members=members)


def request_used() -> Problem:
    """Return the problem document for a request id that has already been used for another change."""
    detail = "This request_id is that of another change: make a new one"
    return Problem(409, "Request Used", detail, members=ChangeObstacle.REQUEST_USED.members)


def only(found: Sequence[T]) -> T | None:
    """Return the only item that was found by a shortened id; None if there is none. Raises `Problem` 409 if there are several."""
    if len(found) > 1:
        raise Problem(409, "Ambiguous Id", "Several ids begin with this: write more digits")
    return found[0] if found else None
