"""Find which appointment of the last list or question a request means: by its position there, or by the caller's words. Pure.

After a question which of two is meant, "den zweiten" is the second one, not a day of the month.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.book.appointments import Appointment
from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import MAX_SPOKEN, CallContext
from askproai_runtime.language.answer_words import NO, is_question
from askproai_runtime.language.cancel_answers import means_all
from askproai_runtime.language.declines import find_named_times
from askproai_runtime.language.name_words import PARTICLES
from askproai_runtime.language.places_among import ENDING, PLACE, PLACES
from askproai_runtime.language.spoken_services import find_named
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import SENTENCES
from askproai_runtime.spoken_times import ALL_MONTHS, ALL_WEEKDAYS, list_number_words
from askproai_runtime.spoken_times.mentions import UnclearMention
from askproai_runtime.understood import UNDERSTOOD
from askproai_runtime.visits import list_parts

_WORDS: Final = UNDERSTOOD.own_appointments
PICKING: Final = ("appointment_id", "appointment_date", "appointment_time")
_NEW_TIME: Final = ("start", "date", "time", "part_of_day")
_TWO: Final = 2
_STEM: Final = rf"(?P<stem>{PLACE}|(?:{_WORDS.place_of_two})\b){ENDING}"
_BESIDE: Final = _WORDS.beside_place | _WORDS.beside
_BETWEEN: Final = rf"(?:{'|'.join(sorted(_WORDS.beside_place))})"
_ARTICLE: Final = rf"(?:{UNDERSTOOD.places.article})"
_PLACE_WORD: Final = re.compile(_STEM)
_WHOLE: Final = re.compile(rf"^(?:{_BETWEEN} )*{_STEM}(?: {_BETWEEN})*$")
_OF_TIME: Final = rf"(?:(?:{UNDERSTOOD.days.of_month}) )?(?:{_WORDS.period}|{'|'.join(sorted(ALL_MONTHS))})\b"
IN_WORDS: Final = re.compile(rf"\b{_ARTICLE} {_STEM}(?! {_OF_TIME})")
_OTHER: Final = re.compile(rf"\b{_ARTICLE} (?:{_WORDS.other})\b(?! (?:{_WORDS.period}))")
_ONLY_OTHER: Final = re.compile(rf"(?:{_BETWEEN} )*(?:{_WORDS.other})(?: {_BETWEEN})*")
_FIRST_NO: Final = re.compile(rf"^(?:(?:{_WORDS.first_no}) )+")
_NOT: Final = re.compile(rf"\b(?:{_WORDS.negation})\b")
_AS_NEW: Final = re.compile(rf"\b(?:{_WORDS.to_new}) ")
_ON_DAY: Final = re.compile(rf"(?:{UNDERSTOOD.arguments.on_day}) ")
_NO_NAMES: Final = PARTICLES | _WORDS.no_names


def find_place(words: str, among: int, pattern: re.Pattern[str] = _WHOLE) -> int | None:
    """Return the index, below `among`, of the item that folded words choose by position; None if they choose none or several."""
    stems = {found["stem"] for found in pattern.finditer(words)}
    if len(stems) != 1:
        return None
    place = PLACES[stem := stems.pop()]
    is_counted = place >= 0 and stem not in _WORDS.of_two
    is_certain = place < among if is_counted else among <= (_TWO if stem in _WORDS.of_two else MAX_SPOKEN)
    return place % among if is_certain else None


def find_said_place(call: CallContext) -> str | None:
    """Return the id that the caller's words choose by its position in the last answer; else None."""
    said, words = call.said_last, fold(call.said_since or "")
    if not (said.is_last and len(said.ids) > 1):
        return None
    place = find_place(_FIRST_NO.sub("", words), len(said.ids), IN_WORDS)
    return None if place is None or NO.search(_FIRST_NO.sub("", words)) else said.ids[place]


def picks_all(args: Mapping[str, Any]) -> bool:
    """Return whether an argument that picks an appointment or an entry has words for all of them: "alle"."""
    return any(means_all(text) for name in PICKING if (text := read_text(args, name)))


def replies_all(call: CallContext) -> bool:
    """Return whether the caller replies to a list of several that all of them are meant: "Ja, alle."."""
    return call.said_last.is_last and means_all(call.said_since or "")


