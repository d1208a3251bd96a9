"""Decide whether a second request corrects the waiting-list entry, or the name of the appointment, that this call has made. Pure.

The caller's words since then decide, and the model's arguments. In doubt every entry stays.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from askproai_runtime.book.waiting import WaitingSpan, read_spans
from askproai_runtime.book.waitlist import NewEntry, WaitlistEntry
from askproai_runtime.conversation.asked_choices import read_choice
from askproai_runtime.conversation.time_arguments import read_parts
from askproai_runtime.conversation.types import CallContext, Choice
from askproai_runtime.language.answer_words import CONDITION, WAITING_LIST, words_of
from askproai_runtime.language.declines import NUMBER, find_named_times
from askproai_runtime.language.heard_names import are_alike
from askproai_runtime.language.name_words import RELATIVES
from askproai_runtime.person_names import addressed_differently, fold, is_alike, list_name_words, same_name
from askproai_runtime.spoken_times import ALL_WEEKDAYS
from askproai_runtime.spoken_times.arguments import read_in_languages
from askproai_runtime.spoken_times.mentions import Mention, UnclearMention
from askproai_runtime.understood import UNDERSTOOD

_MOMENT: Final = timedelta(minutes=1)
_MOST_DAYS: Final = 31  # of a span that are compared with the caller's words
_WORDS: Final = UNDERSTOOD.corrections
# One more entry, or a former one that stays.
_ADDS: Final = re.compile(rf"^(?:{_WORDS.adds_at_begin})|\b(?:{_WORDS.adds})\b")
_REPLACES: Final = re.compile(rf"\b(?:{_WORDS.replaces})\b")
# They may also prefer the former time: "Freitag wäre mir lieber".
_PREFERS: Final = re.compile(rf"\b(?:{_WORDS.prefers})\b")
_REMOVES: Final = re.compile(rf"\b(?:{_WORDS.removes})\b")
_OF_NUMBER: Final = re.compile(rf"\b(?:{_WORDS.of_number})\b")
_FORMER: Final = re.compile(rf"\b(?:{_WORDS.former})\b")
_BEFORE_NO: Final = rf"(?:(?:{_WORDS.before_no}|{_WORDS.apology})\b ?)*"
_NO: Final = rf"(?:{_WORDS.no})"
_SAYS_NO: Final = re.compile(rf"^{_BEFORE_NO}{_NO}\b(?! (?:{_WORDS.no_to_another_question}))")
_SENTENCE: Final = re.compile(r"[!?;\n]|(?<!\d)\.")
_SPELLS: Final = re.compile(rf"\b(?:{_WORDS.spells})\b")
_OTHER_PERSON: Final = re.compile(rf"\b(?:{_WORDS.other_person})\b")
_RELATIVE: Final = re.compile(
    rf"\b(?:{_WORDS.before_relative})?(?:{'|'.join(sorted(RELATIVES - _WORDS.also_names))})\b"
)
# Between a no and the name: "Nein, auf den Namen Otto Kurz", "Sorry, the name is Otto Kurz".
_BEFORE_NAME: Final = re.compile(
    rf"^{_BEFORE_NO}(?:{_NO}|(?:{_WORDS.apology})(?= (?:\w+ ){{0,3}}(?:{_WORDS.says_name})\b)) (?:(?:{_WORDS.before_name}) )*"
)
# "Nicht um zehn um elf": a comma that the recognizer did not write.
_HOUR: Final = rf"\b(?:{UNDERSTOOD.declines.before_hour}) {NUMBER}\b"
_HOUR_BEFORE_HOUR: Final = re.compile(
    rf"{_HOUR}(?: (?:{UNDERSTOOD.declines.behind_hour})\b)?(?= {_HOUR})", re.IGNORECASE
)
_WEEKDAY: Final = rf"(?P<weekday>{'|'.join(ALL_WEEKDAYS)})s?\b"
_NOT_WEEKDAY: Final = re.compile(rf"\b(?:{_WORDS.rejects_day}) {_WEEKDAY}")


def find_misnamed(
    call: CallContext, args: Mapping[str, Any], name: str, known: Sequence[str], since: Sequence[str], *, in_doubt: bool
) -> str | None:
    """Return the name, among the `known` ones that this call gave for the same times, which a request for `name` corrects; None
    if there is none. `since` has the caller's words since then, the answer to the confirmation first.

    The model's choice to rename counts also before any question, unless the caller speaks of one more entry. With `in_doubt`
    it is enough that the names sound alike and the caller has said something else since then.
    """
    own = [each for each in known if in_doubt or len(list_name_words(name)) >= len(list_name_words(each))]
    alike = [each for each in own if is_alike(name, each) or sounds_alike(name, each)]
    is_chosen, texts = read_choice(args) is Choice.RENAME, _list_corrections(since)
    if call.said_since is None:
        return alike[-1] if alike and is_chosen else None
    said = [words_of(each) for each in texts]
    if any(_OTHER_PERSON.search(each) or _RELATIVE.search(fold(each)) for each in said):
        return None
    if any(said) and (is_chosen or (alike and (in_doubt or speaks_of_correction(since)))):
        return next(reversed(alike or own), None)
    rejected = [each for each in own if any(_rejects_name(text, each, name) for text in texts)]
    is_named = any(_names_after_no(each, name) for each in said[:1])
    return next(reversed(rejected or (own if is_named else [])), None)


def speaks_of_correction(utterances: Sequence[str]) -> bool:
    """Return True if utterances correct a name, and speak of no other person; the first one may also be a no."""
    said = [words_of(each) for each in _list_corrections(utterances)]
    is_corrected = any(_SPELLS.search(each) for each in said) or any(_SAYS_NO.search(each) for each in said[:1])
    return is_corrected and not any(_OTHER_PERSON.search(each) for each in said)


def sounds_alike(first: str, second: str) -> bool:
    """Return whether two names have equally many words, which sound alike pair by pair: Eva Kowalski, Ewa Kowalska."""
    words, others = ([fold(word) for word in list_name_words(each)] for each in (first, second))
    is_long = bool(words) and len(words) == len(others) and not addressed_differently(first, second)
    return is_long and all(map(are_alike, words, others))


def _list_corrections(utterances: Sequence[str]) -> Sequence[str]:
    """Return the caller's utterances since an entry was made; none if one of them speaks of one more entry."""
    return () if any(_ADDS.search(words_of(each)) for each in utterances) else utterances


