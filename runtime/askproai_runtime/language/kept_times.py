"""Decide whether a caller who answers a question keeps the time that was said before. Pure.

The request with the answer reuses that time: a caller who has declined it meanwhile would be booked at it. In doubt the time is
asked for again.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

from askproai_runtime.language.answer_words import KEEP, words_of
from askproai_runtime.language.declines import NUMBER, REJECTS
from askproai_runtime.language.name_words import POSSESSIVES, RELATIVES
from askproai_runtime.person_names import TITLES, fold
from askproai_runtime.spoken_times import UnclearMention, find_mention

_LONGEST: Final = 500  # characters that are read: an answer needs no more
_CLAUSE: Final = re.compile(r"[,;:!?\n]|(?<!\d)\.|\b(?:und|aber|oder|sondern|and|but|or)\b")
# A caller who has to think, or to ask somebody, has not agreed yet.
DOUBTS: Final = re.compile(
    r"\b(?:überleg\w*|schau\w*|guck\w*|nachsehen|vielleicht|eventuell|unsicher|weiss|weiß|ob|frag\w*|klär\w*|erst|warte|abwarten|melde"
    r"|später|früher|anders|ander\w*|statt\w*|wenn|falls|lieber (?!ohne\b)|arbeit\w*|urlaub|unterwegs|verreist"
    r"|think\w*|check\w*|look|maybe|perhaps|unsure|whether|ask|wait|later|earlier|instead|rather|if|unless|work\w*|busy|away)\b"
)
# A word that spells a letter is beside the time, too.
_HARMLESS: Final = re.compile(
    r"\b(?:\w wie|\w as in) \w+\b|\b(?:keine?|no) (?:problem\w*|thema|sorge)\b|\b(?:lieber|besser) ohne\b"
    r"|\b(?:nicht|kein|not|no)(?: (?:mit|with|a))? (?:punkt|(?:binde|unter)?strich|minus|dot|dash|hyphen|underscore)\b"
    r"|\bjetzt (?=stimmt|passt|richtig)|\bnow (?=it s|that s|correct|right)"
)
_HOUR: Final = re.compile(
    rf"\b(?:um|gegen|ab|at|halb|half past|viertel (?:vor|nach)) {NUMBER}\b|\b{NUMBER} (?:uhr|o clock|am|pm)\b"
)
_NUMBERED: Final = re.compile(r"nummer\b|\bnumber\b")
_COUNTED: Final = re.compile(rf"\b(?:{NUMBER}|null|zero|\d+)\b")
# The arguments that a caller says in the words in which a model passes them, and those that have numbers in them.
_VERBATIM: Final = frozenset({"customer_name", "email", "email_confirmed", "phone", "birth_date", "confirmed"})
_WITH_NUMBERS: Final = frozenset({"email", "phone", "birth_date", "party_size", "companions"})
_BESIDE_ANSWERS: Final = RELATIVES | TITLES | {
    "ach", "address", "adresse", "aeh", "aehm", "aha", "also", "am", "an", "and", "apparat", "at", "auch", "auf", "bei",
    "bin", "bindestrich", "bitte", "bitteschoen", "buchen", "buchstabiere", "called", "da", "dank", "danke", "dann", "das", "dash",
    "dem", "den", "der", "die", "doppel", "dot", "e", "ein", "eine", "einen", "eintragen", "email", "es", "familienname",
    "first", "for", "fuer", "gebe", "geboren", "genau", "gern", "gerne", "gross", "gut", "haette", "handynummer", "heisse",
    "heissen", "hello", "hier", "hm", "i", "ich", "ihnen", "im", "in", "is", "ist", "it", "its", "ja", "jawohl", "kein",
    "klammeraffe", "klar", "klein", "last", "lauten", "lautet", "lieber", "m", "mail", "mal", "mein", "minus", "mit",
    "moechte", "moment", "my", "na", "nachname", "name", "namen", "natuerlich", "nee", "nein", "no", "noch", "nochmal",
    "number", "nummer", "nur", "of", "oh", "ohne", "ok", "okay", "on", "please", "punkt", "put", "richtig", "right", "s",
    "sage", "same", "schoen", "schreiben", "schreibt", "sehr", "sicher", "sie", "so", "spell", "spelled", "spelt",
    "spreche", "spricht", "stimmt", "strich", "sure", "surname", "telefonnummer", "termin", "thank", "thanks", "that",
    "the", "this", "to", "trage", "tragen", "uhm", "und", "under", "underscore", "unter", "unterstrich", "very", "vielen",
    "vom", "von", "vorname", "waere", "war", "well", "wie", "wieder", "wird", "with", "yes", "you", "zusammen", "zwar",
}  # fmt: skip


def leaves_time(said: str, answer: Mapping[str, Any], known: Mapping[str, Any], now: datetime) -> bool:
    """Return whether the words since a question say nothing about a time except the `answer`, the next request's arguments.

    `known` are the arguments of the earlier requests. A name, a number and an e-mail address are said in the words of the
    arguments: a clause without such words may hold a refusal in any words. `now` is the start of the call.
    """
    values = {word for each in (known, answer) for word in _list_words(each)}
    are_verbatim = answer.keys() <= _VERBATIM
    are_numbers_known = not _WITH_NUMBERS.isdisjoint(answer)
    return len(said) <= _LONGEST and all(
        _is_answer(clause, values, now, is_verbatim=are_verbatim, is_number_known=are_numbers_known)
        for clause in map(words_of, _CLAUSE.split(said.casefold()))
    )


def _list_words(value: object) -> Iterator[str]:
    match value:
        case str():
            yield from fold(value).split()
        case Mapping():
            for each in value.values():
                yield from _list_words(each)
        case list() | tuple():
            for each in value:
                yield from _list_words(each)


def _is_answer(clause: str, values: set[str], now: datetime, *, is_verbatim: bool, is_number_known: bool) -> bool:
    words = [(word, fold(word)) for word in _HARMLESS.sub(" ", clause).split()]
    rest = " ".join(word for word, folded in words if folded not in values)
    if REJECTS.search(rest) or KEEP.search(rest) or DOUBTS.search(rest):
        return False
    if is_number_known or _NUMBERED.search(rest):
        if _HOUR.search(rest):
            return False
        rest = " ".join(_COUNTED.sub(" ", rest).split())
    try:
        if find_mention(rest, now, ()) is not None:
            return False
    except UnclearMention:
        return False
    holds_value = any(folded in values for _, folded in words)
    others = {fold(word) for word in rest.split() if len(word) > 1} - _BESIDE_ANSWERS
    return holds_value or not is_verbatim or not {each for each in others if not POSSESSIVES.fullmatch(each)}
