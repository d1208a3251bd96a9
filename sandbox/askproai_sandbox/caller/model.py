"""A small scripted "model": turns what a German caller says into the tool call that a language model would make."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_DAYS = "Montag|Dienstag|Mittwoch|Donnerstag|Freitag|Samstag|Sonnabend|Sonntag"
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_NUMBERS = "ein|eins|einem|einer|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf"
_DATE = re.compile(
    rf"\b(?:(?:nächste|kommende|diese|übernächste)[nrsm]?\s+)?(?:{_DAYS})\b"
    rf"|\b\d{{1,2}}\.\s*(?:(?:{_MONTHS})\b(?:\s+\d{{4}})?|\d{{1,2}}\.(?:\d{{4}}|\d{{2}})?)"
    rf"|\bin\s+(?:\d+|{_NUMBERS})\s+(?:Tag|Woche)e?n?\b|\bübermorgen\b|\bheute\b|(?<!guten )\bmorgen\b"
    r"|\b\d{4}-\d{2}-\d{2}\b|\b(?:nächste|kommende|diese)[rn]?\s+Woche\b",
    re.IGNORECASE,
)
_TIME = re.compile(
    rf"\b\d{{1,2}}(?::\d{{2}}(?:\s*Uhr)?|\.\d{{2}}\s*Uhr)|\b(?:\d{{1,2}}|{_NUMBERS})\s+Uhr(?:\s+(?:\d{{1,2}}|dreißig))?\b"
    rf"|\b(?:halb|dreiviertel|viertel(?:\s+(?:vor|nach))?)\s+(?:\d{{1,2}}|{_NUMBERS})\b"
    rf"|(?<=\bum )(?:\d{{1,2}}|{_NUMBERS})\b",
    re.IGNORECASE,
)
_PART = re.compile(r"\b(früh|vormittag|mittag|nachmittag|abend)s?\b", re.IGNORECASE)
_SERVICE = re.compile(
    r"\b(?:einen?|eine[nm]|ein|zum|zur|für|beim)\s+(?:(?:einen?|eine[nm]|ein|den|die|das)\s+)?"
    r"((?!Termin|Freitag|Moment|Frage|Uhr)[A-ZÄÖÜ][\wäöüß-]+)"
)
_NAME = re.compile(
    r"(?:[Mm]ein Name ist|[Ii]ch hei(?:ß|ss)e|[Ii]ch bin|auf den Namen|[Hh]ier (?:ist|spricht))\s+(?:(?:die|der)\s+)?"
    r"(?:(?:Frau|Herr)\s+)?([A-ZÄÖÜ][\w-]+(?:\s+(?:von\s+)?[A-ZÄÖÜ][\w-]+)*)"
)
_YES = re.compile(
    r"\b(ja|gern|gerne|passt|genau|okay|ok|perfekt|super|einverstanden|in ordnung|nehme ich|bitte buchen)\b",
    re.IGNORECASE,
)
_NO = re.compile(r"\b(nein|nee|leider|lieber|anders|nicht)\b", re.IGNORECASE)
_CHOICE = (("zweite", 1), ("dritte", 2), ("letzte", -1))


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    args: dict[str, Any]


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return (match[1] if match.lastindex else match[0]) if match else None


def _service(text: str, schema: Mapping[str, Any]) -> str | None:
    """Give the service: one that the schema lists, else the noun that is asked for."""
    listed = schema.get("properties", {}).get("service", {}).get("enum", ())
    known = next((name for name in listed if name.casefold() in text.casefold()), None)
    if known:
        return str(known)
    return next((m[1] for m in _SERVICE.finditer(text) if not _DATE.fullmatch(m[1])), None)


class ScriptedModel:
    """Remembers service, name and offers of one call, as a language model's context would."""

    def __init__(self, tools: Mapping[str, Mapping[str, Any]], user_number: str) -> None:
        self._tools = tools
        self._user_number = user_number
        self._known: dict[str, str] = {}
        self._wish: dict[str, str] = {}
        self._offers: list[Mapping[str, Any]] = []

    def hear(self, text: str) -> ToolCall | None:
        """Decide what to do about a sentence; None: nothing, ask how to help."""
        name = _first(_NAME, text)
        if name:
            self._known["customer_name"] = name
        date, time, part = _first(_DATE, text), _first(_TIME, text), _first(_PART, text)
        asks = bool(date or time or part)
        if self._offers and not _NO.search(text) and (name or (_YES.search(text) and not asks)):
            chosen = next((index for word, index in _CHOICE if word in text.casefold()), 0)
            offer = self._offers[min(chosen, len(self._offers) - 1)]
            return self._call("book_appointment", {**self._known, "start": offer["start"]})
        service = _service(_NAME.sub("", text), self._schema("check_availability"))
        if service:
            self._known["service"] = service
        if not (asks or service):
            return None
        kept = {} if date else self._wish  # "lieber um vier" keeps the day
        said = {"date": date, "time": time, "part_of_day": part}
        self._wish = {"date": kept["date"]} if "date" in kept else {}
        self._wish |= {name: value for name, value in said.items() if value}
        return self._call("check_availability", {**self._known, **self._wish})

    def learn(self, answer: Any) -> None:
        """Take what a tool answered: its offers are what a yes means next; a question back leaves them standing."""
        if not isinstance(answer, dict):
            return
        offers = answer.get("slots") or answer.get("alternatives")
        if offers or answer.get("success"):
            self._offers = list(offers or ())

    def _schema(self, tool: str) -> Mapping[str, Any]:
        return self._tools.get(tool, {}).get("parameters") or {}

    def _call(self, tool: str, args: Mapping[str, Any]) -> ToolCall:
        """Make the call as the tool's schema declares it: nothing else goes, {{user_number}} fills a required phone."""
        schema = self._schema(tool)
        declared = schema.get("properties", {})
        fitting = {name: value for name, value in args.items() if name in declared}
        if "phone" in schema.get("required", ()):
            fitting.setdefault("phone", self._user_number)
        return ToolCall(tool, fitting)
