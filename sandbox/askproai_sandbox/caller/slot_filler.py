"""The demo's agent: fills the arguments of call functions from sentences that name them exactly. It is no language model.

It understands a service or person by a name in the prompt, a time by the pods' own grammar, yes and no, a name, and the words
for moving, cancelling and looking up. To anything else it answers with one sentence that says what it can do.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any, Final

from askproai_runtime.spoken_times.arguments import is_understood, says_nothing
from askproai_sandbox.caller.record import ToolCall

_SEARCH, _BOOK, _MOVE, _CANCEL, _FIND, _TRANSFER = (
    "check_availability", "book_appointment", "reschedule_appointment", "cancel_appointment", "find_appointments",
    "transfer_to_human",
)  # fmt: skip
_HELP: Final = (
    "Ich verstehe Leistung, Tag, Uhrzeit, Ja, Nein und Namen, und: verschieben, absagen, „welche Termine habe ich“."
)
_GERMAN_ONLY: Final = "I understand German only. Let a model play the agent, or play it by hand."
_ASK_NAME: Final = "Auf welchen Namen darf ich buchen?"
_ASK_BIRTH_DATE: Final = "Wie lautet das Geburtsdatum?"
_NOTHING: Final = "Gut, dann ändere ich nichts."
_WORDS: Final[Mapping[str, re.Pattern[str]]] = {
    _TRANSFER: re.compile(r"\b(mensch\w*|mitarbeiter\w*|verbinden)\b", re.IGNORECASE),
    _CANCEL: re.compile(r"\b(absagen|absage|stornieren)\b", re.IGNORECASE),
    _MOVE: re.compile(r"\b(verschieben|verlegen)\b", re.IGNORECASE),
    _FIND: re.compile(r"\b(wann ist mein|welche termine)\b", re.IGNORECASE),
}
_KEYS: Final = re.compile(r"\[[0-9*#]+\]")
_YES: Final = re.compile(r"\W*(?:(?:ja|gern|gerne|genau|bitte|passt|ok|okay)\b\W*)+", re.IGNORECASE)
_NO: Final = re.compile(r"\W*(nein|nicht|nee)\b", re.IGNORECASE)
_ORDINALS: Final = tuple(re.compile(rf"\b{word}[nrs]?\b", re.IGNORECASE) for word in ("erste", "zweite", "dritte"))
_NAME: Final = re.compile(r"\b(?:name ist|heiße|ich bin|auf den namen)\s+(?P<name>[^,.!?]+)", re.IGNORECASE)
_CAPITALS: Final = re.compile(
    r"(?:(?:von|van|de|der|zu)\s+)*[A-ZÄÖÜ][\w'-]+(?:\s+(?:(?:von|van|de|der|zu)\s+)*[A-ZÄÖÜ][\w'-]+){0,3}"
)
_SERVICE_LINE: Final = re.compile(r"^- (?P<name>.+?) \(\d+ Minuten(?P<more>.*)$", re.MULTILINE)
_SPOKEN: Final = re.compile(r"; auch: (?P<names>[^)]+)\)")
_TEAM_LINE: Final = re.compile(r"^- .+: (?P<names>.+)$", re.MULTILINE)
_LONGEST_TIME = 9  # words


class SlotFiller:
    """The agent's side of one call without a language model. `prompt` is the published prompt."""

    def __init__(self, tools: Mapping[str, Mapping[str, Any]], prompt: str, *, is_german: bool) -> None:
        self._tools, self._is_german = tools, is_german
        self._services = dict(_read_services(_section(prompt, "Buchbar")))
        team = _section(prompt, "Team")
        self._staff = {name: name for row in _TEAM_LINE.finditer(team) for name in row["names"].split(", ")}
        self._wanted: dict[str, Any] = {}  # the arguments of the search
        self._booking: dict[str, Any] = {}  # the arguments of the booking that lacks a name or birth date
        self._last = ToolCall(_SEARCH, {})
        self._answer: Mapping[str, Any] = {}
        self._offers: list[Mapping[str, Any]] = []

    def hear(self, text: str) -> ToolCall | str:
        """Return the agent's reaction to a sentence of the caller: a function call, or a sentence to say."""
        if self._answer.get("branches"):
            args = {name: value for name, value in self._last.args.items() if name != "branch"}
            return self._call(self._last.name, args if _KEYS.fullmatch(text) else args | {"branch": text})
        if self._booking:
            return self._complete_booking(text)
        name = next((name for name, words in _WORDS.items() if name in self._tools and words.search(text)), None)
        when = self._find_time(text)
        if name is not None:
            return self._call(name, {"date": when} if name == _MOVE and when else {})
        if _NO.match(text):
            self._answer, self._offers = {}, []
            return _NOTHING
        if agreed := self._agree(text):
            return agreed
        found = {
            "service": _find_name(text, self._services), "staff": _find_name(text, self._staff), "date": when
        }  # fmt: skip
        if named := {key: value for key, value in found.items() if value}:
            self._wanted |= named
            return self._call(_SEARCH, dict(self._wanted))
        return _HELP if self._is_german else _GERMAN_ONLY

    def learn(self, answer: Any) -> None:
        """Store the response of the last function call. The caller of this method says the response's message."""
        self._answer = answer if isinstance(answer, Mapping) else {}
        offers = self._answer.get("slots") or self._answer.get("alternatives")
        self._offers = list(offers) if offers else [] if self._answer.get("success") else self._offers

    def _call(self, name: str, args: dict[str, Any]) -> ToolCall:
        self._last = ToolCall(name, args)
        return self._last

    def _agree(self, text: str) -> ToolCall | str | None:
        """Return the reaction to "yes" or to the choice of an offered time; None if the sentence is neither."""
        ordinal = next((index for index, word in enumerate(_ORDINALS) if word.search(text)), None)
        yes = _YES.match(text)
        if yes and self._answer.get("needs_confirmation"):
            about = {key: self._answer[key] for key in ("appointment_id",) if self._answer.get(key)}
            return self._call(self._last.name, self._last.args | about | {"confirmed": True})
        if yes and self._tools.keys() == {_TRANSFER}:  # the agent of a suspended tenant offers it in its greeting
            return self._call(_TRANSFER, {})
        if not self._offers or (yes is None and ordinal is None) or (ordinal or 0) >= len(self._offers):
            return None
        start = self._offers[ordinal or 0]["start"]
        if self._last.name == _MOVE:
            return self._call(_MOVE, {"start": start})
        self._booking = {key: self._wanted[key] for key in ("service", "staff") if key in self._wanted} | {
            "start": start
        }
        return self._complete_booking(text[yes.end() :] if yes else text, is_answer=False)

    def _complete_booking(self, text: str, *, is_answer: bool = True) -> ToolCall | str:
        """Return the booking call with the caller's name and birth date, or a question for a datum that is still missing."""
        is_for_birth_date = "customer_name" in self._booking
        if not is_for_birth_date and (name := _read_name(text, is_answer=is_answer)):
            self._booking["customer_name"] = name
        elif is_for_birth_date:
            self._booking["birth_date"] = text
        if "customer_name" not in self._booking:
            return _ASK_NAME
        required = self._tools.get(_BOOK, {}).get("parameters", {}).get("required", ())
        if "birth_date" in required and "birth_date" not in self._booking:
            return _ASK_BIRTH_DATE
        booking, self._booking = self._booking, {}
        return self._call(_BOOK, booking)

    def _find_time(self, text: str) -> str | None:
        """Return the longest sequence of words that the pods' grammar understands as a time; None if there is none."""
        words = re.findall(r"[\w:.]*\w", text)
        runs = sorted(combinations(range(len(words) + 1), 2), key=lambda run: run[0] - run[1])
        for first, end in runs:
            phrase = " ".join(words[first:end])
            if end - first <= _LONGEST_TIME and phrase not in self._services and is_understood(phrase):
                while says_nothing(words[first]):
                    first += 1  # noqa: PLW2901
                while says_nothing(words[end - 1]):
                    end -= 1  # noqa: PLW2901
                return " ".join(words[first:end])
        return None


