"""One call, from ringing to `call_analyzed` (reference §5, §8)."""

import asyncio
import json
import re
import secrets
from itertools import zip_longest
from typing import Any

from askproai_sandbox.caller.phone_line import AnsweringAgent, PhoneLine
from askproai_sandbox.caller.record import CallRecord, CallRequest, Step, ToolCall
from askproai_sandbox.caller.scripted_model import ScriptedModel
from askproai_sandbox.simulator import Reply, encode_json, unix_milliseconds

_APOLOGY = "Es tut mir leid, das hat gerade nicht geklappt. Möchten Sie es noch einmal versuchen?"
_PROMPT = "Wie kann ich Ihnen helfen?"
_KEYS = re.compile(r"\[([0-9*#]+)\]")  # a sentence "[2]": the caller presses that key
_INBOUND_TIMEOUT_MS, _INBOUND_TRIES = 10_000, 3  # §7
_ANSWER_CAP = 15_000  # characters of a tool's answer that the LLM sees (§8)


class Conversation:
    """Plays one call."""

    def __init__(self, order: CallRequest, line: PhoneLine) -> None:
        self._order, self._line, self._clock = order, line, line.simulator.clock
        self._call_id = f"call_{secrets.token_hex(14)}"
        self._call: dict[str, Any] = {}
        self._steps: list[Step] = []
        self._variables: dict[str, str] = {}
        self._events: list[asyncio.Task[None]] = []

    async def play(self, bound: AnsweringAgent | None, inbound_url: str | None = None) -> CallRecord:
        """Play it with the agent that answers; None declines it. `inbound_url` is asked first who is calling."""
        known = await self._ring(bound, inbound_url) if inbound_url else {}
        if bound is None:
            self._note("heard", error="the call is declined: no agent is bound to the number")
            return CallRecord(self._call_id, "declined", None, None, "", self._steps)
        self._begin(bound, known)
        self._announce("call_started", bound)
        self._call |= {"transcript": "", "transcript_object": [], "transcript_with_tool_calls": []}
        if bound.llm["start_speaker"] == "agent" and (greeting := bound.llm.get("begin_message", _PROMPT)):
            self._say("agent", self._filled(greeting))
        await self._talk(bound)
        self._end()
        self._announce("call_ended", bound)
        await self._line.pause("analysis_delay_ms")
        self._analyse()
        self._announce("call_analyzed", bound)
        await asyncio.gather(*self._events)
        steps = sorted(self._steps, key=lambda step: step.at)
        return CallRecord(self._call_id, "ended", bound.agent_id, bound.version, self._call["transcript"], steps)

    def _note(self, kind: str, **what: Any) -> Step:
        step = Step(self._clock.now().isoformat(), kind, **what)
        self._steps.append(step)
        return step

    async def _ring(self, bound: AnsweringAgent | None, url: str) -> dict[str, str]:
        """Ask the number's inbound webhook; without a 2xx the bound agent answers, and knows nothing of the caller (§7)."""
        ringing: dict[str, Any] = {
            "call_id": self._call_id,
            "from_number": self._order.from_number,
            "to_number": self._order.to_number,
        }
        if bound is not None:
            ringing |= {"agent_id": bound.agent_id, "agent_version": bound.version}
        body = {"event": "call_inbound", "event_timestamp": unix_milliseconds(self._clock), "call_inbound": ringing}
        step = self._note("webhook", name="call_inbound", url=url)
        reply = await self._line.deliver(
            "call_inbound", url, encode_json(body), _INBOUND_TIMEOUT_MS, tries=_INBOUND_TRIES
        )
        _finish(step, reply)
        step.answer = reply.json
        told = reply.json.get("call_inbound") if reply.good and isinstance(reply.json, dict) else None
        variables = (told or {}).get("dynamic_variables") or {}
        if not all(isinstance(value, str) for value in variables.values()):
            step.error = "dynamic_variables must be texts"
            return {}
        return dict(variables)

    def _begin(self, bound: AnsweringAgent, known: dict[str, str]) -> None:
        agent, order = bound.agent, self._order
        self._call |= {
            "call_id": self._call_id, "call_type": "phone_call", "agent_id": bound.agent_id,
            "agent_version": bound.version, "call_status": "ongoing", "direction": "inbound",
            "from_number": order.from_number, "to_number": order.to_number,
            "start_timestamp": unix_milliseconds(self._clock),
            "data_storage_setting": agent["data_storage_setting"], "opt_in_signed_url": agent["opt_in_signed_url"],
        }  # fmt: skip
        if agent.get("agent_name"):  # absent, never null, when not set (§10.8)
            self._call["agent_name"] = agent["agent_name"]
        if known:
            self._call["retell_llm_dynamic_variables"] = known
        self._variables = {
            **(bound.llm.get("default_dynamic_variables") or {}), **known, "call_id": self._call_id,
            "user_number": order.from_number, "agent_number": order.to_number, "direction": "inbound",
            "call_type": "phone_call",
        }  # fmt: skip

    def _filled(self, text: str) -> str:
        """Put in the dynamic variables; unset ones stay as they are written (§3.3)."""
        return re.sub(r"\{\{\s*([^{}]+?)\s*\}\}", lambda m: self._variables.get(m[1], m[0]), text)

    # Talking

    def _say(self, role: str, text: str) -> None:
        self._note("heard" if role == "agent" else "said", text=text)
        utterance: dict[str, Any] = {"role": role, "content": text, "words": []}
        self._call["transcript"] += f"{role.capitalize()}: {text}\n"
        self._call["transcript_object"].append(utterance)
        self._call["transcript_with_tool_calls"].append(utterance)

    def _press(self, keys: str) -> None:
        self._note("said", text=f"[{keys}]")
        self._call["transcript_with_tool_calls"] += [{"role": "dtmf", "digit": digit} for digit in keys]

    async def _talk(self, bound: AnsweringAgent) -> None:
        if self._order.args is not None:  # in the model's place: a tool call after each sentence
            for text, given in zip_longest(self._order.say, self._order.args):
                if text is not None:
                    self._say("user", text)
                if given is not None:
                    await self._use(given, bound)
            return
        model = ScriptedModel(bound.tools, self._order.from_number)
        for text in self._order.say:
            if keys := _KEYS.fullmatch(text):
                self._press(keys[1])
            else:
                self._say("user", text)
            does = model.hear(text)
            if isinstance(does, ToolCall):
                model.learn(await self._use(does, bound))
            else:
                self._say("agent", does or _PROMPT)

    async def _use(self, call: ToolCall, bound: AnsweringAgent) -> Any:
        """Call a function as the LLM's version declares it, and say what it answers."""
        step = self._note("tool", name=call.name, arguments=call.args)
        tool = bound.tools.get(call.name)
        if tool is None or tool["type"] != "custom":
            step.error = f"version {bound.version} of the LLM declares no custom tool {call.name}"
            return None
        required = (tool.get("parameters") or {}).get("required", ())
        if missing := [name for name in required if name not in call.args]:
            step.error = f"the schema of {call.name} requires {', '.join(missing)}, which the caller did not say"
            self._say("agent", _APOLOGY)
            return None
        invocation = {"tool_call_id": f"tool_call_{secrets.token_hex(4)}"}
        self._call["transcript_with_tool_calls"].append({
            "role": "tool_call_invocation", **invocation, "name": call.name, "type": "custom",
            "arguments": json.dumps(call.args, ensure_ascii=False),
        })  # fmt: skip
        reply = await self._request(tool, call, step)
        self._call["transcript_with_tool_calls"].append({
            "role": "tool_call_result", **invocation, "content": reply.text[:_ANSWER_CAP], "successful": reply.good,
        })  # fmt: skip
        answer = reply.json if reply.good else None
        if tool.get("speak_after_execution", True):
            message = answer.get("message") if isinstance(answer, dict) else answer
            self._say("agent", str(message or _APOLOGY))
        return answer

    async def _request(self, tool: dict[str, Any], call: ToolCall, step: Step) -> Reply:
        """Send a tool's request: `timeout_ms` per attempt, `max_retry` more after any failure (§3.1, §8)."""
        step.url, body = self._filled(tool["url"]), b""
        if tool["method"] in {"POST", "PUT", "PATCH"}:
            whole = {"name": call.name, "call": self._call, "args": call.args}
            body = encode_json(call.args if tool["args_at_root"] else whole)
        headers, query = (
            {name: self._filled(value) for name, value in (tool.get(field) or {}).items()}
            for field in ("headers", "query_params")
        )
        for attempt in range(1 + tool["max_retry"]):
            reply = await self._line.send(tool["method"], step.url, body, tool["timeout_ms"], headers, query)
            if reply.good:
                break
            if attempt < tool["max_retry"]:
                await self._line.pause("webhook_retry_delay_ms")
        _finish(step, reply)
        step.attempts, step.answer = attempt + 1, reply.json
        return reply

    # Hanging up

    def _end(self) -> None:
        now = unix_milliseconds(self._clock)
        length = now - self._call["start_timestamp"]
        self._call |= {
            "call_status": "ended", "end_timestamp": now, "duration_ms": length,
            "disconnection_reason": "user_hangup", "collected_dynamic_variables": {},
            "recording_url": f"https://recordings.example.com/{self._call_id}.wav",
            "public_log_url": f"https://recordings.example.com/{self._call_id}.log",
            "call_cost": {  # cents, floats (§5.1)
                "combined_cost": 14.18, "total_duration_seconds": length // 1000, "total_duration_unit_price": 0.1492,
                "product_costs": [{"product": "retell_platform", "cost": 8.71, "unit_price": 0.0917}],
            },
        }  # fmt: skip

    def _analyse(self) -> None:
        answers = [step.answer for step in self._steps if step.kind == "tool" and step.name == "book_appointment"]
        booked = any(isinstance(answer, dict) and answer.get("success") is True for answer in answers)
        summary = "Der Anrufer hat einen Termin gebucht." if booked else "Der Anrufer hat keinen Termin gebucht."
        self._call["call_analysis"] = {
            "call_summary": summary, "user_sentiment": "Positive" if booked else "Neutral", "call_successful": booked,
            "in_voicemail": False, "custom_analysis_data": {},
        }  # fmt: skip

    def _announce(self, event: str, bound: AnsweringAgent) -> None:
        """Send an event and do not wait for it: a failing `call_started` holds nothing back (§5)."""
        url = bound.agent.get("webhook_url")
        if not url or event not in bound.agent["webhook_events"]:
            return
        step = self._note("webhook", name=event, url=url)
        body = encode_json({"event": event, "call": self._call})

        async def deliver() -> None:
            _finish(step, await self._line.deliver(event, url, body, bound.agent["webhook_timeout_ms"]))

        self._events.append(asyncio.create_task(deliver()))


def _finish(step: Step, reply: Reply) -> None:
    step.status, step.attempts, step.duration_ms = reply.status, reply.attempts, reply.duration_ms
    if not reply.good:
        step.error = f"{step.name}: {reply.status or 'no answer'}: {reply.text[:200]}"
