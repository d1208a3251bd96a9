"""Why a caller cancels, in the words beside the request: they are no refusal and name no other appointment. Pure."""

import re
from datetime import date, timedelta
from typing import Final

from askproai_core.tenant_config import Language
from askproai_runtime.sentences import SENTENCES

_BETWEEN = (
    r"(?:\s+(?:es|da|doch|leider|heute|morgen|übermorgen|dann|nun|jetzt|aber|auch|so|am\s+\w+|um\s+\w+(?:\s+uhr)?|den\s+termin"
    r"|zu[mr]?\s+termin|an\s+dem\s+tag))*"
)
_CANNOT = rf"\b(?:kann|könnte|schaffe?|komme?)(?:\s+(?:ich|wir))?{_BETWEEN}\s+nicht(?:\s+mehr)?"
_CANNOT_IN_ENGLISH = r"\b(?:can['’]?t|cannot|can\s+not|won['’]?t|couldn['’]?t|(?:am|['’]m)\s+not\s+able\s+to)"
_ATTEND = r"(?:\s+(?:kommen|hinkommen|hin|erscheinen|da\s+sein|dabei\s+sein|wahrnehmen|einhalten))+"
_SUBJECT = r"(?:(?:\b(?:denn|weil|da|dann|ich|wir|i|we|because|as))\s+){0,4}+"
# A clause about coming is a reason in any place.
_NOT_COMING: Final = re.compile(
    rf"{_SUBJECT}(?:{_CANNOT}{_ATTEND}\b|\b(?:bin|sind)(?:\s+(?:ich|wir))?{_BETWEEN}\s+nicht\s+(?:da|hier|dabei)\b|\b(?:habe?|haben)(?:\s+(?:ich|wir))?{_BETWEEN}\s+keine\s+zeit\b(?!\s+zu)"
    rf"|{_CANNOT_IN_ENGLISH}\s+(?:make\s+(?:it|that)|come|be\s+there|attend)(?:\s+(?:tomorrow|today|then|that\s+day|on\s+\w+))?\b"
    r"|\b(?:no|don['’]?t\s+have)(?:\s+the)?\s+time\b(?!\s+to))"
)
# "Ich kann nicht." is a reason only before a request, or without one: "absagen, das kann ich nicht" refuses it.
_NOT_ABLE: Final = re.compile(
    rf"(?<!\bdas\s){_SUBJECT}(?:{_CANNOT}|{_CANNOT_IN_ENGLISH}(?:\s+then)?)"
    r"(?=\s*(?:[,.;!]|$)|\s+(?:bitte|please|sagen\s+sie|deshalb|deswegen|darum|so)\b)"
)
_REASON: Final = " leider "  # an apology in place of the clause: no answer by itself
_REQUEST: Final = re.compile(r"\b(?:ab(?:zu)?sag\w*|sagen?\b.{0,25}\bab|storn\w*|streich\w*|lösch\w*|cancel\w*)")
_ILLNESS: Final = re.compile(
    r"\b(?:(?:mein|unser|my|our)\w*\s+\w+|ich|wir|er|sie|i|we|he|she)"
    r"(?:\s+(?:ist|bin|sind|liegt|hat|habe?|is|am|are|has|have|got)|['’][sm])"
    r"(?:\s+(?:leider|plötzlich|sehr|so|heute|gerade|wieder|auch|really|very|a|an|ein|eine|einen|im|in|the))*"
    r"\s+(?:krank|erkältet|kaputt|defekt|krankenhaus|fieber|grippe|verletzt|gestorben|verstorben|unfall"
    r"|ill|sick|unwell|fever|flu|broken|hurt|injured|hospital|died)\b"
)
_BECAUSE_OF: Final = re.compile(r"\b(?:wegen|because\s+of)\s+(?:mein|unser|my|our)\w*\s+\w+")
_OF_CUSTOMER: Final = re.compile(r"\b(?:für|for)\b")  # a question names the customer where there are several
_DAYS_AHEAD: Final = {"heute": 0, "today": 0, "morgen": 1, "tomorrow": 1, "übermorgen": 2}


def drop_hindrances(utterance: str) -> str:
    """Return an utterance in lower case, with an apology for each clause that says that the caller cannot come."""
    said = _NOT_COMING.sub(_REASON, utterance.casefold())
    request = _REQUEST.search(said)
    first = request.start() if request else len(said)
    return _NOT_ABLE.sub(lambda found: _REASON if found.start() < first else found[0], said)


def drop_illness(utterance: str, about: str) -> str:
    """Return an utterance in lower case without who is ill: a relative, unless the question `about` one of several customers."""
    said = utterance.casefold()
    if _OF_CUSTOMER.search(about.casefold()):
        return said
    return _ILLNESS.sub(" ", _BECAUSE_OF.sub("deshalb", said))  # "deshalb muss ich" asks nothing, "muss ich" does


def is_day_of(word: str, about: str, today: date | None) -> bool:
    """Return whether `morgen` is the day that the words of a question name."""
    if today is None or word not in _DAYS_AHEAD:
        return False
    day = today + timedelta(days=_DAYS_AHEAD[word])
    names = "|".join(SENTENCES[language].weekdays[day.weekday()].casefold() for language in Language)
    return bool(re.search(rf"\b(?:{names}) (?:den )?{day.day}\b", about))