def name_place(call: CallContext, args: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a move's arguments with a position ("den zweiten") as the answer which appointment is meant, not as the new time."""
    if not (call.said_last.asks and call.said_last.is_last) or any(read_text(args, name) for name in PICKING):
        return args
    for name in _NEW_TIME:
        words = fold(read_text(args, name) or "")
        is_place = _WHOLE.fullmatch(words) or _ONLY_OTHER.fullmatch(words)
        if is_place and not _ON_DAY.match(words) and not _AS_NEW.search(fold(call.said_since or "")):
            return {**args, name: None, "appointment_date": words}
    return args


def choose_said(
    config: TenantConfig,
    call: CallContext,
    args: Mapping[str, Any],
    found: Sequence[Appointment],
    at_time: Sequence[Appointment],
    *,
    is_read: bool,
) -> Appointment | None:
    """Return the appointment of `found` that a request means among those that the last answer listed; None if that is not
    clear.

    `at_time` are the appointments at the named time, if the words are a time (`is_read`). A day of the month with an
    appointment is not read as a position, unless the last answer asked which one is meant. Without a transcript, the list is
    taken to be the next appointments in order, as a question which one is meant says them.
    """
    said, own = call.said_last, {str(each.id): each for each in found}
    ids = said.ids if call.replies is not None else tuple(str(each.id) for each in found if each.live)
    texts = [fold(text) for name in PICKING if (text := read_text(args, name))]
    if len(ids) < _TWO:
        return None
    led = [fold(text) for text in (call.earlier[-1].texts if call.earlier else ())]
    if not texts or (said.is_last and not said.about and texts[0] in led):  # the model repeats what has led to the list
        return _choose_by_words(config, call, args, own)
    if len(texts) > 1:
        return None
    (words,) = texts
    if _ONLY_OTHER.fullmatch(words):
        is_repeated = words in led and not _OTHER.search(fold(call.said_since or ""))
        return own.get(said.about) if is_repeated else _find_other(call, own)
    if find_place(words, len(ids)) is not None:
        is_day = bool(at_time) and (not said.is_last or _ON_DAY.match(words))
        return None if is_day else _find_at_place(words, ids, own)
    listed = [own[each] for each in ids if each in own]
    return None if is_read else choose_by_names(config, words, listed, [])


def _find_at_place(
    words: str, ids: Sequence[str], own: Mapping[str, Appointment], pattern: re.Pattern[str] = _WHOLE
) -> Appointment | None:
    """Return the appointment that words choose by position; "den späteren" is the later one, in whatever order both were said."""
    if (place := find_place(words, len(ids), pattern)) is None:
        return None
    by_time = sorted((own[each] for each in ids if each in own), key=lambda each: each.starts_at)
    said = own.get(ids[place])
    if len(by_time) < len(ids) or by_time[place] is said:
        return said
    stems = {found["stem"] for found in pattern.finditer(words)}
    return by_time[place] if stems & _WORDS.of_two else None if stems & _WORDS.last else said


def _choose_by_words(
    config: TenantConfig, call: CallContext, args: Mapping[str, Any], own: Mapping[str, Appointment]
) -> Appointment | None:
    """Return the appointment that the caller's words since the list choose. After a question about one, only a position counts."""
    said, utterance = call.said_last, call.said_since or ""
    words = _FIRST_NO.sub("", fold(utterance))
    if call.replies is None or not said.is_last or is_question(utterance):
        return None
    listed = [own[each] for each in said.ids if each in own]
    is_other = bool(_OTHER.search(words))
    said_of_it = _NOT.sub(" ", words) if is_other else words
    if not _says_only_which(config, said_of_it, args, listed) or (NO.search(words) and not is_other):
        return None
    if is_other:
        return _find_other(call, own)
    chosen = _find_at_place(words, said.ids, own, IN_WORDS) or _find_at_place(words, said.ids, own)
    if said.about:
        return chosen
    # The new time of a move is not that of the appointment.
    new = {text for name in _NEW_TIME if (text := read_text(args, name))}
    is_which = not new or (said.asks and any(new <= each.texts for each in call.earlier))
    _, at = _find_named_starts(config, call, utterance, listed, surely=True) if is_which else (False, set[datetime]())
    starts = [each for each in listed if each.starts_at in at]
    names_none = chosen is None or _ON_DAY.match(words)
    staff = read_text(args, "staff") or ""  # with whom a moved appointment is then, unless it answers the question
    is_staff_new = said.asks and all(staff not in each.texts for each in call.earlier)
    named = f"{words} {fold(staff)}" if is_staff_new else words
    with_staff = not staff or is_staff_new
    by_names = choose_by_names(config, named, listed, starts, with_staff=with_staff, with_days=is_which)
    return by_names if names_none and by_names is not None else chosen


def _says_only_which(config: TenantConfig, words: str, args: Mapping[str, Any], listed: Sequence[Appointment]) -> bool:
    """Return True if the words say which appointment is meant, and at most its new time. Words that say more may be about an
    appointment that stays ("Samstag passt", "Otto kommt wie geplant, meinen auf zwölf").
    """
    names = [member.display_name for branch in config.branches for member in branch.staff]
    names += [text for each in config.services for text in (each.display_name, *each.spoken_names)]
    names += [each.customer_name for each in listed] + [text for name in _NEW_TIME if (text := read_text(args, name))]
    known = {*fold(" ".join(names)).split(), *_BESIDE, *ALL_WEEKDAYS, *ALL_MONTHS, *list_number_words()}
    return all(
        word in known or word.removesuffix("s") in known or word.isdigit() or _PLACE_WORD.fullmatch(word)
        for word in words.split()
    )


def _find_named_starts(
    config: TenantConfig, call: CallContext, utterance: str, listed: Sequence[Appointment], *, surely: bool
) -> tuple[bool, set[datetime]]:
    """Return whether the words name a time, and the starts of the listed appointments that they name; none if it is unclear."""
    zone = ZoneInfo(config.time_zone)
    starts = {each.starts_at.astimezone(zone) for each in listed}
    try:
        _, others = find_named_times(utterance, call.started_at.astimezone(zone))
        return bool(others), {start for mention in others for start in mention.find_in(starts, surely=surely)}
    except UnclearMention:
        return False, set()


def says_another(config: TenantConfig, call: CallContext, listed: Sequence[Appointment]) -> bool:
    """Return True if the caller's last words mean another appointment than the listed ones, such as one on another day."""
    words = call.said_since or ""
    names_time, starts = _find_named_starts(config, call, words, listed, surely=False)
    return (names_time and not starts) or says_other(fold(words))


def says_other(words: str) -> bool:
    """Return whether folded words are of "the other one"."""
    return bool(_OTHER.search(words))


def find_place_in_words(call: CallContext, words: str, own: Sequence[Appointment]) -> Appointment | None:
    """Return the appointment that folded words choose by its position in the last list, or else in the order of time."""
    ids = call.said_last.ids or [str(each.id) for each in sorted(own, key=lambda each: each.starts_at)]
    return _find_at_place(words, ids, {str(each.id): each for each in own}, IN_WORDS)


def choose_by_names(
    config: TenantConfig,
    words: str,
    listed: Sequence[Appointment],
    at_time: Sequence[Appointment],
    *,
    with_staff: bool = True,
    with_days: bool = False,
) -> Appointment | None:
    """Return the only listed appointment that fits all distinguishing words: a customer, a service, a staff member or a
    weekday; else None. A word that fits all appointments, or none, does not distinguish.
    """
    staff = {member.id: member.display_name for branch in config.branches for member in branch.staff}
    zone = ZoneInfo(config.time_zone)

    def list_words(each: Appointment) -> set[str]:
        day = each.starts_at.astimezone(zone).weekday()
        days = [SENTENCES[language].weekdays[day] for language in Language] if with_days else []
        return {*fold(" ".join([each.customer_name, staff.get(each.staff, "") if with_staff else "", *days])).split()}

    labels = {each.id: list_words(each) - _NO_NAMES for each in listed}
    services = {each.name for each in find_named(config.services, words, inflected=True)}
    by_word = [
        {key for key, label in labels.items() if {word, word.removesuffix("s")} & label} for word in words.split()
    ]
    by_service = {each.id for each in listed if services.intersection(list_parts(each.service))}
    deciding = [each for each in (*by_word, by_service, {a.id for a in at_time}) if each and len(each) < len(listed)]
    left = set[Any](labels).intersection(*deciding)
    return next((each for each in listed if each.id in left), None) if deciding and len(left) == 1 else None


def _find_other(call: CallContext, own: Mapping[str, Appointment]) -> Appointment | None:
    """Return the caller's second appointment, if there are just two and the last answer was about the first; else None."""
    others = [each for key, each in own.items() if key != call.said_last.about]
    return others[0] if call.said_last.about in own and len(others) == 1 else None
