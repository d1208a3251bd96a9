"""A small scripted model: turns the sentences of a German caller into the tool calls that a language model would make."""

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
_FILLER = re.compile(  # what surrounds the word that answers a question
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
_FIND = re.compile(r"\bwann\b.*\btermin|\bmeine termine\b", re.IGNORECASE)


def _first(pattern: re.Pattern[str], text: str) -> str | None:
    """Return the first group of the first match that is not empty, else the whole match; None without a match."""
    match = pattern.search(text)
    return next((group for group in match.groups() if group), match[0]) if match else None


def _service(text: str) -> str | None:
    """Return the noun that is asked for, after date, time, name and branch were taken out of the sentence."""
    for pattern in (_NAME, _DATE, _TIME, _PART, _BRANCH):
        text = pattern.sub("", text)
    return _first(_SERVICE, text)


def _short_answer(text: str) -> str | None:
    """Return the answer to "Auf welchen Namen?" or "Was möchten Sie buchen?": the capitalised words without fillers."""
    words = _FILLER.sub(" ", text).split() if "?" not in text else ()
    return " ".join(word for word in words if word[0].isupper()) or None


class ScriptedModel:
    """Remembers service, name, requested time and offers of one call, as the context of a language model would."""

    def __init__(self, tools: Mapping[str, Mapping[str, Any]], user_number: str) -> None:
        self._tools = tools
        self._user_number = user_number
        self._details: dict[str, str] = {}  # service and customer_name
        self._requested_time: dict[str, str] = {}  # date, time, part_of_day, branch
        self._offers: list[Mapping[str, Any]] = []
        self._accepted_offer: Mapping[str, Any] | None = None  # while only the name is missing
        self._asked_service = False
        self._asked_branch = False  # then the whole next sentence is the branch, in the caller's words
        self._last_call: ToolCall | None = None
        self._change_tool: str | None = None  # the tool that moves or cancels an appointment of the caller
        self._appointments: list[Mapping[str, Any]] = []  # those among which the caller has to choose
        self._appointment: dict[str, str] = {}  # the appointment_id of the chosen one
        self._to_confirm: str | None = None  # the appointment_id in "Soll ich Ihren Termin … absagen?"

    def hear(self, text: str) -> ToolCall | str | None:
        """Return the reaction to a sentence: a tool call, or a question to the caller; None to ask how to help."""
        if self._asked_branch and self._last_call is not None:
            return self._repeat_with_branch(self._last_call, text)
        return self._hear_change(text) or self._hear_booking(text)

    def _hear_change(self, text: str) -> ToolCall | None:
        """Find, move or cancel appointments of the caller; None when the sentence is about a new appointment."""
        question, self._to_confirm = self._to_confirm, None
        if question and _NO.search(text):
            self._change_tool = None
            return None
        if question and _YES.search(text):
            return self._call("cancel_appointment", {"appointment_id": question, "confirmed": True})
        if _FIND.search(text):
            return self._call("find_appointments", {})
        if _MOVE.search(text) or _CANCEL.search(text):
            self._change_tool = "cancel_appointment" if _CANCEL.search(text) else "reschedule_appointment"
        if self._change_tool is None:
            return None
        if self._appointments and (appointment := self._nth(self._appointments, text)):
            self._appointment = {"appointment_id": appointment["appointment_id"]}
        time = {"date": _first(_DATE, text), "time": _first(_TIME, text)}
        self._requested_time |= {name: value for name, value in time.items() if value}
        if self._change_tool == "cancel_appointment":
            named = {f"appointment_{name}": value for name, value in self._requested_time.items()}
            return self._call(self._change_tool, {**named, **self._appointment})
        if self._offers and not any(time.values()) and _YES.search(text):
            start = (self._nth(self._offers, text) or self._offers[0])["start"]
            return self._call(self._change_tool, {**self._appointment, "start": start})
        return self._call(
            self._change_tool, {**self._appointment, **self._requested_time} if self._requested_time else {}
        )

    @staticmethod
    def _nth(items: list[Mapping[str, Any]], text: str) -> Mapping[str, Any] | None:
        """Return the item that an ordinal number in the text selects, or None."""
        nth = next((index for word, index in (("erste", 0), *_CHOICE) if word in text.casefold()), None)
        return None if nth is None else items[min(nth, len(items) - 1)]

    def _hear_booking(self, text: str) -> ToolCall | str | None:
        offer, self._accepted_offer = self._accepted_offer, None
        time = {"date": _first(_DATE, text), "time": _first(_TIME, text), "part_of_day": _first(_PART, text)}
        time["branch"] = _first(_BRANCH, text)
        asks, refuses = any(time.values()), bool(_NO.search(text))
        name = _first(_NAME, text)
        if offer and not (asks or refuses):
            name = name or _short_answer(text)
        elif self._offers and not asks and _YES.search(text) and " " in (answer := _short_answer(text) or ""):
            name = answer  # "Ja, Anna Beispiel": two words are a name, a single word may be anything
        if name:
            self._details["customer_name"] = name
        if not offer and self._offers and (name or _YES.search(text)):
            offer = self._nth(self._offers, text) or self._offers[0]
        if offer and not (asks or refuses):
            return self._book(offer)
        if service := _service(text) or (_short_answer(text) if self._asked_service and not asks else None):
            self._details["service"] = service
        if not (asks or service):
            return None
        if asks:
            time["date"] = time["date"] or self._requested_time.get("date")  # "lieber um vier" keeps the day
            self._requested_time = {name: value for name, value in time.items() if value}
        return self._call("check_availability", {**self._details, **self._requested_time})

    def learn(self, answer: Any) -> None:
        """Take a tool's answer. Its offers replace the earlier ones; an answer that only asks back keeps those."""
        if not isinstance(answer, dict):
            return
        self._asked_branch = "branches" in answer
        self._asked_service = (
            "services" in answer
        )  # the answer lists them because it did not know the one that was said
        if self._asked_service:
            self._details.pop("service", None)
        self._appointments = list(answer.get("appointments") or ())
        self._to_confirm = answer.get("appointment_id") if answer.get("needs_confirmation") else None
        if answer.get("success") and self._change_tool:
            self._change_tool, self._appointment, self._requested_time = None, {}, {}
        offers = answer.get("slots") or answer.get("alternatives")
        if offers or answer.get("success"):
            self._offers = list(offers or ())

    def _repeat_with_branch(self, call: ToolCall, text: str) -> ToolCall:
        """Repeat a call with the branch in the caller's words. Pressed keys are not repeated: they are in the transcript."""
        args = {name: value for name, value in call.args.items() if name != "branch"}
        return self._call(call.name, args if _PRESSED.fullmatch(text) else {**args, "branch": text})

    def _book(self, offer: Mapping[str, Any]) -> ToolCall | str:
        call = self._call("book_appointment", {**self._details, "start": offer["start"]})
        if "customer_name" in self._schema(call.name).get("required", ()) and "customer_name" not in call.args:
            self._accepted_offer = offer
            return ASK_NAME
        return call

    def _schema(self, tool: str) -> Mapping[str, Any]:
        return self._tools.get(tool, {}).get("parameters") or {}

    def _call(self, tool: str, args: Mapping[str, Any]) -> ToolCall:
        """Return a call with the arguments that the tool's schema declares; a required `phone` defaults to the caller's number."""
        schema = self._schema(tool)
        declared = schema.get("properties", {})
        declared_args = {name: value for name, value in args.items() if name in declared}
        if "phone" in schema.get("required", ()):
            declared_args.setdefault("phone", self._user_number)
        self._last_call = ToolCall(tool, declared_args)
        return self._last_call
