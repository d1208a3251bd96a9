"""The line of a played call: the agent that takes the call, and the signed requests to the tenant's runtime."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from askproai_sandbox.simulator import Reply, Simulator

_DELIVERIES = 4  # Retell sends a webhook, also the inbound one, again up to three times (docs/vendors/retell.md)


@dataclass(frozen=True, slots=True)
class AnsweringAgent:
    """The agent and LLM versions that take a call; `settings` and `llm` are the bodies that a GET returns.

    `webhook_url` is the agent's own, or else the account's.
    """

    agent_id: str
    version: int
    settings: Mapping[str, Any]
    llm: Mapping[str, Any]
    webhook_url: str | None = None

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        """Return the tools that the LLM's version declares, by name."""
        return {tool["name"]: tool for tool in self.llm.get("general_tools") or ()}


@dataclass(frozen=True, slots=True)
class PhoneLine:
    """Sends signed requests to the tenant's runtime. `sign` returns the signature of a body, made at the present time."""

    simulator: Simulator
    sign: Callable[[bytes], str]

    async def send(
        self, method: str, url: str, body: bytes, timeout_ms: float,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        signed = {**(headers or {}), "X-Retell-Signature": self.sign(body)}
        return await self.simulator.send(method, url, body, signed, timeout_ms, query)

    async def deliver(self, event: str, url: str, body: bytes, timeout_ms: float) -> Reply:
        """Send a webhook until it is acknowledged with 2xx, at most four times, newly signed each time.

        Return the last reply, with the number of attempts and their total duration.
        """
        started = self.simulator.clock.monotonic()
        for attempt in range(1, _DELIVERIES + 1):
            reply = await self.send("POST", url, body, timeout_ms)
            self.simulator.journal.delivery(event, url, reply.status, f"attempt {attempt}")
            if reply.ok:
                break
            if attempt < _DELIVERIES:
                await self.pause("webhook_retry_delay_ms")
        duration_ms = round((self.simulator.clock.monotonic() - started) * 1000, 1)
        return replace(reply, duration_ms=duration_ms, attempts=attempt)

    async def pause(self, setting: str) -> None:
        """Sleep for the number of milliseconds in the simulator's setting named `setting`."""
        await self.simulator.clock.sleep(timedelta(milliseconds=self.simulator.settings[setting]))
