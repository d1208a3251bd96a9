"""One call, from the inbound webhook to `call_analyzed`, by the rules of docs/vendors/retell.md."""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any
from zoneinfo import ZoneInfo

from askproai_sandbox.caller.phone_line import AnsweringAgent, PhoneLine
from askproai_sandbox.caller.record import AgentSentence, Briefing, CallRecord, CallRequest, Move, Step, ToolCall
from askproai_sandbox.caller.slot_filler import SlotFiller
from askproai_sandbox.simulator import Reply, encode_json, unix_milliseconds

_APOLOGY = "Es tut mir leid, das hat gerade nicht geklappt. Möchten Sie es noch einmal versuchen?"
_GREETING = "Wie kann ich Ihnen helfen?"
_KEYS = re.compile(r"\[([0-9*#]+)\]")  # a sentence "[2]": the caller presses that key
_TIME_VARIABLE = re.compile(r"current_time(?:_(?P<zone>\w+/\w+))?")
_DEFAULT_ZONE = "America/Los_Angeles"
_OFFER = re.compile(r"\{offer\.(\d+)\}")
_INBOUND_TIMEOUT_MS = 10_000
_MAX_ANSWER_CHARACTERS = 15_000  # of a tool's answer, for the LLM


@dataclass(frozen=True, slots=True)
class _ToolResult:
    """The response of a call function (None if the function failed), and the sentence that the agent says after it."""

    answer: Any = None
    message: str = ""