def _rejects_name(text: str, former: str, name: str) -> bool:
    """Return True if a text rejects the first word of the `former` name, or another word of it that `name` does not have."""
    first, *others = [fold(each) for each in list_name_words(former)] or [fold(former)]
    kept = {fold(each) for each in list_name_words(name)}
    words = "|".join(map(re.escape, [first, *(each for each in others if each not in kept)]))
    return re.search(rf"\b(?:{_WORDS.rejects_name}) (?:\w+ ){{0,2}}?(?:{words})\b", fold(text)) is not None


def _names_after_no(said: str, name: str) -> bool:
    """Return True if words (lower case, no punctuation) are a no with this name directly after it: "nein kowalska"."""
    found = _BEFORE_NAME.search(said)
    return found is not None and fold(said[found.end() :]).startswith(" ".join(map(fold, list_name_words(name))))


def is_former(call: CallContext, entry: NewEntry, own: WaitlistEntry) -> bool:
    """Return True if this call made the entry `own` by an earlier request for the same person, branch and service, but either for
    other times or another staff member, or with another telephone number. Another name with another number is another person.
    """
    is_renumbered = own.phone != entry.phone
    is_of_person = same_name(entry.name, own.name) or (not is_renumbered and sounds_alike(entry.name, own.name))
    is_same_place = (own.call_id, own.branch, own.service) == (call.call_id, entry.branch, entry.service)
    return is_same_place and is_of_person and is_renumbered == is_same_request(entry, own)


def find_number(call: CallContext, args: Mapping[str, Any], name: str, own: Sequence[WaitlistEntry]) -> str | None:
    """Return the telephone number of the last waiting entry of a person's name among the call's `own` (latest last); None if there
    is none, for another person of this name, and if the words since speak of a number.
    """
    if any(_OF_NUMBER.search(fold(each)) for each in call.said_since_joining):
        return None
    numbers = [each.phone for each in own if each.state == "waiting" and same_name(name, each.name)]
    return numbers[-1] if numbers and not _is_for_another(call, args, name) else None


def is_same_request(entry: NewEntry, own: WaitlistEntry) -> bool:
    """Return True if two entries are for the same times and staff member: then only the telephone number can be corrected."""
    return (own.staff, own.requested) == (entry.staff, entry.requested)


def find_replaced(
    call: CallContext, args: Mapping[str, Any], entry: NewEntry, formers: Sequence[WaitlistEntry], zone: ZoneInfo
) -> frozenset[UUID]:
    """Return the ids of the former entries (latest last) that the caller no longer wants: those whose times are rejected or lie,
    on the same day, in the new one; else the latest one if the caller's words or the model's choice replace an entry. Without a
    transcript, none, except those with another number for the same times and person.
    """
    same = frozenset(each.id for each in formers if is_same_request(entry, each))
    renumbered = frozenset() if _is_for_another(call, args, entry.name) else same
    formers = [each for each in formers if each.id not in same]
    choice, texts = read_choice(args), _list_corrections(call.said_since_joining)
    is_adding = bool(call.said_since_joining) and not texts
    if call.said_since is None or not formers or choice is Choice.FURTHER or is_adding:
        return renumbered
    first, texts = [*texts[:1]], [*texts, " ".join(filter(None, read_parts(args)))]
    wanted = _list_starts(read_spans(entry), zone)
    starts = {each.id: _list_starts(read_spans(each), zone) for each in formers}
    rejected = [
        each
        for each in formers
        if _rejects(texts, starts[each.id], wanted, call.started_at) or _is_within(each, entry, zone)
    ]
    if not rejected:
        latest = formers[-1]
        is_named = any(_list_weekdays(text, starts[latest.id]) for text in texts)
        confirmed = [*map(words_of, first)]
        # "Stattdessen auf die Warteliste" declines an offer.
        later = [said for said in map(words_of, texts[len(first) :]) if not WAITING_LIST.search(said)]
        replaces = any(_REPLACES.search(said) for said in [*confirmed, *later]) or any(
            (_PREFERS.search(said) and not is_named) or (_REMOVES.search(said) and _FORMER.search(said))
            for said in confirmed
        )
        names = _names_time_after_no(call, first, wanted)
        if replaces or names or choice in {Choice.MOVE, Choice.CANCEL}:
            rejected = [latest]
    return renumbered | {each.id for each in rejected}


