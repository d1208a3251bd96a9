"""Shared by the changes for the desk: the sender, shortened ids, and errors as problem documents."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec

from askproai_core.http_server import Problem
from askproai_core.input_values import INVISIBLE
from askproai_runtime.booking import (
    BlockExists,
    DeskBusy,
    DeskRequest,
    InvalidBlock,
    InvalidBooking,
    RequestUsed,
    UnclearStart,
    UnknownName,
)

_SHORTEST_ID = 8
_DIGITS = 32
_ID = re.compile(r"[0-9a-f-]{8,36}")

# What is printed on terminals later. In Python `$` also matches before a newline, and in JSON schemas there is no `\Z`.
_PRINTED = rf"[^{INVISIBLE}]"
_END = r"(?![\s\S])"
ShortText = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=rf"^{_PRINTED}+{_END}")]
Reason = Annotated[str, msgspec.Meta(max_length=200, pattern=rf"^{_PRINTED}*{_END}")]


class DeskBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields of every change: its id, and who sends it.

    The sender makes the `request_id`, and repeats it to send the same change again, which is carried out once. `by` is the user
    whom the sender names; the audit log marks it as claimed.
    """

    request_id: UUID
    by: ShortText

    @property
    def desk(self) -> DeskRequest:
        return DeskRequest(self.request_id, self.by)


def parse_id(text: str) -> UUID:
    """Return a whole id. Raises `Problem` 400 for a part of an id: a change needs the whole one."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(400, "Bad Request", "a change needs the whole id; `GET` with its beginning shows it") from None


def parse_id_range(text: str) -> tuple[UUID, UUID]:
    """Return the first and the last id that begin with `text`, which has at least eight digits. Raises `Problem` 400."""
    digits = text.lower().replace("-", "")
    if not _ID.fullmatch(text.lower()) or not _SHORTEST_ID <= len(digits) <= _DIGITS:
        raise Problem(400, "Bad Request", "an id is written as listed, or by at least its first eight digits")
    return UUID(digits.ljust(_DIGITS, "0")), UUID(digits.ljust(_DIGITS, "f"))


@contextmanager
def problems() -> Iterator[None]:
    """Turn the errors of a change into problem documents."""
    try:
        yield
    except UnknownName as error:
        raise Problem(404, "Not Found", str(error)) from None
    except (InvalidBlock, InvalidBooking, UnclearStart) as error:
        raise Problem(400, "Bad Request", str(error)) from None
    except RequestUsed:
        raise Problem(409, "Request Used", "This request_id is that of another change: make a new one") from None
    except BlockExists:
        detail = "This request_id has another block, or one that was removed since: make a new one"
        raise Problem(409, "Request Used", detail) from None
    except (asyncpg.UndefinedColumnError, asyncpg.UndefinedTableError):
        detail = "The database's migration to this release has not been done yet: try again when DatabaseReady is True"
        raise Problem(503, "Schema Too Old", detail) from None
    except DeskBusy:
        detail = "Somebody books or moves there at this moment: send the same request again"
        raise Problem(503, "Busy", detail, {"Retry-After": "1"}) from None


def ambiguous() -> Problem:
    """Return the answer to a beginning that several ids share."""
    return Problem(409, "Ambiguous Id", "More than one id begins so: write more of it")
