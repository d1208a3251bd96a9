"""Calls of a workspace: handlers that play a call, and that get, list and delete played calls (docs/vendors/retell.md)."""

import hashlib
import hmac
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from askproai_sandbox.caller import AgentSentence, AnsweringAgent, CallRequest, Conversation, Move, PhoneLine, ToolCall
from askproai_sandbox.retell.fields import body_type, checked
from askproai_sandbox.retell.workspace import Call, Workspace, find, page_of
from askproai_sandbox.simulator import Refusal, Simulator, json_body, unix_milliseconds

_LIST = body_type("list_calls")
_DEFAULT_LIMIT = 50
# Fields that only the GET of a single call returns, not a list.
_TRANSCRIPTS = {"transcript", "transcript_object", "transcript_with_tool_calls"}


async def play(simulator: Simulator, workspaces: Mapping[str, Workspace], body: dict[str, Any]) -> web.Response:
    """Play a call to its end: `{to_number, from_number?, say, key?, args?}`. A call that is declined leaves no record."""
    conversation, agent, inbound_url = _ring(simulator, workspaces, msgspec.convert(body, CallRequest))
    record = await conversation.play(agent, inbound_url)
    return web.json_response(record.to_json())


async def talk(
    simulator: Simulator, workspaces: Mapping[str, Workspace], request: web.Request
) -> web.WebSocketResponse:
    """Play a call sentence by sentence over a WebSocket; all messages are JSON.

    The client first sends `{to_number, from_number?, key?, plays_agent?}`, then `{say}` for each sentence of the caller, and
    `{hang_up}`; closing the WebSocket hangs up, too. A client that plays the agent sends `{call: {name, args}}` for each
    function and `{answer}` for each sentence. Whenever the agent is silent, the client gets `{steps}` since the last message,
    the first time with the agent's `briefing`; at the end of the call `{steps, record}`. If the call cannot begin, it gets only
    `{error}`.
    """
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    try:
        conversation, agent, inbound_url = _ring(
            simulator, workspaces, msgspec.convert(await socket.receive_json(), CallRequest)
        )
    except (TypeError, ValueError) as error:  # no text, no JSON, no request, no such number
        await _send(socket, {"error": str(error)})
        return socket

    sent = 0

    def news() -> list[Any]:
        nonlocal sent
        steps, sent = conversation.steps[sent:], len(conversation.steps)
        news: list[Any] = msgspec.to_builtins(steps)
        return news

    async def hear() -> AsyncIterator[Move]:
        briefing = {"briefing": msgspec.to_builtins(conversation.briefing)}
        while not conversation.is_transferred:
            await _send(socket, {"steps": news(), **briefing})
            briefing = {}
            message = await socket.receive()
            move = _read_move(message.data) if message.type is WSMsgType.TEXT else None
            if move is None:
                return
            yield move

    record = await conversation.play(agent, inbound_url, hear())
    await _send(socket, {"steps": news(), "record": record.to_json()})
    return socket


def _read_move(data: str) -> Move | None:
    """Return the client's next move; None if the client hangs up."""
    match msgspec.json.decode(data):
        case {"say": str(text)}:
            return text
        case {"call": call}:
            return msgspec.convert(call, ToolCall)
        case {"answer": str(text)}:
            return AgentSentence(text)
    return None


async def _send(socket: web.WebSocketResponse, message: dict[str, Any]) -> None:
    """Send a message to the client. If the client is gone, do nothing: the client's call is still played to its end."""
    if not socket.closed:
        with suppress(ConnectionError):
            await socket.send_json(message)


def _ring(
    simulator: Simulator, workspaces: Mapping[str, Workspace], request: CallRequest
) -> tuple[Conversation, AnsweringAgent | None, str | None]:
    """Return the conversation of a call that begins, the agent that answers, and the URL of the number's inbound webhook.

    Raises ValueError where no workspace, or more than one, has the number.
    """
    keys_of: dict[int, list[str]] = {}  # by workspace
    for key, each in workspaces.items():
        if request.to_number in each.numbers:
            keys_of.setdefault(id(each), []).append(key)
    found = [keys for keys in keys_of.values() if request.key is None or request.key in keys]
    if not found:
        known = sorted({number for w in workspaces.values() for number in w.numbers})
        raise ValueError(f"nobody has the number {request.to_number}; there is: {', '.join(known) or 'none yet'}")
    if len(found) != 1:
        keys = ", ".join(each[-1] for each in found)
        raise ValueError(
            f"{len(found)} workspaces have {request.to_number} ({keys}): name one by `key`, or remove the number from"
            f' another one (`askproai sandbox number "{request.to_number}" --remove --key KEY`)'
        )
    first_key = found[0][0]
    workspace = workspaces[first_key]

    def sign(body: bytes) -> str:
        return signature(workspace.webhook_key or first_key, body, unix_milliseconds(simulator.clock))

    phone_line = PhoneLine(simulator, sign)
    conversation = Conversation(request, phone_line)
    workspace.calls[conversation.call_id] = Call(simulator.clock.now(), conversation.call)
    inbound_url = workspace.numbers[request.to_number].fields.get("inbound_webhook_url")
    return conversation, workspace.answering_agent(request.to_number), inbound_url


async def get_call(request: web.Request, w: Workspace) -> web.Response:
    call = find(w.calls, request.match_info["id"])
    if not call.fields:
        raise Refusal(404, f"Item {request.match_info['id']} not found")
    if call.broken:
        raise Refusal(500, "Internal server error", bare=True)
    return web.json_response(call.fields)


async def delete_call(request: web.Request, w: Workspace) -> web.Response:
    """Delete a call with its transcript."""
    find(w.calls, request.match_info["id"])
    del w.calls[request.match_info["id"]]
    return web.Response(status=204)


async def list_calls(request: web.Request, calls: Iterable[Call]) -> web.Response:
    """Return a page of calls. Unlike other lists, this one takes the limit and the key of the page in the body."""
    query = checked(_LIST, await json_body(request))
    criteria = query.get("filter_criteria", {})
    rows = [call.fields for call in calls if call.fields and _matches(call.fields, criteria)]
    rows.sort(key=lambda call: call["start_timestamp"], reverse=query.get("sort_order") != "ascending")
    items = [{name: value for name, value in call.items() if name not in _TRANSCRIPTS} for call in rows]
    page = page_of(items, "call_id", query.get("limit", _DEFAULT_LIMIT), query.get("pagination_key"))
    return web.json_response(page)


def _matches(call: Mapping[str, Any], criteria: Mapping[str, Any]) -> bool:
    """Return True if a call is one of the agents', and began in the span, of the criteria."""
    agents, began = criteria.get("agent"), criteria.get("start_timestamp")
    if agents and call["agent_id"] not in {agent["agent_id"] for agent in agents}:
        return False
    return not began or began["value"][0] <= call["start_timestamp"] <= began["value"][1]


def signature(key: str, body: bytes, now_ms: int) -> str:
    """Return the value of `x-retell-signature`: HMAC-SHA256 over the raw body followed by the decimal milliseconds."""
    digest = hmac.new(key.encode(), body + str(now_ms).encode(), hashlib.sha256).hexdigest()
    return f"v={now_ms},d={digest}"
