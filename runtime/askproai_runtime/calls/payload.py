"""The fields of Retell's JSON about calls that our code uses (docs/vendors/retell.md).

Unknown keys, reasons and statuses are tolerated.
"""

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec

from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import Function, TenantConfig
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.call_routes import Route, Routing
from askproai_runtime.caller_identity import Caller, identify_caller
from askproai_runtime.intake import ProviderId
from askproai_runtime.lenient_json import drop_nul, read_json, to_strict_json
from askproai_runtime.spoken_times import NOT

T = TypeVar("T", bound=msgspec.Struct)

_OUR_FUNCTIONS = frozenset(function.name.lower() for function in Function)


class RetellCall(msgspec.Struct, frozen=True, kw_only=True):
    """Retell's call object. Most keys may be absent; a web call has neither numbers nor direction."""

    call_id: ProviderId
    agent_id: str | None = None
    agent_version: Any = None
    call_status: str | None = None
    direction: str | None = None
    from_number: str | None = None
    to_number: str | None = None
    start_timestamp: float | None = None  # milliseconds, like all of Retell's timestamps
    end_timestamp: float | None = None
    disconnection_reason: str | None = None
    transcript: str | None = None
    call_analysis: dict[str, Any] | None = None
    recording_url: Any = None
    data_storage_setting: Any = None


class Utterance(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the live transcript. Three kinds are used: `dtmf` (a pressed key), `tool_call_invocation` (the model's
    arguments for the function `name`) and `tool_call_result` (the function's answer). The last two share a `tool_call_id`.
    The caller's "nich" is read as "nicht".

    `answer` is the decoded answer of the function, or None if Retell inserted its own words since the function did not answer.
    """

    role: Any = None
    digit: Any = None
    content: Any = None
    tool_call_id: Any = None
    name: Any = None
    arguments: Any = None  # JSON as text
    answer: Any = None  # computed from `content`, even if Retell sends this key

    def __post_init__(self) -> None:
        answer = None
        if self.role == "tool_call_result":
            with suppress(msgspec.DecodeError):
                answer = msgspec.json.decode(str(self.content), type=dict[str, Any])
        if self.role == "user":
            msgspec.structs.force_setattr(self, "content", NOT.sub("nicht", str(self.content or "")))
        msgspec.structs.force_setattr(self, "answer", answer)

    def read_texts(self) -> frozenset[str]:
        """Return the texts, lists and numbers among a function call's arguments, as texts without the arguments' names."""
        values = self.read_arguments().values()
        texts = (", ".join(map(str, each)) if isinstance(each, list) else each for each in values)
        return frozenset(str(each).strip() for each in texts if isinstance(each, str | int | float))

    def read_arguments(self) -> dict[str, Any]:
        """Return the arguments of a function call by name; {} if the model's arguments are not a JSON object."""
        with suppress(msgspec.DecodeError):
            return msgspec.json.decode(str(self.arguments), type=dict[str, Any])
        return {}


class OngoingCall(RetellCall, frozen=True, kw_only=True):
    """Retell's object for a call that goes on, with the transcript so far. Results of other tools are no `answer`."""

    transcript_with_tool_calls: list[Utterance] | None = None

    def __post_init__(self) -> None:
        utterances = self.transcript_with_tool_calls or ()
        invoked = {str(each.tool_call_id): each.name for each in utterances if each.role == "tool_call_invocation"}
        for each in utterances:
            name = invoked.get(str(each.tool_call_id))
            if name is not None and str(name) not in _OUR_FUNCTIONS:
                msgspec.structs.force_setattr(each, "answer", None)


class RetellEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a call event."""

    event: str
    call: RetellCall | None = None
    data: RetellCall | None = None  # the deprecated name of `call`


class TranscriptEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `transcript_updated`."""

    call: OngoingCall | None = None
    data: OngoingCall | None = None


class FunctionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """The body of a call function with `args_at_root: false`. A language model wrote `args`."""

    name: str
    call: OngoingCall
    args: Any = None


def decode(body: bytes, kind: type[T]) -> T:
    """Return a body decoded as `kind`, without NUL in its texts.

    Raises `msgspec.DecodeError` or its subclass `ValidationError`, whose texts quote no value.
    """
    return read_json(drop_nul(body), kind)


class _RawArguments(msgspec.Struct, frozen=True, kw_only=True):
    args: msgspec.Raw = msgspec.Raw(b"null")


def decode_request(body: bytes) -> FunctionRequest:
    """Return the decoded body of a call function. If an argument's name occurs twice, its value is a list of both values.

    Raises the errors of `decode`.
    """
    body = drop_nul(body)
    args = bytes(read_json(body, _RawArguments).args)
    return msgspec.structs.replace(read_json(body, FunctionRequest), args=msgspec.json.decode(to_strict_json(args)))


def parse_milliseconds(milliseconds: float | None) -> datetime | None:
    """Return a timestamp of Retell in UTC, or None if it is absent or outside of Python's calendar."""
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def read_sides(call: RetellCall) -> tuple[str | None, str | None]:
    """Return the tenant's number and the other person's, as Retell writes them. An outbound call is to the other person."""
    own, other = call.to_number, call.from_number
    return (other, own) if call.direction == "outbound" else (own, other)


def find_route(call: RetellCall, config: TenantConfig) -> Route | None:
    """Return the route of a call to an agent or branch; None if neither the call's agent nor the called number is the tenant's."""
    return Routing(config).route(call.agent_id, read_sides(call)[0])


def identify_other_side(call: RetellCall, config: TenantConfig, branch: str | None) -> Caller:
    """Return the person with whom the agent speaks, identified by the phone number if possible."""
    return identify_caller(read_sides(call)[1], config, branch)


def read_numbers(call: RetellCall, config: TenantConfig, branch: str | None) -> tuple[str | None, str | None]:
    """Return the calling and the called number in E.164. The other person's number is None if it identifies no person."""
    own = e164_or_none(read_sides(call)[0], region_of(config, branch))
    other = identify_other_side(call, config, branch).number
    return (own, other) if call.direction == "outbound" else (other, own)


def read_transcript(call: OngoingCall) -> str:
    """Return the transcript so far in Retell's format; it is built from the utterances if the event has no `transcript`."""
    if call.transcript:
        return call.transcript
    spoken = (each for each in call.transcript_with_tool_calls or () if each.role in {"agent", "user"} and each.content)
    return "".join(f"{str(each.role).capitalize()}: {each.content}\n" for each in spoken)
