"""What is asked of a call, what is told about it, and the client that asks."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

CALLER = "+4915112345678"


class ToolCall(Struct, frozen=True, forbid_unknown_fields=True):
    name: str
    args: dict[str, Any]


class CallRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A call to play: who rings whom, what the caller says, and `args`, tool calls instead of the scripted model's.

    `key` names the workspace, should several have the number.
    """

    to_number: str
    from_number: str = CALLER
    say: tuple[str, ...] = ()
    key: str | None = None
    args: tuple[ToolCall, ...] | None = None


class Step(Struct, omit_defaults=True):
    """One thing that happened in a call.

    `kind`: said (by the caller), heard (by the caller), tool (a call function), webhook (an event delivered). `status` is
    HTTP's, None when no answer came; `error` says why a step went wrong.
    """

    at: str
    kind: str
    text: str | None = None
    name: str | None = None
    url: str | None = None
    arguments: dict[str, Any] | None = None
    answer: Any = None
    status: int | None = None
    attempts: int | None = None
    duration_ms: float | None = None
    error: str | None = None


class CallRecord(Struct):
    """A call that was played: `status` ended or declined, and its steps in the order in which they began."""

    call_id: str
    status: str
    agent_id: str | None
    agent_version: int | None
    transcript: str
    steps: list[Step]

    @property
    def errors(self) -> list[str]:
        return [step.error for step in self.steps if step.error]

    def answers(self, tool: str) -> list[Any]:
        """Give what the call function `tool` answered, oldest first."""
        return [step.answer for step in self.steps if step.kind == "tool" and step.name == tool]

    def to_json(self) -> dict[str, Any]:
        record: dict[str, Any] = msgspec.to_builtins(self)
        return record


async def play_call(
    retell_url: str,
    to_number: str,
    say: Sequence[str],
    *,
    from_number: str = CALLER,
    key: str | None = None,
    args: Iterable[Mapping[str, Any]] | None = None,
) -> CallRecord:
    """Let a Retell simulator play a call to its end; raises ValueError with its words when it can not."""
    body = {"to_number": to_number, "from_number": from_number, "say": list(say), "key": key}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session,
        session.post(
            f"{retell_url}/_sim/calls", json=body | {"args": None if args is None else list(args)}
        ) as response,
    ):
        answer = await response.json()
        if response.status != 200:
            raise ValueError(answer["error"])
        return msgspec.convert(answer, CallRecord)
