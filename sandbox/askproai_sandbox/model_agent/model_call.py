"""A held call whose agent is a language model: the published prompt and functions, the caller's words, nothing else."""

from dataclasses import dataclass
from typing import Any, Final, Self

import aiohttp

from askproai_core.http_answers import client_session
from askproai_sandbox.caller import CallRecord, HeldCall, Step
from askproai_sandbox.model_agent.chat_model import ANSWER_TOKENS, ChatModel, ModelError, Wanted, completions_url

_MOST_ROUNDS: Final = 6  # answers of the model to one sentence
_MOST_FUNCTIONS: Final = 12  # calls of functions after one sentence
_NO_OBJECT: Final = {"error": "the arguments are no JSON object: call the function again"}


@dataclass(frozen=True, slots=True)
class ModelAddress:
    """A model's server (base URL), its name there, and the server's key, if any. Each answer may take `seconds`."""

    url: str
    name: str
    key: str = ""
    seconds: float = 120.0

    @property
    def completions_url(self) -> str:
        """The URL that receives the conversation. Raises ModelError for an unsafe URL, or one that contains a password."""
        return completions_url(self.url)


class ModelCall:
    """A call in progress, like `HeldCall`. The user must end it with `hang_up`."""

    def __init__(self, held: HeldCall, model: ChatModel, session: aiohttp.ClientSession) -> None:
        self._held, self._model, self._session = held, model, session

    @classmethod
    async def begin(
        cls, retell_url: str, to_number: str, *, from_number: str, address: ModelAddress
    ) -> tuple[Self, list[Step]]:
        """Call a number, and return the call with its steps until the model is silent.

        Raises ModelError for a URL that must not receive the conversation, and the errors of `HeldCall.begin`.
        """
        url = address.completions_url
        held, steps = await HeldCall.begin(retell_url, to_number, from_number=from_number, plays_agent=True)
        session = client_session()
        briefing = held.briefing
        model = ChatModel(
            session, url, address.name, briefing.functions if briefing else [], address.key, address.seconds
        )
        if briefing is not None:
            model.messages.append({"role": "system", "content": briefing.prompt})
        model.messages += [{"role": "assistant", "content": step.text} for step in steps if step.kind == "heard"]
        return cls(held, model, session), steps

    @property
    def record(self) -> CallRecord | None:
        return self._held.record

    async def say(self, text: str) -> list[Step]:
        """Say a sentence as the caller, and return the steps until the model is silent. Raises ModelError."""
        steps = await self._held.say(text)
        self._model.messages.append({"role": "user", "content": text})
        functions = 0
        for _ in range(_MOST_ROUNDS):
            answer = await self._model.complete()
            if answer.is_cut:
                steps.append(Step("", "note", f"the model's answer was cut off at {ANSWER_TOKENS} tokens"))
            if answer.text.strip():
                steps += await self._held.answer(answer.text.strip())
            if not answer.wanted:
                return steps
            functions += len(answer.wanted)
            if functions > _MOST_FUNCTIONS:
                raise ModelError(f"the model calls more than {_MOST_FUNCTIONS} functions after one sentence")
            for wanted in answer.wanted:
                steps += await self._carry_out(wanted)
                if self.record is not None:
                    return steps
        raise ModelError(f"the model has not ended its turn after {_MOST_ROUNDS} answers")

    async def _carry_out(self, wanted: Wanted) -> list[Step]:
        if wanted.call is None:
            self._model.learn(wanted, _NO_OBJECT)
            return []
        steps = await self._held.call_function(wanted.call.name, wanted.call.args)
        self._model.learn(wanted, _answer_of(steps))
        return steps

    async def hang_up(self) -> CallRecord:
        """End the call, unless it is over, and return its record."""
        try:
            return await self._held.hang_up()
        finally:
            await self._session.close()


def _answer_of(steps: list[Step]) -> Any:
    """Return the response of the called function for the model; the error if there was no response."""
    step = next(step for step in steps if step.kind == "tool")
    return step.answer if step.answer is not None else {"error": step.error or "no answer"}
