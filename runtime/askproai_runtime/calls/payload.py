"""What Retell sends, as far as we read it (reference/retell.md §5.1, §8). Unknown keys, reasons and statuses are tolerated."""

from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from askproai_core.http_server import read_json
from askproai_core.phone_numbers import Route, Routing, caller_number_or_none
from askproai_core.tenant_config import TenantConfig

T = TypeVar("T", bound=msgspec.Struct)
_BOOLEANS = {"true": True, "ja": True, "yes": True, "false": False, "nein": False, "no": False}
_FLAGS = frozenset({"another"})
MOST_CHARACTERS = 500


class RetellCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call as Retell tells it. A web call has neither numbers nor direction; absent keys are the rule."""

    call_id: str
    agent_id: str | None = None
    call_status: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    start_timestamp: float | None = None  # milliseconds, like all of Retell's
    end_timestamp: float | None = None
    disconnection_reason: str | None = None
    transcript: str | None = None
    call_analysis: dict[str, Any] | None = None


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the live transcript, as far as we read it: keys that were pressed, and what our functions answered."""

    role: Any = None
    digit: Any = None
    content: Any = None


class OngoingCall(RetellCall, frozen=True, kw_only=True):
    transcript_with_tool_calls: list[Utterance] | None = None


class RetellEvent(msgspec.Struct, frozen=True, kw_only=True):
    event: str
    call: RetellCall | None = None
    data: RetellCall | None = None  # the deprecated twin of `call`


class FunctionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A custom function's body with `args_at_root: false`; `args` is what a language model wrote."""

    name: str
    call: OngoingCall
    args: Any = None


class ToldBooking(msgspec.Struct, frozen=True, kw_only=True):
    """A booking as a Cal.com event tells of it: only which one it is, and when it starts, is read."""

    uid: str | None = None
    booking_uid: str | None = msgspec.field(default=None, name="bookingUid")  # in BOOKING_NO_SHOW_UPDATED
    starts_at: datetime | None = msgspec.field(default=None, name="startTime")


class _CalcomEvent(msgspec.Struct, frozen=True):
    payload: ToldBooking | None = None


def told_booking(body: bytes) -> ToldBooking | None:
    """Read the booking of a Cal.com event; some come flat, without `payload`."""
    try:
        return read(body, _CalcomEvent).payload or read(body, ToldBooking)
    except msgspec.DecodeError:
        return None


def read(body: bytes, kind: type[T]) -> T:
    """Decode a body. NUL, which JSON may hold and PostgreSQL's text may not, is dropped from its texts.

    Raises `msgspec.DecodeError` (and its child `ValidationError`), whose text quotes no value.
    """
    if b"\\u0000" not in body:
        return read_json(body, kind)
    try:
        return msgspec.convert(_without_nul(read_json(body, object)), kind)
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "")
        case list():
            return [_without_nul(one) for one in value]
        case dict():
            return {_without_nul(key): _without_nul(one) for key, one in value.items()}
        case _:
            return value


def instant(milliseconds: float | None) -> datetime | None:
    """Give Retell's time as an instant; None when it is absent or no date a calendar knows."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def route_of(call: RetellCall, config: TenantConfig) -> Route | None:
    """Give where the call belongs; None when neither its agent nor its number is the tenant's."""
    return Routing(config).route(call.agent_id, caller_number_or_none(call.to_number))


def heard_since(call: OngoingCall) -> tuple[dict[str, Any], str]:
    """Give what a function answered last in this call, and the keys that were pressed since, in order."""
    keys = ""
    for utterance in reversed(call.transcript_with_tool_calls or ()):
        if utterance.role == "tool_call_result":
            try:
                return msgspec.json.decode(str(utterance.content), type=dict[str, Any]), keys
            except msgspec.DecodeError:  # Retell's own words, when no answer came
                return {}, keys
        if utterance.role == "dtmf" and isinstance(utterance.digit, str | int):
            keys = f"{utterance.digit}{keys}"
    return {}, keys


def said(args: Any) -> dict[str, Any]:
    """Give the arguments that say something: texts, trimmed and bounded; flags as booleans. The rest counts as not said.

    A language model may send numbers for texts, nulls, blanks, or no object at all.
    """
    if not isinstance(args, dict):
        return {}
    regular = {str(name): _regular(str(name), value) for name, value in args.items()}
    return {name: value for name, value in regular.items() if value is not None}


def _regular(name: str, value: Any) -> str | bool | None:
    match value:
        case bool():
            return value if name in _FLAGS else None
        case str() if value.strip():
            text = value.strip()[:MOST_CHARACTERS]
            return _BOOLEANS.get(text.casefold(), False) if name in _FLAGS else text
        case int() | float():
            return str(value)
        case _:
            return None
