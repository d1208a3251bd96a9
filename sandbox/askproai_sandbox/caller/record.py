"""What is asked of a call, what is told about it, and the client that asks."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp


@dataclass(frozen=True, slots=True)
class Order:
    """A call to play: who rings whom, what the caller says, and `args`, tool calls instead of the scripted model's."""

    to_number: str
    from_number: str
    say: tuple[str, ...]
    key: str | None
    args: tuple[Mapping[str, Any], ...] | None

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> "Order":
        """Read the body of `POST /_sim/calls`; raises ValueError or KeyError."""
        if unknown := body.keys() - {"to_number", "from_number", "say", "key", "args"}:
            raise ValueError(f"unknown keys of a call: {', '.join(sorted(unknown))}")
        args = body.get("args")
        if args is not None and not all(isinstance(a, dict) and {"name", "args"} == a.keys() for a in args):
            raise ValueError('`args` is a list of tool calls {"name": …, "args": {…}}')
        return cls(
            body["to_number"], body.get("from_number", "+4915112345678"), tuple(body.get("say", ())), body.get("key"),
            None if args is None else tuple(args),
        )  # fmt: skip


@dataclass(slots=True)
class Step:
    """One thing that happened in a call.

    `kind`: said (by the caller), heard (by the caller), tool (a call function), webhook (an event delivered, or the inbound
    webhook). `status` is HTTP's, None when no answer came; `error` says why a step went wrong.
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


@dataclass(slots=True)
class CallRecord:
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
        return {
            **asdict(self),
            "steps": [{k: v for k, v in asdict(s).items() if v is not None or k == "status"} for s in self.steps],
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> "CallRecord":
        return cls(**{**body, "steps": [Step(**step) for step in body["steps"]]})


async def play_call(
    retell_url: str,
    to_number: str,
    say: Sequence[str],
    *,
    from_number: str = "+4915112345678",
    key: str | None = None,
    args: Iterable[Mapping[str, Any]] | None = None,
) -> CallRecord:
    """Let a Retell simulator play a call to its end; raises ValueError with its words when it can not."""
    body: dict[str, Any] = {"to_number": to_number, "from_number": from_number, "say": list(say)}
    body |= {} if key is None else {"key": key}
    body |= {} if args is None else {"args": list(args)}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=300)) as session,
        session.post(f"{retell_url}/_sim/calls", json=body) as response,
    ):
        answer = await response.json()
        if response.status != 200:
            raise ValueError(answer["error"])
        return CallRecord.from_json(answer)
