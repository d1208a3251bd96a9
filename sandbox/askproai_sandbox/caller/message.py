"""Collects a message to pass on from a caller's sentences, until it is known what it is and from whom."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.choice import names_person
from askproai_sandbox.caller.intent import PASSED_ON, Intent, find_intent
from askproai_sandbox.caller.rejections import join_time
from askproai_sandbox.caller.sentence import Sentence
from askproai_sandbox.caller.spoken_time import MARK, Times, cut_asides

_OFFER = re.compile(r"\bsoll ich\b[^.?!]*\bausrichten\b", re.IGNORECASE)
_OFFERS_TRANSFER = re.compile(r"\bverbinden\b")
_CONTENT = (
    re.compile(r"\b(dass\s+.+)", re.IGNORECASE | re.DOTALL),
    re.compile(r"\bausrichten\b(?!\s+lassen\W*$)(?:\s+lassen\b)?\W+(.+)", re.DOTALL),
    re.compile(
        r"^(.+?)[,.;!]\s*(?:(?:können|könnten|würden) Sie\b.*\b(?:sagen|ausrichten|weiter(?:geben|sagen))\b"
        r"|(?:bitte\s+)?richten Sie (?:das|es)\b.*\baus\b)",
        re.IGNORECASE | re.DOTALL,
    ),
)
_REASON = re.compile(
    r"\b((?:es|da) (?:geht|ginge) um .+|wegen .+|es ist wegen .+)", re.IGNORECASE | re.DOTALL
)  # of a callback
_ASKS_TO_RING = re.compile(
    r"\b(?:soll|möge|möchte|könnte|kann)\w*\b[^.?!]*\b(?:zurückrufen|anrufen)\b"
    r"|\b(?:er|sie) (?:mich|uns)\b[^.?!]*\b(?:zurückrufen|anrufen) (?:soll|möchte|möge|kann)\w*\b",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"[.?!;,](?:\s+|$)|\s+und\s+(?=(?:sie|er|bitte|rufen?|ich|dass)\b)", re.IGNORECASE)
_RINGS = re.compile(r"\b(?:zurück(?:zu)?ruf(?:en|t)|an(?:zu)?ruf(?:en|t)|Rückrufs?|ruf(?:en|e|t)?)\b", re.IGNORECASE)
_BOUNDARY = re.compile(
    r"[.!]\s+(?:und\s+)?|,?\s+und\s+|,\s+(?=(?:was|wie|muss|kostet|ist|gibt|kann|darf|brauche?)\b[^.!]*\?)",
    re.IGNORECASE,
)
_TO = (
    r"(?:(?:de[mrn] )?((?:Herrn|Frau|Doktor|Dr\.) [A-ZÄÖÜ][\w-]+)"
    r"|(?:de[mrn]|meine[mr]|Ihre[mrn]|seine[mr]|an d(?:ie|en)) ([A-ZÄÖÜ][\w-]+))"
)
_RECIPIENT = re.compile(  # "Chefin" of "der Chefin", who is nobody of the staff by name
    rf"\bSie (?:(?:das|es|doch|bitte) )*{_TO}[^.?!,]*\b(?:aus|ausrichten|sagen|Bescheid|weiter\w*)\b"
    rf"|\b(?i:sagen|richten|geben) Sie (?:(?:das|es|doch|bitte) )*{_TO}"
    rf"|\b(?i:wollte|will|möchte|würde) (?:(?:ich|gern|gerne|bitte|nur|noch|mal|kurz) )*{_TO}"
    r"[^.?!,]*\b(?:ausrichten|sagen|mitteilen)\b"
)
_ADDRESSED = re.compile(r"\b(?:ihm|ihr|ihnen|allen|jemandem|de[mrn]|an d(?:ie|en))\b[^.?!]*?(?=,?\s*\bdass\b)")

_ASKING = """
    können könnten kann könnte würden würde sie ihr mich uns mir wir man jemand bitte bitten ich um einen eine rückruf
    zurückrufen zurückzurufen zurück rufen ruft anrufen an unter doch mal kurz noch ja gern gerne danke vielen dank guten tag
    hallo hier ist mein name heiße meine nummer lautet wäre telefonnummer handynummer handy hätte möchte wollte dann auch
    vielleicht wenn und so es das ausrichten aus richten sagen geben weiter weitergeben weitersagen bescheid etwas was
    nachricht hinterlassen dalassen aufgeben lassen der dem den die an für frau herr herrn doktor dr nein nee also äh
    tschüss tschüß wiederhören auf am besten liebsten möglichst zwar
