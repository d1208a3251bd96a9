"""Signs in a caller's words that a booking may be meant in place of another appointment, so that the caller is asked.

The words only turn an action into a question, since any list of words misreads some sentences.
"""

import re
from contextlib import suppress
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from askproai_runtime.book.requests import Doubts
from askproai_runtime.conversation.day_readings import ask_which
from askproai_runtime.conversation.last_days import find_only_times, list_said_starts, list_weekdays
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded, NamedTimes, Naming
from askproai_runtime.conversation.wanted_times import rejects_day
from askproai_runtime.language.answer_words import FILLER, MOVE, NO, ONLY_YES, YES_WORD, words_of
from askproai_runtime.language.declines import REJECTS, SAYS_HOUR, agrees_to_offer, find_declined, list_clauses
from askproai_runtime.language.kept_times import RATHER, UNFIT
from askproai_runtime.language.places_among import list_places
from askproai_runtime.language.replies import asks_or_waits, holds_yes
from askproai_runtime.sentences import format_spoken, say
from askproai_runtime.spoken_times import counts_time
from askproai_runtime.spoken_times.mentioned_days import excludes_time
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.one_more
_ADDS: Final = re.compile(rf"\b(?:{_WORDS.adds})")
_ALSO: Final = re.compile(rf"\b(?:{_WORDS.also})\b")
_SEVERAL: Final = re.compile(rf"\b(?:{_WORDS.several})\b")
_AGREES: Final = re.compile(rf"(?:(?:{YES_WORD}|{FILLER})(?: |$))*+")
_CHANGE: Final = re.compile(rf"\b(?:{_WORDS.changes})")
# Without a word of a move: "Ich kann um zehn nicht, lieber um vier", "Können wir meinen auf vier legen?"
_ANOTHER_TIME: Final = re.compile(rf"\b(?:{_WORDS.another_time})\b")
# "Ich habe am Freitag einen Haarschnitt und würde lieber um vier kommen."
_HAS_ONE: Final = re.compile(rf"\b(?:{_WORDS.has_one})\b.*\b(?:{_WORDS.rather})\b")
_INSTEAD: Final = re.compile(rf"\b(?:{_WORDS.instead})\b", re.IGNORECASE)
_RATHER: Final = re.compile(rf"{NO.pattern}|{RATHER.pattern}")
_KEEPS: Final = re.compile(rf"{UNFIT.pattern}|\b(?:{_WORDS.keeps})\b")
_OWN: Final = re.compile(rf"\b(?:{_WORDS.own})\b")  # "den alten", "meinen"
_TAKES_BACK: Final = re.compile(rf"\b(?:{_WORDS.takes_back})\b")


def read_doubts(call: CallContext) -> Doubts:
    """Return the signs that a booking of this call may be meant in place of another appointment. If the caller has said nothing
    but a yes since the last change, each booking counts as one more: two services may have been named at once. A yes to the
    agent's own question counts only if that question was about one more appointment.
    """
    said, replaces_person = words_of(call.said_since_change or ""), says_instead(call)
    changes = replaces_person or call.asks_to_move or any(each.search(said) for each in (MOVE, _CHANGE, _HAS_ONE))
    states = (words_of(each) for each in (call.said_since_change or "").splitlines() if "?" not in each)
    adds = any(map(_ADDS.search, states)) and not (changes or _TAKES_BACK.search(said))
    is_led = any(not _ALSO.search(words_of(each)) for each in call.asked_since_change.splitlines())
    agrees = bool(_AGREES.fullmatch(said)) and not (said and is_led)
    return Doubts(call.listed, adds or agrees, changes, replaces_person)


