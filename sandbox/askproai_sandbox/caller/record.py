"""The request for a call, the record of a played call, and a client that asks a Retell simulator to play a call."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import aiohttp
import msgspec
from msgspec import Struct

CALLER = "+4915112345678"


class ToolCall(Struct, frozen=True, forbid_unknown_fields=True):
    """A function call by a model, with these arguments; Retell calls functions tools."""

    name: str
    args: dict[str, Any]


class CallRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """A call to play. `say` are the caller's sentences. `args`, if set, are tool calls in place of the slot filler's, one for
    each sentence (None: no call). `{offer.1}` in their texts is the start of the first time in the latest offer.

    `key` selects one of several workspaces with the number. With `plays_agent`, the call's client also plays the model.
    """

    to_number: str
    from_number: str = CALLER
    say: tuple[str, ...] = ()
    key: str | None = None
    args: tuple[ToolCall | None, ...] | None = None
    plays_agent: bool = False


class AgentSentence(Struct, frozen=True, forbid_unknown_fields=True):
    """A sentence that a model has decided to say as the agent."""

    text: str


class Briefing(Struct, frozen=True):
    """A model's knowledge of a call before it begins: the published prompt, its variables filled in, and the functions.

    `functions` have `name`, `description` and `parameters`, a JSON schema.
    """

    prompt: str
    functions: list[dict[str, Any]]


Move = str | ToolCall | AgentSentence  # what the caller says, or what the agent does


class Step(Struct, omit_defaults=True):
    """One step of a played call.

    `kind` is `said` (by the caller), `heard` (by the caller), `tool` (a call function), `webhook` (a delivered event) or `note`
    (of the simulator about the call). `status` is the HTTP status, None without a response; `error` is why the step failed.
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

    @property
    def what(self) -> str:
        """Return the sentence, or the name of the request, with the arguments of a function."""
        arguments = ", ".join(f"{name}={value}" for name, value in (self.arguments or {}).items())
        return f"{self.name}({arguments})" if self.kind == "tool" else self.name or self.text or ""

    def to_text(self) -> str:
        """Return the step as one line: the sentence, or the request with its HTTP status and, if it failed, why."""
        return f"{self.kind:8} {self.what} {self.status or self.error or ''}".rstrip()


class CallRecord(Struct):
    """A played call. `status` is `ended` or `declined`; `steps` are ordered by their beginning."""

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
        """Return the responses that a call function has sent in this call, oldest first."""
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
    args: Iterable[Mapping[str, Any] | None] | None = None,
) -> CallRecord:
    """Let a Retell simulator play a call to its end. Raises ValueError with the simulator's message when it refuses."""
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