"""
_ASKS_ONLY = frozenset(_ASKING.split())  # for a callback or a message, which may be said by itself

_ASKS_FIRST = re.compile(r"\W*(?:was|wie|wo|wann|muss|soll|kostet|kann|darf|gibt|brauche?)\b", re.IGNORECASE)
_ASKED_BESIDE = {Intent.DETAILS, Intent.PRICES, Intent.HOURS, Intent.ADDRESS, Intent.CANCELLATION, Intent.AI}
_REFERS = re.compile(r"\b(?:das|es)\b", re.IGNORECASE)  # to what was said before: "Geben Sie das bitte weiter"
_PASSES_THAT_ON = re.compile(r"\brichten Sie (?:ihm |ihr |ihnen )?(?:das|es)\b[^,;.!?]*\baus\b", re.IGNORECASE)
_PHONE = re.compile(r"(?<![\w@.])(?!\d+/\d+/\d)(?:\+|0)\d[\d\s/()-]{5,}\d\b")
_PHONE_CLAUSE = re.compile(  # beside a name: "Lale Demir, und die Nummer ist 0176 12345678"
    r",?\s+(?:und\s+)?(?:meine|die)\s+(?:\w*nummer|Telefon|Handy)\s+(?:ist|lautet|wäre)\s+(?:die\s+)?[+\d][\d\s/()-]+",
    re.IGNORECASE,
)
_NAMES_PHONE = re.compile(r"\b(?:(?:Telefon|Handy|Mobil|Rückruf)?nummer|Handy) (?:ist|lautet|wäre)\b", re.IGNORECASE)


def drop_phone(text: str) -> str:
    """Return a sentence without the clause that says the caller's number in digits."""
    return _PHONE_CLAUSE.sub("", text)


def find_phone(text: str) -> str | None:
    """Return the number in digits that a sentence names, as it was said."""
    return found[0] if (found := _PHONE.search(text)) else None


def names_phone(text: str) -> bool:
    """Return whether a sentence says which number somebody has, in digits or in words."""
    return bool(_PHONE.search(text) or _NAMES_PHONE.search(text))


def offers_message(answer: str) -> bool:
    """Return whether an answer offers the caller to pass something on."""
    return bool(_OFFER.search(answer))


def offers_transfer(answer: str) -> bool:
    """Return whether a yes to an answer accepts to be connected; where it ends with another offer, it accepts that one."""
    *_, last = re.split(r"(?<=[.!?])\s+", answer)
    return bool(_OFFERS_TRANSFER.search(answer)) and (bool(_OFFERS_TRANSFER.search(last)) or not offers_message(last))


def split_off_message(text: str) -> tuple[str, str]:
    """Split "Ja, Rolf Zander. Und sagen Sie Frau Vogel bitte, dass er beißt." before what is to be passed on; "" if nothing is."""
    for boundary in reversed(list(_BOUNDARY.finditer(text))):
        head, tail = text[: boundary.start()], text[boundary.end() :]
        if find_intent(tail) in PASSED_ON and find_intent(head) not in PASSED_ON:
            return head, tail
    return text, ""


def split_off_question(text: str) -> tuple[str, str]:
    """Split "Ja, Rolf Zander. Und kostet das etwas?" before the question; "" if the sentence ends with none."""
    for boundary in reversed(list(_BOUNDARY.finditer(text))):
        head, tail = text[: boundary.start()], text[boundary.end() :]
        asked = (
            tail if "?" in tail else f"{tail}?" if _ASKS_FIRST.match(tail) else ""
        )  # as speech recognition writes it
        if asked and "?" not in head and find_intent(asked) in _ASKED_BESIDE:
            return head, tail
    return text, ""


