"""One call, from ringing to `call_analyzed` (reference §5, §7, §8)."""

import asyncio
import json
import re
import secrets
from itertools import zip_longest
from typing import Any

from askproai_sandbox.caller.line import Bound, Line, Reply, Switchboard, encode
from askproai_sandbox.caller.model import ScriptedModel, ToolCall
from askproai_sandbox.caller.record import CallRecord, Order, Step
from askproai_sandbox.simulator.clock import milliseconds

_APOLOGY = "Es tut mir leid, das hat gerade nicht geklappt. Möchten Sie es noch einmal versuchen?"
_PROMPT = "Wie kann ich Ihnen helfen?"
_ANSWER_CAP = 15_000  # characters of a tool's answer that the LLM sees (§8)


class Conversation:
    """Plays one call; `calls` shows it to get-call from its first moment."""

    def __init__(self, order: Order, line: Line, switchboard: Switchboard, calls: dict[str, dict[str, Any]]) -> None:
        self._order, self._line, self._switchboard, self._calls = order, line, switchboard, calls
        self._call_id = f"call_{secrets.token_hex(14)}"
        self._call: dict[str, Any] = {}
        self._steps: list[Step] = []
        self._variables: dict[str, str] = {}
        self._metadata: dict[str, Any] | None = None
        self._events: list[asyncio.Task[None]] = []

    async def play(self) -> CallRecord:
        bound = await self._answerer()
        if bound is None:
            self._note("heard", error="the call is declined: no agent is bound to the number")
            return self._record("declined", None)
        self._begin(bound)
        self._announce("call_started", bound)
        self._call |= {"transcript": "", "transcript_object": [], "transcript_with_tool_calls": []}
        if bound.llm["start_speaker"] == "agent" and (greeting := bound.llm.get("begin_message", _PROMPT)):
            self._say("agent", self._filled(greeting))
        await self._talk(bound)
        self._end()
        self._announce("call_ended", bound)
        await self._line.pause(self._line.analysis_delay_ms)
        self._analyse()
        self._announce("call_analyzed", bound)
        await asyncio.gather(*self._events)
        return self._record("ended", bound)

    def _record(self, status: str, bound: Bound | None) -> CallRecord:
        steps = sorted(self._steps, key=lambda step: step.at)
        agent_id, version = (bound.agent_id, bound.version) if bound else (None, None)
        return CallRecord(self._call_id, status, agent_id, version, self._call.get("transcript", ""), steps)

    def _note(self, kind: str, **what: Any) -> Step:
        step = Step(self._line.clock.now().isoformat(), kind, **what)
        self._steps.append(step)
        return step

    # Ringing

    async def _answerer(self) -> Bound | None:
        """Ask the number's inbound webhook, when it has one, who answers; it fails over to the bound agent (§7)."""
        order = self._order
        bound = self._switchboard.bound_to(order.to_number)
        url = self._switchboard.inbound_webhook_url(order.to_number)
        if url is None:
            return bound
        inbound: dict[str, Any] = {"call_id": self._call_id, "from_number": order.from_number}
        inbound["to_number"] = order.to_number
        if bound:
            inbound |= {"agent_id": bound.agent_id, "agent_version": bound.version}
        body = {"event": "call_inbound", "event_timestamp": milliseconds(self._line.clock), "call_inbound": inbound}
        step = self._note("webhook", name="call_inbound", url=url)
        reply = await self._line.deliver("call_inbound", url, encode(body), 10_000)
        _finish(step, reply)
        answer = reply.json if reply.good else None
        told = (answer.get("call_inbound") or {}) if isinstance(answer, dict) else {}
        if told.get("reject") is True:
            return None
        self._variables = dict(told.get("dynamic_variables") or {})
        if any(not isinstance(value, str) for value in self._variables.values()):
            step.error, self._variables = "dynamic_variables must be strings", {}
        self._metadata = told.get("metadata")
        if "override_agent_id" in told:
            bound = self._switchboard.agent(told["override_agent_id"], told.get("override_agent_version"))
        changes = told.get("agent_override") or {}
        if bound and changes:
            agent, llm = {**bound.agent, **changes.get("agent", {})}, {**bound.llm, **changes.get("retell_llm", {})}
            bound = Bound(bound.agent_id, bound.version, agent, llm)
        return bound

    def _begin(self, bound: Bound) -> None:
        agent, order = bound.agent, self._order
        self._call |= {
            "call_id": self._call_id, "call_type": "phone_call", "agent_id": bound.agent_id,
            "agent_version": bound.version, "call_status": "ongoing", "direction": "inbound",
            "from_number": order.from_number, "to_number": order.to_number,
            "start_timestamp": milliseconds(self._line.clock),
            "data_storage_setting": agent["data_storage_setting"], "opt_in_signed_url": agent["opt_in_signed_url"],
        }  # fmt: skip
        # Absent, never null, when not set (§10.8).
        if agent.get("agent_name"):
            self._call["agent_name"] = agent["agent_name"]
        if self._metadata is not None:
            self._call["metadata"] = self._metadata
        if self._variables:
            self._call["retell_llm_dynamic_variables"] = dict(self._variables)
        self._variables = {
            **(bound.llm.get("default_dynamic_variables") or {}), **self._variables, "call_id": self._call_id,
            "user_number": order.from_number, "agent_number": order.to_number, "direction": "inbound",
            "call_type": "phone_call",
        }  # fmt: skip
        self._calls[self._call_id] = self._call

    def _filled(self, text: str) -> str:
        """Put in the dynamic variables; unset ones stay as they are written (§3.3)."""
        return re.sub(r"\{\{\s*([^{}]+?)\s*\}\}", lambda m: self._variables.get(m[1], m[0]), text)

    # Talking

    def _say(self, role: str, text: str) -> None:
        self._note("heard" if role == "agent" else "said", text=text)
        at = (milliseconds(self._line.clock) - self._call["start_timestamp"]) / 1000
        words = [
            {"word": word, "start": round(at + i * 0.3, 2), "end": round(at + i * 0.3 + 0.25, 2)}
            for i, word in enumerate(text.split())
        ]
        utterance = {"role": role, "content": text, "words": words}
        self._call["transcript"] += f"{role.capitalize()}: {text}\n"
        self._call["transcript_object"].append(utterance)
        self._call["transcript_with_tool_calls"].append(utterance)

    async def _talk(self, bound: Bound) -> None:
        model = ScriptedModel(bound.tools, self._order.from_number)
        for text, given in zip_longest(self._order.say, self._order.args or ()):
            if text is not None:
                self._say("user", text)
            if given is not None:
                call: ToolCall | None = ToolCall(given["name"], dict(given["args"]))
            else:
                call = model.hear(text) if self._order.args is None else None
            if call is not None:
                model.learn(await self._use(call, bound))
            elif text is not None and self._order.args is None:
                self._say("agent", _PROMPT)

    async def _use(self, call: ToolCall, bound: Bound) -> Any:
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
        tool_call_id = f"tool_call_{secrets.token_hex(4)}"
        arguments = json.dumps(call.args, ensure_ascii=False)
        self._call["transcript_with_tool_calls"].append({
            "role": "tool_call_invocation", "tool_call_id": tool_call_id, "name": call.name, "type": "custom",
            "arguments": arguments,
        })  # fmt: skip
        reply = await self._request(tool, call, step)
        self._call["transcript_with_tool_calls"].append({
            "role": "tool_call_result", "tool_call_id": tool_call_id, "content": reply.text[:_ANSWER_CAP],
            "successful": reply.good,
        })  # fmt: skip
        answer = reply.json if reply.good else None
        if tool.get("speak_after_execution", True):
            message = answer.get("message") if isinstance(answer, dict) else answer
            self._say("agent", str(message) if reply.good and message else _APOLOGY)
        return answer

    async def _request(self, tool: dict[str, Any], call: ToolCall, step: Step) -> Reply:
        """Send a tool's request: `timeout_ms` per attempt, `max_retry` more after any failure (§3.1, §8)."""
        step.url, body = self._filled(tool["url"]), b""
        if tool["method"] in {"POST", "PUT", "PATCH"}:
            whole = {"name": call.name, "call": self._call, "args": call.args}
            body = encode(call.args if tool["args_at_root"] else whole)
        headers = {name: self._filled(value) for name, value in (tool.get("headers") or {}).items()}
        query = {name: self._filled(value) for name, value in (tool.get("query_params") or {}).items()}
        for attempt in range(1 + tool["max_retry"]):
            reply = await self._line.send(tool["method"], step.url, body, tool["timeout_ms"], headers, query)
            if reply.good:
                break
            if attempt < tool["max_retry"]:
                await self._line.pause(self._line.retry_delay_ms * 2**attempt)
        _finish(step, reply)
        step.attempts = attempt + 1
        return reply

    # Hanging up

    def _end(self) -> None:
        now = milliseconds(self._line.clock)
        length = now - self._call["start_timestamp"]
        self._call |= {
            "call_status": "ended", "end_timestamp": now, "duration_ms": length,
            "disconnection_reason": "user_hangup", "collected_dynamic_variables": {},
            "recording_url": f"https://recordings.example.com/{self._call_id}.wav",
            "public_log_url": f"https://recordings.example.com/{self._call_id}.log",
            "latency": {"e2e": {"p50": 820, "p90": 1190, "min": 610, "max": 1412, "num": 1, "values": [820]}},
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

    def _announce(self, event: str, bound: Bound) -> None:
        """Send an event and do not wait for it: a failing `call_started` holds nothing back (§5)."""
        url = bound.agent.get("webhook_url")
        if not url or event not in bound.agent["webhook_events"]:
            return
        step = self._note("webhook", name=event, url=url)
        body = encode({"event": event, "call": self._call})

        async def deliver() -> None:
            _finish(step, await self._line.deliver(event, url, body, bound.agent["webhook_timeout_ms"]))

        self._events.append(asyncio.create_task(deliver()))


def _finish(step: Step, reply: Reply) -> None:
    step.status, step.attempts, step.duration_ms = reply.status, reply.attempts, reply.duration_ms
    step.answer = reply.json if step.kind == "tool" or step.name == "call_inbound" else None
    if not reply.good:
        step.error = f"{step.name}: {reply.status or 'no answer'}: {reply.text[:200]}"