def _is_for_another(call: CallContext, args: Mapping[str, Any], name: str) -> bool:
    """Return True if an entry with another number is for another person of the same name, as father and son may have: by the
    model's choice, or since one utterance speaks of one more entry and of a person. "Und noch eine Nummer" does not.
    """
    said = [fold(each) for each in call.said_since_joining if _ADDS.search(words_of(each))]
    words = {fold(each) for each in list_name_words(name)}
    is_person = any(_RELATIVE.search(each) or words & {*words_of(each).split()} for each in said)
    return is_person or read_choice(args) is Choice.FURTHER


def _ends_of(span: WaitingSpan) -> tuple[datetime, datetime]:
    return span.start, span.end or span.start + _MOMENT


def _is_within(own: WaitlistEntry, entry: NewEntry, zone: ZoneInfo) -> bool:
    """Return True if each span of the entry `own` lies on one day within a span of `entry` on this day, with its staff member or
    anybody: the entry for the morning is in the one for the whole day.
    """
    own_spans = [_ends_of(each) for each in read_spans(own)]
    wanted = [_ends_of(each) for each in read_spans(entry) if each.weekdays is None]
    return entry.staff in {None, own.staff} and all(
        any(
            start <= first and end <= last and start.astimezone(zone).date() == (last - _MOMENT).astimezone(zone).date()
            for start, last in wanted
        )
        for first, end in own_spans
    )


def _list_starts(spans: Sequence[WaitingSpan], zone: ZoneInfo) -> set[datetime]:
    """Return the local times at which each span begins on its days, for at most the first days of a long span."""
    starts = set[datetime]()
    for span in spans:
        first, end = span.start.astimezone(zone), (span.end or span.start + timedelta(minutes=1)).astimezone(zone)
        starts |= {at for n in range(_MOST_DAYS) if (at := first + timedelta(days=n)) < end}
    return starts


def _list_weekdays(text: str, starts: Collection[datetime]) -> set[int]:
    """Return the weekdays (0 is Monday) that a text names, without those on which none of the `starts` is."""
    return {ALL_WEEKDAYS[word] for word in fold(text).split() if word in ALL_WEEKDAYS} & {at.weekday() for at in starts}


def _rejects(texts: Sequence[str], starts: set[datetime], wanted: set[datetime], now: datetime) -> bool:
    """Return True if the texts reject every time in `starts`. A rejected weekday that is also in `wanted` does not count."""
    against = {ALL_WEEKDAYS[found["weekday"]] for text in texts for found in _NOT_WEEKDAY.finditer(fold(text))}
    sentences = [(sentence, words_of(sentence)) for text in texts for sentence in _SENTENCE.split(text)]
    for sentence, said in sentences:
        if _REMOVES.search(said) and not CONDITION.search(said):
            against |= _list_weekdays(sentence, starts)
    against -= {at.weekday() for at in wanted}
    rejected = {at for at in starts if at.weekday() in against}
    for text in texts:
        rejected |= _find(_read_times(text, now, rejected=True), starts - wanted)
    return bool(starts) and starts <= rejected


def _names_time_after_no(call: CallContext, texts: Sequence[str], wanted: set[datetime]) -> bool:
    """Return True if one of the texts has both a no and a weekday or time in `wanted`: "Nein, Donnerstag"."""
    said_no = [text for text in texts if _SAYS_NO.search(words_of(text))]
    named = [_read_times(text, call.started_at, rejected=False) for text in said_no]
    return any(_list_weekdays(text, wanted) for text in said_no) or any(_find(each, wanted) for each in named)


def _read_times(text: str, now: datetime, *, rejected: bool) -> list[Mention]:
    """Return the times that a text rejects (`rejected`) or all other times in it, read in the call's language or the other one."""

    def read() -> list[Mention]:
        try:
            against, others = find_named_times(_HOUR_BEFORE_HOUR.sub(r"\g<0>,", text), now)
        except UnclearMention:
            return []
        return [*(against if rejected else others)]

    return read_in_languages(read, [])


def _find(mentions: Sequence[Mention], times: set[datetime]) -> set[datetime]:
    try:
        return {at for each in mentions for at in each.find_in(times, surely=False)}
    except UnclearMention:
        return set()
