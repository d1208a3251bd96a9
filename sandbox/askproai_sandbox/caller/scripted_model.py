"""A small scripted "model": turns what a German caller says into the tool call that a language model would make."""

import re
from collections.abc import Mapping
from typing import Any

from askproai_sandbox.caller.record import ToolCall

_BRANCH = re.compile(r"\b(?:Filiale|Zweigstelle|Standort)\s+((?:(?:in|im|am)\s+)?[A-ZÄÖÜ][\wäöüß-]+)")
_PRESSED = re.compile(r"\[[0-9*#]+\]")
ASK_NAME = "Auf welchen Namen darf ich buchen?"
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
_PART = re.compile(r"\b(?:früh|vormittag|mittag|nachmittag|abend)(?=s?\b)", re.IGNORECASE)
_NAME = re.compile(
    r"(?:[Mm]ein Name ist|[Ii]ch hei(?:ß|ss)e|[Ii]ch bin|auf den Namen|[Hh]ier (?:ist|spricht))\s+(?:(?:die|der)\s+)?"
    rf"(?:(?:Frau|Herr)\s+)?(?!(?:{_DAYS})\b)([A-ZÄÖÜ][\w-]+(?:\s+(?:von\s+)?[A-ZÄÖÜ][\w-]+)*)"
)
_NO_SERVICE = r"(?!(?:Termin|Moment|Frage|Uhr|Hallo|Morgen|Danke|Gerne?|Genau|Okay|Perfekt|Ihnen|Dann|Also)\b)"
_SERVICE = re.compile(  # the noun after an article, or the noun before a "bitte"
    rf"\b(?i:einen?|eine[nm]|zum|zur|für|beim)\s+(?:(?i:einen?|eine[nm]|den|die|das)\s+)?{_NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]+)"
    rf"|\b{_NO_SERVICE}([A-ZÄÖÜ][\wäöüß-]{{3,}}),?\s+bitte\b"
)
_AROUND = re.compile(  # what surrounds the one word that answers a question
    r"\b(?:ja|gerne?|genau|okay|bitte|danke|guten|tag|auf|für|den|das|die|der|namen?|mein|ist|hier|spricht|bin|heiße|ich|wir|es"
    r"|also|ähm?|frau|herrn?|moment|einen?)\b|[^\w\s-]",
    re.IGNORECASE,
)
_YES = re.compile(
    r"\b(ja|gern|gerne|passt|genau|okay|ok|perfekt|super|einverstanden|in ordnung|nehme ich|bitte buchen)\b",
    re.IGNORECASE,
)
_NO = re.compile(r"\b(nein|nee|leider|lieber|anders|nicht)\b", re.IGNORECASE)
_CHOICE = (("zweite", 1), ("dritte", 2), ("letzte", -1))
_MOVE = re.compile(r"\b(?:verschieben|verlegen|umbuchen|verschoben)\b", re.IGNORECASE)
_CANCEL = re.compile(r"\b(?:absagen|stornieren|abzusagen)\b", re.IGNORECASE)
_MINE = re.compile(r"\bwann\b.*\btermin|\bmeine termine\b", re.IGNORECASE)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    match = pattern.search(text)
    return next((group for group in match.groups() if group), match[0]) if match else None


def _service(text: str) -> str | None:
    """Give the noun that is asked for, once all that is said about when and who is put aside."""
    for said in (_NAME, _DATE, _TIME, _PART, _BRANCH):
        text = said.sub("", text)
    return _first(_SERVICE, text)


def _answer(text: str) -> str | None:
    """Give the bare answer to "auf welchen Namen" or "was möchten Sie": what is capitalised besides the usual words."""
    words = _AROUND.sub(" ", text).split() if "?" not in text else ()
    return " ".join(word for word in words if word[0].isupper()) or None


