"""Retell's published API: the types of its Python SDK, applied strictly. The SDK itself accepts any answer."""

import types
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NotRequired, Required, Union, get_args, get_origin

import pydantic
from pydantic import ConfigDict, TypeAdapter
from retell import types as sdk
from typing_extensions import TypedDict, get_type_hints, is_typeddict

from tests.worlds.exchanges import Exchange

SDK_VERSION = "6.2.13"  # the release that docs/vendors/retell.md and the simulator follow
_ITEMS = {Iterable, Sequence, list}
_SILENT = {
    "delete-agent",
    "delete-call",
    "delete-llm",
    "delete-number",
    "publish-agent-version",
}  # answers without a body

# By operation of the simulator: the SDK's types of the request (its path apart) and of the answer.
REQUESTS: dict[str, Any] = {
    "create-agent": sdk.AgentCreateParams, "get-agent": sdk.AgentRetrieveParams, "list-agents": sdk.AgentListParams,
    "update-agent": sdk.AgentUpdateParams, "list-agent-versions": sdk.AgentListVersionsParams,
    "create-agent-version": sdk.AgentCreateVersionParams, "publish-agent-version": sdk.AgentPublishParams,
    "create-llm": sdk.LlmCreateParams, "get-llm": sdk.LlmRetrieveParams, "list-llms": sdk.LlmListParams,
    "update-llm": sdk.LlmUpdateParams, "delete-llm": sdk.LlmDeleteParams, "delete-agent": None, "delete-call": None,
    "import-number": sdk.PhoneNumberImportParams, "get-number": None, "list-numbers": sdk.PhoneNumberListParams,
    "update-number": sdk.PhoneNumberUpdateParams, "get-call": None, "list-calls": sdk.CallListParams,
    "delete-number": None,
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "create-agent": sdk.AgentResponse, "get-agent": sdk.AgentResponse, "update-agent": sdk.AgentResponse,
    "create-agent-version": sdk.AgentCreateVersionResponse, "list-agents": sdk.AgentListResponse,
    "list-agent-versions": sdk.AgentListVersionsResponse, "create-llm": sdk.LlmResponse, "get-llm": sdk.LlmResponse,
    "update-llm": sdk.LlmResponse, "list-llms": sdk.LlmListResponse, "import-number": sdk.PhoneNumberResponse,
    "get-number": sdk.PhoneNumberResponse, "update-number": sdk.PhoneNumberResponse,
    "list-numbers": sdk.PhoneNumberListResponse, "get-call": sdk.CallResponse, "list-calls": sdk.CallListResponse,
}  # fmt: skip


def check_exchange(exchange: Exchange) -> Iterator[str]:
    """Yield the differences from the SDK in an accepted request and in its answer."""
    if exchange.status >= 300:
        return
    params = REQUESTS[exchange.operation]
    sent = {**exchange.query, **(exchange.body or {})}
    if params is not None:
        yield from (f"request: {text}" for text in request_errors(params, sent))
    elif sent:
        yield f"request: the SDK sends nothing, not {', '.join(sent)}"
    if exchange.operation in ANSWERS:
        yield from (f"answer: {text}" for text in answer_errors(ANSWERS[exchange.operation], exchange.answer))
    elif exchange.operation not in _SILENT or exchange.answer is not None:
        yield "answer: the SDK expects none"


def request_errors(params: Any, body: Any) -> list[str]:
    """Return the mistakes in a request by the SDK's type of its parameters. An unknown key is a mistake."""
    return _errors(_adapter(params), body)


def answer_errors(model: Any, body: Any) -> list[str]:
    """Return the mistakes in an answer by the SDK's model. A field that the model lacks is a mistake."""
    adapter = _model_adapter(model)
    errors = _errors(adapter, body)
    return errors or [f"{path} is not in the SDK" for path in _extra_fields(adapter.validate_python(body), "")]


def _errors(adapter: TypeAdapter[Any], body: Any) -> list[str]:
    try:
        adapter.validate_python(body)
    except pydantic.ValidationError as error:
        return [f"{'.'.join(map(str, e['loc']))}: {e['msg']} ({str(e['input'])[:80]})" for e in error.errors()]
    return []


def _extra_fields(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, pydantic.BaseModel):
        yield from (f"{path}{name}" for name in value.model_extra or ())
        for name in type(value).model_fields:
            yield from _extra_fields(getattr(value, name), f"{path}{name}.")
    elif isinstance(value, list):
        for item in value:
            yield from _extra_fields(item, path)


@cache
def _model_adapter(model: Any) -> TypeAdapter[Any]:
    return TypeAdapter(model)  # 5 to 80 ms for a model of the SDK


@cache
def _adapter(params: Any) -> TypeAdapter[Any]:
    return TypeAdapter(_strict(params))


@cache
def _strict(type_: Any) -> Any:
    """Return a type of the SDK's with closed objects and with lists: pydantic checks the items of an `Iterable` only when read."""
    if is_typeddict(type_):
        hints = get_type_hints(type_, include_extras=True)
        fields = {name: _field(hint, total=type_.__total__) for name, hint in hints.items()}
        closed = TypedDict(type_.__name__, fields)  # type: ignore[operator]
        closed.__pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[attr-defined]
        return closed
    origin, args = get_origin(type_), get_args(type_)
    if origin in _ITEMS:
        return list[_strict(args[0])]  # type: ignore[misc]
    if origin in {Union, types.UnionType}:
        return Union[tuple(map(_strict, args))]  # noqa: UP007
    if origin is dict:
        return dict[args[0], _strict(args[1])]  # type: ignore[valid-type, misc]
    return type_


def _field(hint: Any, *, total: bool) -> Any:
    origin = get_origin(hint)
    inner = get_args(hint)[0] if origin in {Required, NotRequired} else hint
    return (
        Required[_strict(inner)]
        if origin is Required or (total and origin is not NotRequired)
        else NotRequired[_strict(inner)]
    )