@dataclass(frozen=True, slots=True)
class PendingMessage:
    """What is known of a message so far: the arguments of `leave_message`, and what the agent has asked for."""

    args: Mapping[str, str] = field(default_factory=dict)
    asked_for: str | None = None  # the question that the next sentence answers; None if nothing is missing

    @property
    def asks_who(self) -> bool:
        """Return whether the next sentence is to say from whom the message is."""
        return self.asked_for in {phrases.ASK_WHO, phrases.ASK_WHO_AT_LEAST}

    def hear(self, sentence: Sentence, staff: Iterable[str], name: str | None, before: str = "") -> "PendingMessage":
        """Return what is known after a sentence. `name` is the caller's, if it is known.

        `before` is what was said before without an effect. What is said instead of a name is a part of the message.
        """
        args = dict(self.args)
        if name:
            args["customer_name"] = name
        recipient = _find_recipient(sentence.text, staff)
        args |= self._place_time(sentence, name)
        text = _find_message(sentence, recipient)
        if self.asked_for and not text and _says_content(sentence.text, sentence, f"{recipient or ''} {name or ''}"):
            text = sentence.text.strip()
        elif not (self.asked_for or text) and (_REFERS.search(sentence.text) or sentence.yes):
            text = before
        if recipient:
            args["recipient"] = recipient
        elif text and sentence.intent is Intent.MESSAGE and _ADDRESSED.search(sentence.text):
            text = sentence.text.strip()  # "ihm" is known to who reads the whole sentence
        if text and before not in {"", text} and not self.asked_for and _PASSES_THAT_ON.search(sentence.text):
            text = _join(before, text)
        if text:
            args["message"] = _join(args.get("message", ""), text)
        if phone := find_phone(sentence.text):
            args["phone"] = phone
        has_content = bool(args.keys() & {"message", "call_back"})
        missing = phrases.ASK_MESSAGE if not has_content else phrases.ASK_WHO if "customer_name" not in args else None
        return PendingMessage(args, missing)

    def _place_time(self, sentence: Sentence, name: str | None) -> dict[str, str]:
        """Return when to call back, of who asks for that; else the message with the time that is said beside the `name`."""
        said = join_time(sentence.when)
        asks_to_ring = sentence.intent is Intent.MESSAGE and _ASKS_TO_RING.search(sentence.text)
        if sentence.intent is Intent.CALLBACK or asks_to_ring:
            return {
                "call_back": _find_time_to_ring(sentence.text) or said or "egal wann"
            }  # without which it is no callback
        if self.asked_for and "call_back" in self.args and said:
            return {"call_back": said}
        if self.asks_who and said and name:  # "Paul Sommer, bis Freitag bitte"
            return {"message": _join(self.args.get("message", ""), said)}
        return {}


def _find_time_to_ring(text: str) -> str:
    """Return the time in the clause that asks for a call, not that of "die Rechnung vom Oktober"; "" if it has none."""
    clause = next((each for each in _CLAUSES.split(text) if _RINGS.search(each)), "")
    times = Times(clause)
    return join_time(times.when(cut_asides(times.marked))[0])


def _join(before: str, text: str) -> str:
    """Join two parts of a message as two sentences."""
    return f"{before.rstrip()}{'' if before.rstrip()[-1] in '.?!' else '.'} {text}" if before else text


def _find_message(sentence: Sentence, recipient: str | None) -> str | None:
    """Return what a sentence wants passed on; all of it where that part is not clear."""
    text, reason = sentence.text, None
    if sentence.intent in PASSED_ON and names_phone(text) and find_phone(text) is None:
        return text.strip()
    if sentence.intent is Intent.CALLBACK:
        reason = _REASON.search(text)
    elif sentence.intent not in PASSED_ON:
        return None
    elif (content := _read_content(text)) and _says_content(content, sentence, recipient):
        return content
    if _says_content(text[: reason.start()] if reason else text, sentence, recipient):
        return text.strip()
    return reason[1].strip(" .?!,") if reason else None


def _find_recipient(text: str, staff: Iterable[str]) -> str | None:
    found = _RECIPIENT.search(text)
    return next((each for each in staff if names_person(text, each)), None) or (
        next(filter(None, found.groups())) if found else None
    )


def _says_content(text: str, sentence: Sentence, recipient: str | None) -> bool:
    """Return whether a part of a sentence says more than that somebody is to call back, or to pass something on."""
    times = Times(_PHONE.sub(" ", text))
    words = re.findall(r"[^\W\d_]+", re.sub(MARK, " ", times.marked).casefold())
    people = frozenset(re.findall(r"\w+", f"{sentence.name or ''} {recipient or ''}".casefold()))
    return any(word not in _ASKS_ONLY and word not in people for word in words)


def _read_content(text: str) -> str | None:
    """Return what a sentence asks to pass on: "dass ich später komme" of "Können Sie ausrichten, dass ich später komme?"."""
    found = next((match for pattern in _CONTENT if (match := pattern.search(text))), None)
    return (found[1].strip(" .?!,") or None) if found else None
