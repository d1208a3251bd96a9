"""The wires of a call: what a number is bound to, and signed requests to the other side."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import aiohttp

from askproai_sandbox.simulator import Clock, FaultKind, Faults, Journal


@dataclass(frozen=True, slots=True)
class Bound:
    """An agent's version and its LLM's version, as a call uses them: the fields as a GET shows them."""

    agent_id: str
    version: int
    agent: Mapping[str, Any]
    llm: Mapping[str, Any]

    @property
    def tools(self) -> dict[str, dict[str, Any]]:
        return {tool["name"]: tool for tool in self.llm.get("general_tools") or ()}


class Switchboard(Protocol):
    """What the caller must know about a workspace."""

    def inbound_webhook_url(self, number: str) -> str | None:
        """Give who is asked before the call is answered."""

    def bound_to(self, number: str) -> Bound | None:
        """Give the agent that answers; None when none is bound, or the binding dangles."""

    def agent(self, agent_id: str, version: str | int | None) -> Bound | None:
        """Give the agent that an inbound webhook names."""


def encode(body: Mapping[str, Any]) -> bytes:
    """Give compact UTF-8 with raw umlauts: who signs a re-serialised body fails, as at Retell (reference §6)."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


@dataclass(frozen=True, slots=True)
class Reply:
    status: int | None
    text: str
    duration_ms: float
    attempts: int = 1

    @property
    def good(self) -> bool:
        return self.status is not None and 200 <= self.status < 300

    @property
    def json(self) -> Any:
        try:
            return json.loads(self.text)
        except ValueError:
            return self.text or None


@dataclass(frozen=True, slots=True)
class Line:
    """Signed requests to the tenant's runtime."""

    clock: Clock
    session: aiohttp.ClientSession
    journal: Journal
    faults: Faults
    sign: Callable[[bytes], str]
    retry_delay_ms: float
    analysis_delay_ms: float

    async def send(
        self, method: str, url: str, body: bytes, timeout_ms: float,
        headers: Mapping[str, str] | None = None, query: Mapping[str, str] | None = None,
    ) -> Reply:  # fmt: skip
        """Send one signed request; an answer that does not come is status None with the reason as its text."""
        began = self.clock.monotonic()
        signed = {"Content-Type": "application/json", **(headers or {}), "X-Retell-Signature": self.sign(body)}
        status: int | None = None
        try:
            async with self.session.request(
                method, url, data=body or None, headers=signed, params=query, allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=timeout_ms / 1000),
            ) as response:  # fmt: skip
                status, text = response.status, await response.text()
        except (aiohttp.ClientError, TimeoutError) as error:
            text = f"{type(error).__name__}: {error}".rstrip(": ")
        return Reply(status, text, round((self.clock.monotonic() - began) * 1000, 1))

    async def deliver(self, event: str, url: str, body: bytes, timeout_ms: float) -> Reply:
        """Deliver a webhook: once, and up to 3 times more without a 2xx (reference §5); signed anew each time."""
        if self.faults.take(event, FaultKind.DROP_WEBHOOK):
            self.journal.delivery(self.clock.now().isoformat(), event, url, None, "dropped by a fault")
            return Reply(None, "dropped by a fault", 0, 0)
        duplicate = self.faults.take(event, FaultKind.DUPLICATE_WEBHOOK)
        began = self.clock.monotonic()
        for attempt in range(1, 5):
            reply = await self.send("POST", url, body, timeout_ms)
            self.journal.delivery(self.clock.now().isoformat(), event, url, reply.status, f"attempt {attempt}")
            if reply.good:
                break
            if attempt < 4:
                await self.pause(self.retry_delay_ms)
        if duplicate:
            again = await self.send("POST", url, body, timeout_ms)
            self.journal.delivery(self.clock.now().isoformat(), event, url, again.status, "duplicate")
        return Reply(reply.status, reply.text, round((self.clock.monotonic() - began) * 1000, 1), attempt)

    async def pause(self, milliseconds: float) -> None:
        await self.clock.sleep(timedelta(milliseconds=milliseconds))