class ScriptedModel:
    """Remembers service, name, wish and offers of one call, as a language model's context would."""

    def __init__(self, tools: Mapping[str, Mapping[str, Any]], user_number: str) -> None:
        self._tools = tools
        self._user_number = user_number
        self._known: dict[str, str] = {}
        self._wish: dict[str, str] = {}
        self._offers: list[Mapping[str, Any]] = []
        self._chosen: Mapping[str, Any] | None = None  # agreed to, but for the name
        self._asked_service = False
        self._asked_branch = False  # and then the next sentence is the branch, in the caller's own words
        self._last: ToolCall | None = None
        self._changing: str | None = None  # the tool that changes an appointment which the caller has
        self._choice: list[Mapping[str, Any]] = []  # the appointments among which the caller is to choose
        self._meant: dict[str, str] = {}

    def hear(self, text: str) -> ToolCall | str | None:
        """Decide what to do about a sentence: call a tool, or ask back; None: ask how to help."""
        if self._asked_branch and self._last is not None:
            return self._in_branch(self._last, text)
        return self._change(text) or self._hear_booking(text)

    def _change(self, text: str) -> ToolCall | None:
        """Find, move or cancel what the caller has; None when the sentence is about a new one."""
        if _MINE.search(text):
            return self._call("find_appointments", {})
        if _MOVE.search(text) or _CANCEL.search(text):
            self._changing = "cancel_appointment" if _CANCEL.search(text) else "reschedule_appointment"
        if self._changing is None:
            return None
        if self._choice and (one := self._nth(self._choice, text)):
            self._meant = {"appointment_id": one["appointment_id"]}
        when = {"date": _first(_DATE, text), "time": _first(_TIME, text)}
        self._wish |= {name: value for name, value in when.items() if value}
        if self._changing == "cancel_appointment":
            return self._call(self._changing, self._meant)
        if self._offers and not any(when.values()) and _YES.search(text):
            start = (self._nth(self._offers, text) or self._offers[0])["start"]
            return self._call(self._changing, {**self._meant, "start": start})
        return self._call(self._changing, {**self._meant, **self._wish} if self._wish else {})

    @staticmethod
    def _nth(things: list[Mapping[str, Any]], text: str) -> Mapping[str, Any] | None:
        nth = next((index for word, index in (("erste", 0), *_CHOICE) if word in text.casefold()), None)
        return None if nth is None else things[min(nth, len(things) - 1)]

    def _hear_booking(self, text: str) -> ToolCall | str | None:
        chosen, self._chosen = self._chosen, None
        said = {"date": _first(_DATE, text), "time": _first(_TIME, text), "part_of_day": _first(_PART, text)}
        said["branch"] = _first(_BRANCH, text)
        asks, refuses = any(said.values()), bool(_NO.search(text))
        name = _first(_NAME, text)
        if chosen and not (asks or refuses):
            name = name or _answer(text)
        elif self._offers and not asks and _YES.search(text) and " " in (bare := _answer(text) or ""):
            name = bare  # "Ja, Anna Beispiel": two words are a name, one may be anything
        if name:
            self._known["customer_name"] = name
        if not chosen and self._offers and (name or _YES.search(text)):
            chosen = self._nth(self._offers, text) or self._offers[0]
        if chosen and not (asks or refuses):
            return self._book(chosen)
        if service := _service(text) or (_answer(text) if self._asked_service and not asks else None):
            self._known["service"] = service
        if not (asks or service):
            return None
        if asks:
            said["date"] = said["date"] or self._wish.get("date")  # "lieber um vier" keeps the day
            self._wish = {name: value for name, value in said.items() if value}
        return self._call("check_availability", {**self._known, **self._wish})

    def learn(self, answer: Any) -> None:
        """Take what a tool answered: its offers are what a yes means next; a question back leaves them standing."""
        if not isinstance(answer, dict):
            return
        self._asked_branch = "branches" in answer
        self._asked_service = "services" in answer  # it tells which there are, as what was said is none of them
        if self._asked_service:
            self._known.pop("service", None)
        self._choice = list(answer.get("appointments") or ())
        if answer.get("success") and self._changing:
            self._changing, self._meant, self._wish = None, {}, {}
        offers = answer.get("slots") or answer.get("alternatives")
        if offers or answer.get("success"):
            self._offers = list(offers or ())

    def _in_branch(self, last: ToolCall, text: str) -> ToolCall:
        """Ask the same again, with the branch in the caller's words; keys that were pressed stand in the transcript."""
        args = {name: value for name, value in last.args.items() if name != "branch"}
        return self._call(last.name, args if _PRESSED.fullmatch(text) else {**args, "branch": text})

    def _book(self, offer: Mapping[str, Any]) -> ToolCall | str:
        call = self._call("book_appointment", {**self._known, "start": offer["start"]})
        if "customer_name" in self._schema(call.name).get("required", ()) and "customer_name" not in call.args:
            self._chosen = offer
            return ASK_NAME
        return call

    def _schema(self, tool: str) -> Mapping[str, Any]:
        return self._tools.get(tool, {}).get("parameters") or {}

    def _call(self, tool: str, args: Mapping[str, Any]) -> ToolCall:
        """Make the call as the tool's schema declares it: nothing else goes, {{user_number}} fills a required phone."""
        schema = self._schema(tool)
        declared = schema.get("properties", {})
        fitting = {name: value for name, value in args.items() if name in declared}
        if "phone" in schema.get("required", ()):
            fitting.setdefault("phone", self._user_number)
        self._last = ToolCall(tool, fitting)
        return self._last
