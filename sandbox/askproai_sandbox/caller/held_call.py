"""A call that is held sentence by sentence over a Retell simulator's WebSocket (`GET /_sim/calls`)."""

from collections.abc import Mapping
from typing import Any, Self

import aiohttp
import msgspec

from askproai_sandbox.caller.record import Briefing, CallRecord, Step


class HeldCall:
    """A call under way. `record` is None until the call is over: the caller hung up, or the agent transferred or declined it.

    `briefing` is the knowledge of the agent's model; None if the call is declined.
    """

    def __init__(self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._session, self._socket = session, socket
        self.record: CallRecord | None = None
        self.briefing: Briefing | None = None

    @classmethod
    async def begin(
        cls, retell_url: str, to_number: str, *, from_number: str, plays_agent: bool = False
    ) -> tuple[Self, list[Step]]:
        """Ring a number, and return the call with its steps until the agent is silent. With `plays_agent` it waits for
        `call_function` and `answer`.

        Raises ValueError with the simulator's message when it refuses, `aiohttp.ClientError` when it does not answer.
        """
        session = aiohttp.ClientSession()
        try:
            held = cls(session, await session.ws_connect(f"{retell_url}/_sim/calls", max_msg_size=0))
            request = {"to_number": to_number, "from_number": from_number, "plays_agent": plays_agent}
            return held, await held._exchange(request)
        except BaseException:
            await session.close()
            raise

    async def say(self, text: str) -> list[Step]:
        """Say a sentence as the caller, and return the steps until the agent is silent. The call must not be over."""
        return await self._exchange({"say": text})

    async def call_function(self, name: str, args: Mapping[str, Any]) -> list[Step]:
        """Call a function as the agent's model, and return its step. The call must not be over."""
        return await self._exchange({"call": {"name": name, "args": args}})

    async def answer(self, text: str) -> list[Step]:
        """Say a sentence as the agent. The call must not be over."""
        return await self._exchange({"answer": text})

    async def hang_up(self) -> CallRecord:
        """End the call, unless it is over, and return its record."""
        if self.record is None:
            await self._exchange({"hang_up": True})
        await self._session.close()
        assert self.record is not None, "a call that was hung up has no record"
        return self.record

    async def _exchange(self, message: Mapping[str, Any]) -> list[Step]:
        await self._socket.send_json(message)
        received = await self._socket.receive()
        if received.type is not aiohttp.WSMsgType.TEXT:
            raise aiohttp.ClientConnectionError("the simulated Retell went away during the call")
        answer = received.json()
        if "error" in answer:
            raise ValueError(answer["error"])
        if "briefing" in answer:
            self.briefing = msgspec.convert(answer["briefing"], Briefing)
        if "record" in answer:
            self.record = msgspec.convert(answer["record"], CallRecord)
        return msgspec.convert(answer["steps"], list[Step])