def _section(prompt: str, title: str) -> str:
    """Return the text of the prompt's section with this title; empty if there is no such section."""
    found = re.search(rf"^## {title}\n(?P<text>(?:(?!## ).*\n?)*)", prompt, re.MULTILINE)
    return found["text"] if found else ""


def _read_services(section: str) -> Iterable[tuple[str, str]]:
    """Yield each spoken name of each service, with the name by which the service is booked."""
    for line in _SERVICE_LINE.finditer(section):
        yield line["name"], line["name"]
        if spoken := _SPOKEN.search(line["more"]):
            yield from ((name, line["name"]) for name in spoken["names"].split(", "))


def _find_name(text: str, names: Mapping[str, str]) -> str | None:
    """Return the value in `names` of the longest key that occurs in the text; None if no key does."""
    for name in sorted(names, key=len, reverse=True):
        if re.search(rf"\b{re.escape(name)}\b", text, re.IGNORECASE):
            return names[name]
    return None


def _read_name(text: str, *, is_answer: bool) -> str | None:
    """Return the customer's name: the words after "mein Name ist" or the like, or the whole answer if the agent asked for it."""
    if found := _NAME.search(text):
        return found["name"].strip()
    said = _YES.sub("", text, count=1) if _YES.match(text) else text
    if is_answer:
        return said.strip(" ,.!") or None
    capitals = _CAPITALS.fullmatch(said.strip(" ,.!"))
    return capitals[0] if capitals else None