def require_not_declined(call: CallContext, start: datetime, zone: ZoneInfo, *, moves: bool = False) -> None:
    """Raise the question whether to book if the caller's first words after the offer of `start` declined it or asked for another
    time, and nothing later accepted it; the question which start is meant if the caller has only said yes to several. If it
    `moves` an appointment, a no to the offers of a search may be about its present time or its person; a no after an offer for
    several people may be about one of these.
    """
    named = call.named_last
    if named is None or named.naming is not Naming.OFFERED or start not in named.starts:
        return
    if any(len(offer) > 1 and offer[0].start == start for offer in call.offered):
        return
    (first, *later), local, now = named.said_since or ("",), start.astimezone(zone), call.started_at
    words = words_of(first)
    # Only an appointment can stay as it is. "Dann bleibt es beim Freitag" accepts an offered Friday.
    keeps = (moves or call.listed or _OWN.search(words)) and local.weekday() not in list_weekdays(words)
    unfit = _KEEPS if keeps else UNFIT
    if _chooses_none(call, named, local):
        raise ask_which(named.starts, call, zone)
    if any(_accepts(each, local, now, unfit) for each in later):
        return
    is_unfit = bool(unfit.search(words)) and not (
        SAYS_HOUR.search(words) or counts_time(first) or list_places(first) or _accepts(first, local, now, unfit)
    )
    if not (
        is_unfit
        or all(map(asks_or_waits, (first, *later)))
        or (_RATHER.search(words) and excludes_time(REJECTS.sub(" ", words), local.time(), now))
        or rejects_day(call, first, local)
        or ((named.moves or not moves) and find_declined(first, {local}, now))
    ):
        return
    if is_unfit or start not in list_said_starts(named, call, zone, surely=False):
        when = format_spoken(start, zone, call.started_at)
        raise ClarificationNeeded(say().shall_i_book_then.format(when=when), unclear="confirmed")


def _chooses_none(call: CallContext, named: NamedTimes, start: datetime) -> bool:
    """Return whether the caller has said only yes to several starts, and neither the agent's own question nor the words that led
    to the offer have named `start` alone.
    """
    said = " ".join(named.said_since)
    is_yes = ONLY_YES.fullmatch(words_of(said)) and holds_yes(said)  # "gut" alone is none
    if len({*named.starts}) == 1 or not is_yes:
        return False
    starts, now = [each.astimezone(start.tzinfo) for each in named.starts], call.started_at.astimezone(start.tzinfo)
    asked = [each for line in call.asked_since.splitlines() for each in re.split(r"(?<=[.!?])\s", line)]
    for words in (*reversed(asked), *call.utterances[: -len(named.said_since)][-1:]):
        found = {starts[place] for place in list_places(words_of(words)) if place < len(starts)}
        with suppress(UnclearMention):
            mention = find_mention(words, now, None)
            found |= mention.find_in(starts, surely=False) if mention is not None else set()
        if found:
            return found != {start}
    return True


def _accepts(words: str, start: datetime, now: datetime, unfit: re.Pattern[str]) -> bool:
    """Return whether words accept a local start: by a clause that is nothing but its time, or by a yes or "das passt" that
    nothing beside it takes back ("gut, aber neun ist zu früh").
    """
    said, clauses = words_of(words), [clause for clause, _ in list_clauses(words)]
    if any(find_only_times(each, [start], now.astimezone(start.tzinfo)) for each in clauses):
        return True
    takes_back = any(each.search(said) for each in (REJECTS, _RATHER, unfit))
    return not takes_back and (holds_yes(words) or any(map(agrees_to_offer, clauses)))


def wants_one_more(call: CallContext) -> bool:
    """Return whether the caller has mentioned a further appointment since the last answer."""
    return bool(_ADDS.search(words_of(call.said_since or "")))


def never_speaks_of_another(call: CallContext) -> bool:
    """Return True if the caller has spoken in this call, but with no word for a further appointment or a second person."""
    said = [words_of(each) for each in call.utterances]
    return bool(said) and not any(_ADDS.search(each) or _SEVERAL.search(each) for each in said)


def asks_another_time(call: CallContext) -> bool:
    """Return whether the caller has asked for another time and has not mentioned a further appointment."""
    said = words_of(call.said_since_change or "")
    return _ANOTHER_TIME.search(said) is not None and not _ALSO.search(said)


def says_instead(call: CallContext) -> bool:
    """Return whether the caller has said that one person comes in place of another."""
    return any(_INSTEAD.search(each) for each in call.utterances)