class Conversation:
    """Plays one call as Retell plays it, and records its steps."""

    def __init__(self, request: CallRequest, phone_line: PhoneLine) -> None:
        self._request, self._phone_line, self._clock = request, phone_line, phone_line.simulator.clock
        self.call_id = f"call_{secrets.token_hex(14)}"
        self.call: dict[str, Any] = {}  # the call object, as Retell sends it in events and to functions
        self.steps: list[Step] = []
        self._variables: dict[str, str] = {}
        self._events: list[asyncio.Task[None]] = []
        self._outbox: list[Callable[[], Awaitable[None]]] = []  # events that wait for others
        self._transferred_to: str | None = None
        self.briefing: Briefing | None = None  # from the moment at which the agent answers
        self._offers: list[str] = []  # the starts of the times that an answer has named last

    @property
    def is_transferred(self) -> bool:
        """Return True if the agent has transferred the call: then the agent hears nothing more."""
        return self._transferred_to is not None

    async def play(
        self,
        agent: AnsweringAgent | None,
        inbound_url: str | None = None,
        moves: AsyncIterator[Move] | None = None,
    ) -> CallRecord:
        """Play the call with `agent`; if it is None, the call is declined. If there is an inbound webhook, it is sent first.

        `moves` replace the request's sentences; the next move is taken whenever the agent is silent. If the client plays the
        agent, `moves` also contain the agent's actions.
        """
        variables = await self._request_variables(agent, inbound_url) if inbound_url else {}
        if agent is None:
            self._record("heard", error="the call is declined: no agent is bound to the number")
            return CallRecord(self.call_id, "declined", None, None, "", self.steps)
        self._begin(agent, variables)
        self._send_event("call_started", agent)
        self.call |= {"transcript": "", "transcript_object": [], "transcript_with_tool_calls": []}
        greeting = (
            self._fill_in(agent.llm.get("begin_message", _GREETING)) if agent.llm["start_speaker"] == "agent" else ""
        )
        if greeting:
            self._say("agent", greeting)
        self.briefing = Briefing(self._fill_in(agent.llm.get("general_prompt") or ""), list_functions(agent))
        await self._talk(agent, moves or _each(self._request.say))
        self._end()
        self._send_event("call_ended", agent)
        await self._phone_line.pause("analysis_delay_ms")
        self._analyse()
        self._send_event("call_analyzed", agent)
        self._send_outbox()
        await asyncio.gather(*self._events)
        steps = sorted(self.steps, key=lambda step: step.at)
        return CallRecord(self.call_id, "ended", agent.agent_id, agent.version, self.call["transcript"], steps)

    def _record(self, kind: str, **fields: Any) -> Step:
        step = Step(self._clock.now().isoformat(), kind, **fields)
        self.steps.append(step)
        return step

    async def _request_variables(self, agent: AnsweringAgent | None, url: str) -> dict[str, str]:
        """Send the number's inbound webhook and return the dynamic variables that the response sets.

        Without a 2xx response, return no variables: the bound agent answers anyway, without knowing the caller.
        """
        call: dict[str, Any] = {
            "call_id": self.call_id,
            "from_number": self._request.from_number,
            "to_number": self._request.to_number,
        }
        if agent is not None:
            call |= {"agent_id": agent.agent_id, "agent_version": agent.version}
        body = {"event": "call_inbound", "event_timestamp": unix_milliseconds(self._clock), "call_inbound": call}
        step = self._record("webhook", name="call_inbound", url=url)
        reply = await self._phone_line.deliver("call_inbound", url, encode_json(body), _INBOUND_TIMEOUT_MS)
        _finish(step, reply)
        step.answer = reply.json
        answer = reply.json.get("call_inbound") if reply.ok and isinstance(reply.json, dict) else None
        variables = (answer or {}).get("dynamic_variables") or {}
        if not all(isinstance(value, str) for value in variables.values()):
            step.error = "dynamic_variables must be texts"
            return {}
        return dict(variables)

    def _begin(self, agent: AnsweringAgent, variables: dict[str, str]) -> None:
        settings, request = agent.settings, self._request
        self.call |= {
            "call_id": self.call_id, "call_type": "phone_call", "agent_id": agent.agent_id,
            "agent_version": agent.version, "call_status": "ongoing", "direction": "inbound",
            "from_number": request.from_number, "to_number": request.to_number,
            "start_timestamp": unix_milliseconds(self._clock),
            "data_storage_setting": settings["data_storage_setting"],
            "opt_in_signed_url": settings["opt_in_signed_url"],
        }  # fmt: skip
        if settings.get("agent_name"):  # absent, never null, when not set
            self.call["agent_name"] = settings["agent_name"]
        if variables:
            self.call["retell_llm_dynamic_variables"] = variables
        self._variables = {
            **(agent.llm.get("default_dynamic_variables") or {}), **variables, "call_id": self.call_id,
            "user_number": request.from_number, "agent_number": request.to_number, "direction": "inbound",
            "call_type": "phone_call", "call.call_id": "",  # which people write for `call_id`
        }  # fmt: skip

    def _fill_in(self, text: str) -> str:
        """Replace each `{{name}}` in a text by the dynamic variable of that name; an unset variable's placeholder stays."""

        def value(found: re.Match[str]) -> str:
            if (at := _TIME_VARIABLE.fullmatch(found[1])) is not None:
                now = self._clock.now().astimezone(ZoneInfo(at["zone"] or _DEFAULT_ZONE))
                return f"{now:%A, %B %d, %Y at %I:%M:%S %p %Z}"
            return self._variables.get(found[1], found[0])

        return re.sub(r"\{\{\s*([^{}]+?)\s*\}\}", value, text)

    def _fill_in_offers(self, call: ToolCall) -> ToolCall:
        """Replace `{offer.1}` with the start of the first time in the latest offer. If the offer has no such time, it stays."""

        def start(match: re.Match[str]) -> str:
            return str(dict(enumerate(self._offers, 1)).get(int(match[1]), match[0]))

        args = {
            name: _OFFER.sub(start, value) if isinstance(value, str) else value for name, value in call.args.items()
        }
        return ToolCall(call.name, args)

    # Talking

    def _say(self, role: str, text: str) -> None:
        self._record("heard" if role == "agent" else "said", text=text)
        utterance: dict[str, Any] = {"role": role, "content": text, "words": []}
        self.call["transcript"] += f"{role.capitalize()}: {text}\n"
        self.call["transcript_object"].append(utterance)
        self.call["transcript_with_tool_calls"].append(utterance)

    def _press(self, keys: str) -> None:
        self._record("said", text=f"[{keys}]")
        self.call["transcript_with_tool_calls"] += [{"role": "dtmf", "digit": digit} for digit in keys]

    def _hear(self, text: str) -> None:
        """Add a sentence of the caller, or pressed keys such as `[2]`, to the transcript."""
        if keys := _KEYS.fullmatch(text):
            self._press(keys[1])
        else:
            self._say("user", text)

    async def _talk(self, agent: AnsweringAgent, moves: AsyncIterator[Move]) -> None:
        if self._request.plays_agent:
            await self._follow(agent, moves)
            return
        if self._request.args is not None:
            await self._follow_script(agent, self._request.args)
            return
        is_german = str(agent.settings.get("language")).startswith("de")
        model = SlotFiller(agent.tools, agent.llm.get("general_prompt") or "", is_german=is_german)
        async for text in moves:
            assert isinstance(text, str), "the demo's agent decides what it does"
            if self._transferred_to is not None:
                self._record("note", text=f"nobody heard “{text}”: the call is transferred to {self._transferred_to}")
            else:
                await self._turn(text, model, agent)
                self._send_event("transcript_updated", agent)

    async def _follow(self, agent: AnsweringAgent, moves: AsyncIterator[Move]) -> None:
        """Carry out the client's moves: the caller's sentences and, if it plays the agent, the agent's actions."""
        async for move in moves:
            match move:
                case str():
                    self._hear(move)
                case ToolCall():
                    await self._call_tool(self._fill_in_offers(move), agent)
                case AgentSentence():
                    self._say("agent", move.text)
                    self._send_event("transcript_updated", agent)

    async def _follow_script(self, agent: AnsweringAgent, calls: Iterable[ToolCall | None]) -> None:
        """Play each sentence of the request, each followed by the function call that the request names for that sentence."""
        for text, call in zip_longest(self._request.say, calls):
            if text is not None:
                self._hear(text)
            if call is not None:
                self._say_message(await self._call_tool(self._fill_in_offers(call), agent))
            self._send_event("transcript_updated", agent)

    async def _turn(self, text: str, model: SlotFiller, agent: AnsweringAgent) -> None:
        """Play a caller's sentence and the agent's reaction: a sentence, or a call and its response's message."""
        self._hear(text)
        reaction = model.hear(text)
        if isinstance(reaction, str):
            self._say("agent", reaction)
            return
        result = await self._call_tool(reaction, agent)
        model.learn(result.answer)
        self._say_message(result)

    def _say_message(self, result: _ToolResult) -> None:
        if result.message:
            self._say("agent", result.message)

    async def _call_tool(self, call: ToolCall, agent: AnsweringAgent) -> _ToolResult:
        """Call a function as the LLM's version declares it. A transfer sends no request: Retell does it, and the call ends."""
        step = self._record("tool", name=call.name, arguments=call.args)
        tool = agent.tools.get(call.name)
        if tool is not None and tool["type"] == "transfer_call":
            self._transferred_to = str((tool.get("transfer_destination") or {}).get("number"))
            step.answer = {"transferred_to": self._transferred_to}
            return _ToolResult(step.answer, tool.get("execution_message_description") or "")
        if tool is None or tool["type"] != "custom":
            declared = ", ".join(each["name"] for each in list_functions(agent)) or "none"
            step.error = f"version {agent.version} of the LLM declares no function {call.name}; it has: {declared}"
            return _ToolResult()
        schema = tool.get("parameters") or {}
        if unknown := call.args.keys() - schema.get("properties", {}).keys():
            known = ", ".join(schema.get("properties", ())) or "none"
            self._record("note", text=f"{call.name} declares no argument {', '.join(sorted(unknown))}; it has: {known}")
        required = schema.get("required", ())
        if missing := [name for name in required if name not in call.args]:
            step.error = f"the schema of {call.name} requires {', '.join(missing)}, which the caller did not say"
            return _ToolResult(message=_APOLOGY)
        invocation = {"tool_call_id": f"tool_call_{secrets.token_hex(4)}"}
        self.call["transcript_with_tool_calls"].append({
            "role": "tool_call_invocation", **invocation, "name": call.name, "type": "custom",
            "arguments": json.dumps(call.args, ensure_ascii=False),
        })  # fmt: skip
        reply = await self._send_tool_request(tool, call, step)
        self.call["transcript_with_tool_calls"].append({
            "role": "tool_call_result", **invocation, "content": reply.text, "successful": reply.ok,
        })  # fmt: skip
        answer = reply.json if reply.ok else None
        if isinstance(answer, dict) and (slots := answer.get("slots") or answer.get("alternatives")):
            self._offers = [str(slot["start"]) for slot in slots]
        if not tool.get("speak_after_execution", True):
            return _ToolResult(answer)
        message = answer.get("message") if isinstance(answer, dict) else answer
        return _ToolResult(answer, str(message or _APOLOGY))

    async def _send_tool_request(self, tool: dict[str, Any], call: ToolCall, step: Step) -> Reply:
        """Send the request of a tool, with `timeout_ms` for each attempt and up to `max_retry` further attempts after failures."""
        step.url, body = self._fill_in(tool["url"]), b""
        if tool["method"] in {"POST", "PUT", "PATCH"}:
            envelope = {"name": call.name, "call": self.call, "args": call.args}
            body = encode_json(call.args if tool["args_at_root"] else envelope)
        headers, query = (
            {name: self._fill_in(value) for name, value in (tool.get(field) or {}).items()}
            for field in ("headers", "query_params")
        )
        for attempt in range(1 + tool["max_retry"]):
            reply = await self._phone_line.send(tool["method"], step.url, body, tool["timeout_ms"], headers, query)
            if reply.ok:
                break
            if attempt < tool["max_retry"]:
                await self._phone_line.pause("webhook_retry_delay_ms")
        reply = replace(reply, text=reply.text[:_MAX_ANSWER_CHARACTERS])
        _finish(step, reply)
        step.attempts, step.answer = attempt + 1, reply.json
        return reply

    # Hanging up

    def _end(self) -> None:
        now = unix_milliseconds(self._clock)
        length = now - self.call["start_timestamp"]
        self.call |= {
            "call_status": "ended", "end_timestamp": now, "duration_ms": length,
            "disconnection_reason": "user_hangup" if self._transferred_to is None else "call_transfer",
            "collected_dynamic_variables": {},
            "recording_url": f"https://recordings.example.com/{self.call_id}.wav",
            "public_log_url": f"https://recordings.example.com/{self.call_id}.log",
            "call_cost": {  # in cents, with decimals
                "combined_cost": 14.18, "total_duration_seconds": length // 1000, "total_duration_unit_price": 0.1492,
                "product_costs": [
                    {"product": "retell_platform", "cost": 8.71, "unit_price": 0.0917},
                    {"product": "gpt_4_1", "cost": 5.47, "unit_price": 0.0575},
                ],
            },
        }  # fmt: skip

    def _analyse(self) -> None:
        answers = [step.answer for step in self.steps if step.kind == "tool" and step.name == "book_appointment"]
        booked = any(isinstance(answer, dict) and answer.get("success") is True for answer in answers)
        summary = "Der Anrufer hat einen Termin gebucht." if booked else "Der Anrufer hat keinen Termin gebucht."
        self.call["call_analysis"] = {
            "call_summary": summary, "user_sentiment": "Positive" if booked else "Neutral", "call_successful": booked,
            "in_voicemail": False, "custom_analysis_data": {},
        }  # fmt: skip

    def _send_event(self, event: str, agent: AnsweringAgent) -> None:
        """Start sending a call event, and return: as at Retell, a failing `call_started` does not delay the next event.

        The setting `webhook_copies` loses or doubles the event; if `webhook_batch` exceeds 1, that many events are collected.
        """
        url = agent.webhook_url
        if not url or event not in agent.settings["webhook_events"]:
            return
        step = self._record("webhook", name=event, url=url)
        body = encode_json({"event": event, "call": self.call})

        async def deliver() -> None:
            _finish(step, await self._phone_line.deliver(event, url, body, agent.settings["webhook_timeout_ms"]))

        settings = self._phone_line.simulator.settings
        self._outbox += [deliver] * int(settings["webhook_copies"])
        if len(self._outbox) >= settings["webhook_batch"]:
            self._send_outbox()

    def _send_outbox(self) -> None:
        """Start sending the collected events, newest first."""
        deliveries, self._outbox = self._outbox[::-1], []

        async def deliver_in_order() -> None:
            for deliver in deliveries:
                await deliver()

        self._events.append(asyncio.create_task(deliver_in_order()))


def list_functions(agent: AnsweringAgent) -> list[dict[str, Any]]:
    """Return the functions of an agent in the form that a language model gets; a transfer has no parameters."""
    return [
        {
            "name": name,
            "description": tool.get("description") or "",
            "parameters": tool.get("parameters") or {"type": "object", "properties": {}},
        }
        for name, tool in agent.tools.items()
        if tool["type"] in {"custom", "transfer_call"}
    ]


async def _each(sentences: Iterable[str]) -> AsyncIterator[Move]:
    for text in sentences:
        yield text


def _finish(step: Step, reply: Reply) -> None:
    """Store the response to a request in its step."""
    step.status, step.attempts, step.duration_ms = reply.status, reply.attempts, reply.duration_ms
    if not reply.ok:
        step.error = f"{step.name}: {reply.status or 'no answer'}: {reply.text[:200]}"
