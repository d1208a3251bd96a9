"""The wires of a call: who answers, and signed requests to the other side."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from askproai_sandbox.simulator import Reply, Simulator

_DELIVERIES = 4  # one, and "retried up to 3 times" (reference §5)


@dataclass(frozen=True, slots=True)
class AnsweringAgent:
    """An agent's version and its LLM's version, as a call uses them: the fields as a GET shows them."""

    agent_id: str
    version: int
    agent: Mapping[str, Any]
    llm: Mapping[str, Any]

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        return {tool["name"]: tool for tool in self.llm.get("general_tools") or ()}


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """Signed requests to the tenant's runtime."""

    simulator: Simulator
    sign: Callable[[bytes], str]

    async def send(
        self, method: str, url: str, body: bytes, timeout_ms: float,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        signed = {**(headers or {}), "X-Retell-Signature": self.sign(body)}
        return await self.simulator.send(method, url, body, signed, timeout_ms, query)

    async def deliver(self, event: str, url: str, body: bytes, timeout_ms: float, *, tries: int = _DELIVERIES) -> Reply:
        """Deliver a webhook until there is a 2xx, a few times at most; signed anew each time."""
        began = self.simulator.clock.monotonic()
        for attempt in range(1, tries + 1):
            reply = await self.send("POST", url, body, timeout_ms)
            self.simulator.journal.delivery(event, url, reply.status, f"attempt {attempt}")
            if reply.good:
                break
            if attempt < tries:
                await self.pause("webhook_retry_delay_ms")
        return replace(reply, duration_ms=round((self.simulator.clock.monotonic() - began) * 1000, 1), attempts=attempt)

    async def pause(self, setting: str) -> None:
        await self.simulator.clock.sleep(timedelta(milliseconds=self.simulator.settings[setting]))
