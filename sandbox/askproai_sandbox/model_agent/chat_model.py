"""A language model behind a server of the OpenAI chat-completions protocol. Each answer is bounded, and read strictly."""

import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp
import msgspec
from msgspec import Struct

from askproai_core.http_answers import UnreadableAnswer, read_answer
from askproai_sandbox.caller import ToolCall

_ANSWER_LIMIT: Final = 1024 * 1024  # bytes
ANSWER_TOKENS: Final = 800  # enough for a spoken answer and the arguments of a function
_CALL_TOKENS: Final = 400_000  # tokens of one call, prompts included
_ERROR_CHARACTERS: Final = 300
_REFUSED, _MISSING, _BUSY = {401, 403}, {404, 405}, 503


class ModelError(Exception):
    """The model cannot be used, or its server does not return a chat completion. The message says what to do."""


class _Function(Struct):
    name: str
    arguments: str = ""


class _Tool(Struct):
    function: _Function
    id: str = ""


class _Message(Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Tool] | None = None


class _Choice(Struct):
    message: _Message
    finish_reason: str | None = None


class _Usage(Struct):
    total_tokens: int = 0


class _Completion(Struct):
    choices: list[_Choice]
    usage: _Usage | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A function call that the model requests; `call` is None if the model's arguments are not a JSON object."""

    id: str
    call: ToolCall | None


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """The model's answer: the functions that it calls, in order, and its words. `is_cut`: its server cut the answer off."""

    text: str
    wanted: tuple[Wanted, ...]
    is_cut: bool = False


def completions_url(url: str) -> str:
    """Return the address for completions under a base URL such as `https://models.example/v1`.

    Raises ModelError unless the URL is https, or http to this machine.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.username or parts.password:
        raise ModelError(
            "leave name and password out of the URL; the key goes into --model-key-file or ASKPROAI_MODEL_KEY"
        )
    if parts.scheme not in {"http", "https"}:
        raise ModelError(f"{url} does not begin with https:// or http://, as https://models.example/v1 does")
    if parts.scheme == "http" and not _is_loopback(host):
        raise ModelError(f"{url} is not this machine: use https, or the key and what is said would be readable")
    if not host or parts.query or parts.fragment:
        raise ModelError(f"{url} is no base URL such as https://models.example/v1")
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/chat/completions") else f"{path}/chat/completions").geturl()


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@dataclass(slots=True)
class ChatModel:
    """Asks a model what to say or do next; each answer may take `seconds`. No message of this class contains `key`.

    `messages` is the conversation so far, in the protocol's form; the first message is the prompt.
    """

    session: aiohttp.ClientSession
    url: str
    name: str
    functions: Sequence[Mapping[str, Any]]
    key: str = ""
    seconds: float = 120.0
    messages: list[dict[str, Any]] = field(default_factory=list)
    tokens: int = 0

    async def complete(self) -> ModelAnswer:
        """Return the model's answer to the messages, and add it to them. Raises ModelError."""
        if self.tokens > _CALL_TOKENS:
            raise ModelError(f"the call has taken {self.tokens} tokens, more than the {_CALL_TOKENS} that one may take")
        completion = self._read(await self._post())
        self.tokens += completion.usage.total_tokens if completion.usage else 0
        message = completion.choices[0].message
        tools = [_named(each, number) for number, each in enumerate(message.tool_calls or ())]
        text = message.content or message.refusal or ""
        said: dict[str, Any] = {"role": "assistant", "content": text}
        if tools:
            said["tool_calls"] = [
                {"id": each.id, "type": "function", "function": msgspec.to_builtins(each.function)} for each in tools
            ]
        self.messages.append(said)
        is_cut = completion.choices[0].finish_reason == "length"
        return ModelAnswer(text, tuple(Wanted(each.id, _read_call(each.function)) for each in tools), is_cut)

    def learn(self, wanted: Wanted, answer: Any) -> None:
        """Add the answer of a function that the model has called to the conversation."""
        text = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        self.messages.append({"role": "tool", "tool_call_id": wanted.id, "content": text})

    async def _post(self) -> bytes:
        body = {
            "model": self.name, "messages": self.messages, "max_tokens": ANSWER_TOKENS, "temperature": 0, "stream": False,
        }  # fmt: skip
        if self.functions:
            body["tools"] = [{"type": "function", "function": dict(each)} for each in self.functions]
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        timeout = aiohttp.ClientTimeout(total=self.seconds)
        try:
            async with self.session.post(
                self.url, json=body, headers=headers, timeout=timeout, allow_redirects=False
            ) as response:
                answer = await read_answer(response, _ANSWER_LIMIT)
                if response.status != 200:
                    raise ModelError(self._refusal(response.status, answer))
                if response.content_type == "text/event-stream":
                    raise ModelError(f"{self.url} answers with a stream, although none was asked for")
                return answer
        except UnreadableAnswer as error:
            raise ModelError(f"{self.url}: {error}") from None
        except TimeoutError:
            raise ModelError(f"{self.url} has not answered within {self.seconds:g} s: see --model-timeout") from None
        except aiohttp.ClientPayloadError:
            raise ModelError(f"{self.url} broke its answer off") from None
        except aiohttp.ClientConnectorDNSError:
            raise ModelError(
                f"{self.url}: no server has this name; check the URL, and the DNS of this machine"
            ) from None
        except aiohttp.ClientError as error:
            raise ModelError(f"{self.url} does not answer ({type(error).__name__}): is the server running?") from None

    def _refusal(self, status: int, answer: bytes) -> str:
        """Return a sentence about a refusal of the model's server, without the server's own text, which may repeat the key."""
        if 300 <= status < 400:
            return f"{self.url} redirects, which is not followed: name the address at which the model is"
        if status in _REFUSED:
            return f"{self.url} refuses the key (HTTP {status}): check --model-key-file or ASKPROAI_MODEL_KEY"
        text = answer.decode(errors="replace")
        if self.key:
            text = text.replace(self.key, "…")
        said = " ".join(text.split())[:_ERROR_CHARACTERS]
        if status in _MISSING:
            return f"{self.url} has no model {self.name!r}, or no chat completions (HTTP {status}): {said}"
        hint = "; the model must take tools" if "tool" in said else "; try again later" if status == _BUSY else ""
        return f"{self.url} refuses the request (HTTP {status}{hint}): {said}"

    def _read(self, answer: bytes) -> _Completion:
        try:
            completion = msgspec.json.decode(answer, type=_Completion)
        except msgspec.DecodeError as error:
            raise ModelError(f"{self.url} answers with no chat completion ({error}): check the base URL") from None
        if not completion.choices:
            raise ModelError(f"{self.url} answers with a chat completion that has no choices")
        return completion


def _named(tool: _Tool, number: int) -> _Tool:
    """Return a tool call with an id, made of `number` if it has none: the function's answer refers to the call by this id."""
    return tool if tool.id else _Tool(tool.function, f"call_{number}")


def _read_call(function: _Function) -> ToolCall | None:
    try:
        args = json.loads(function.arguments or "{}")
    except ValueError:
        return None
    return ToolCall(function.name, args) if isinstance(args, dict) else None
