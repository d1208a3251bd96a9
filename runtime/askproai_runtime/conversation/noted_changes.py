"""Find a note with another time, service or staff member than its request: a model has put a correction into it. The caller is
asked once which of both is meant, and then the arguments count.

A note about a time or service must be understood completely, since "muss um 15 Uhr weg" has another subject; a correcting word
("doch lieber") is enough, too. A staff member is found among any other words.
"""

import re
from collections.abc import Iterator
from datetime import datetime

from askproai_core.tenant_config import Staff
from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.requests import ServiceRequest
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.answer_words import Reply, words_of
from askproai_runtime.language.phrases import sayable
from askproai_runtime.language.placeholders import leaves_open
from askproai_runtime.language.replies import heard_key
from askproai_runtime.language.spoken_services import read_services
from askproai_runtime.language.staff_preferences import NotedStaff, read_noted_staff
from askproai_runtime.person_names import fold
from askproai_runtime.sentences import decline_name, format_spoken, present_language, say
from askproai_runtime.spoken_times import Grain, count_from, counts_time, understand_parts
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention, list_replaced
from askproai_runtime.understood import UNDERSTOOD, UNDERSTOOD_IN
from askproai_runtime.visits import list_parts

_WORDS = UNDERSTOOD.notes
_PARTS = re.compile(r"[;\n]|,\s|\.\s+(?=\D)")
_MOST_WORDS = 3  # of a day or time in a list
_CORRECTION = re.compile(rf"\b(?:{_WORDS.corrects})\b", re.IGNORECASE)
# A customer, and their request.
_FRAME = re.compile(rf"\b(?:(?:{_WORDS.corrects}|{_WORDS.of_customer})\b[,:]?|(?:{_WORDS.if_possible}))", re.IGNORECASE)
_NO_CLOCK = "".join(f"(?<!{word} )" for word in sorted(_WORDS.before_clock))
# "3 mm"
_AMOUNT = re.compile(rf"\b(?<![:.]){_NO_CLOCK}\d+(?:,\d+)?\b(?!\s*(?:{_WORDS.behind_clock}|[.:]))", re.IGNORECASE)


def require_agreeing_notes(
    ctx: BookingContext,
    call: CallContext,
    notes: str | None,
    service: ServiceRequest,
    start: datetime,
    customer: str,
    offered_staff: str | None = None,
) -> None:
    """Raise `ClarificationNeeded` once in a call if a part of the notes names another time, service or staff member than the
    request. Without a requested staff member, `offered_staff` counts.

    A call without a transcript is not asked, since it would hear the question again.
    """
    staff = service.staff or offered_staff
    for note, asked in _divide(call, notes, service) if call.said is not None else ():
        noted = _read_staff(note, service, customer)
        if asked in call.asked_unclear or not _is_other(ctx, call, note, service, start, noted, staff):
            continue
        when = format_spoken(start, service.rules.zone, ctx.clock.now())
        name = service.rules.service.display_name
        question = say().request_or_note.format(when=when, service=name, note=sayable(note) or note)
        if service.staff is None and len(noted.wanted) == 1:  # it contradicts nothing
            raise _ask_for_noted(noted.wanted[0], note, asked)
        raise ClarificationNeeded(question, unclear=asked)


def find_noted_staff(call: CallContext, notes: str | None, service: ServiceRequest, customer: str) -> str | None:
    """Return the `staff` argument after the question about a staff member in the notes, if the request names nobody: the noted
    one if the reply is a yes or names this one, or "nicht Anna" if the note excludes Anna and the reply does not name her. Any
    other reply chooses nobody.

    Raises `ClarificationNeeded` with the question again, once in a call, if the reply is unclear.
    """
    if call.said is None or service.staff is not None:
        return None
    said = call.said_since or ""
    answered = set(_read_staff(said, service).wanted)
    for note, asked in _divide(call, notes, service):
        noted = _read_staff(note, service, customer) if asked in call.asked_unclear else NotedStaff()
        if len(noted.wanted) == 1:
            (meant,) = noted.wanted
            reply, again = call.find_reply(heard_key(note, meant.id), None), f"again {fold(note)}"
            if answered or reply is Reply.YES:
                return meant.display_name if answered <= {meant} else None
            if reply is Reply.NO or leaves_open(said) or not noted.is_certain or again in call.asked_unclear:
                return None
            raise _ask_for_noted(meant, note, again)
        if noted.excluded and not noted.wanted and answered.isdisjoint(noted.excluded):
            not_word = UNDERSTOOD_IN[present_language()].arguments.exclude
            return ", ".join(f"{not_word} {each.display_name}" for each in noted.excluded)
    return None


def _ask_for_noted(member: Staff, note: str, asked: str) -> ClarificationNeeded:
    """Return the question whether the staff member in a note is meant."""
    question = say().is_noted_person_meant.format(staff=decline_name(member.display_name))
    return ClarificationNeeded(question, unclear=asked, heard=note, staff=[member.id])


def _divide(call: CallContext, notes: str | None, service: ServiceRequest) -> list[tuple[str, str]]:
    """Return the parts of the notes, each with its marker: the key of the question about this part in the call.

    A further day or time of a list is none, since the words before the first one count for it: "nicht Mittwoch, Donnerstag".
    """
    kept = list[str]()
    for part in (part.strip(" .") for part in _PARTS.split(notes or "")):
        grains = _list_grains(call, part, service)
        if not (grains and kept and grains == _list_grains_at_end(call, kept[-1], service)):
            kept.append(part)
    return [(part, f"note {fold(part)}") for part in kept]


def _list_grains_at_end(call: CallContext, part: str, service: ServiceRequest) -> frozenset[Grain]:
    """Return the grains of the day or time at the end of a part that itself is none such: "bitte Mittwoch" is one."""
    words = part.split()
    ends = (" ".join(words[at:]) for at in range(max(len(words) - _MOST_WORDS, 1), len(words)))
    found = next(filter(None, (_list_grains(call, end, service) for end in ends)), frozenset[Grain]())
    return frozenset() if found == _list_grains(call, part, service) else found


def _list_grains(call: CallContext, text: str, service: ServiceRequest) -> frozenset[Grain]:
    """Return the grains of the days or times that a text is; empty if it is none."""
    understood = understand_parts(text, None, None, at=call.started_at, zone=service.rules.zone)
    return frozenset(each.grain for each in understood.candidates if understood.refused is None)


def _read_staff(note: str, service: ServiceRequest, customer: str = "") -> NotedStaff:
    """Return the staff members whom a note wants or excludes, also if it replaces one by another ("Mehmet statt Anna")."""
    team = service.rules.branch.staff
    noted = read_noted_staff(note, team, customer)
    plain = noted if noted.is_certain else read_noted_staff(" ".join(_FRAME.sub(" ", note).split()), team, customer)
    return plain if plain.is_certain else noted


def _is_other(
    ctx: BookingContext,
    call: CallContext,
    note: str,
    service: ServiceRequest,
    start: datetime,
    noted: NotedStaff,
    staff: str | None,
) -> bool:
    for new in _list_new(note):
        if (services := _read_services(ctx, new, service)) is not None:
            return services != {*list_parts(service.rules.service.name)}
        if (is_then := _includes(call, new, service, start)) is not None:
            return not is_then
        if _counts_other(new, start.astimezone(service.rules.zone)):
            return True
    if noted.excludes(staff):
        return True
    return bool(_CORRECTION.search(note)) and _names_other_time(call, note, service, start)


def _counts_other(text: str, start: datetime) -> bool:
    """Return True if a text is a time relative to `start`, and means another time than this: "eine Stunde später"."""
    counted = count_from(None, text, start)
    return counted is not None and counted not in {(f"{start:%Y-%m-%d}", each) for each in (f"{start:%H:%M}", None)}


def _names_other_time(call: CallContext, note: str, service: ServiceRequest, start: datetime) -> bool:
    """Return True if a note, even among other words, names days or times, and none of them includes `start`."""
    zone = service.rules.zone
    if counts_time(_AMOUNT.sub(" ", note)):
        return True
    try:
        mention = find_mention(_AMOUNT.sub(" ", note), call.started_at.astimezone(zone), words_of(note).split())
        return mention is not None and not mention.find_in({start.astimezone(zone)}, surely=False)
    except UnclearMention:
        return False


def _list_new(note: str) -> Iterator[str]:
    """Yield the texts by which a note may request something: all of it, and the new part of "statt Haarschnitt Färben"."""
    plain = " ".join(_FRAME.sub(" ", note).split())
    yield plain
    for _, new in list_replaced(plain):
        yield new


def _read_services(ctx: BookingContext, text: str, service: ServiceRequest) -> set[str] | None:
    """Return the config names of the services that a text names; None if it names none or has any other words."""
    branch = service.rules.branch.name
    named = read_services(text, [each for each in ctx.config().services if each.branch in {None, branch}])
    return {each.name for each in named.services} if named.services and named.unknown is None else None


def _includes(call: CallContext, text: str, service: ServiceRequest, start: datetime) -> bool | None:
    """Return True if a text is a time that includes `start`, else False; None if it is no time. The default day is `start`'s."""
    zone = service.rules.zone
    alone = understand_parts(text, None, None, at=call.started_at, zone=zone)
    if alone.refused is not None or not alone.candidates:
        return None
    day = start.astimezone(zone).date().isoformat()
    on_day = understand_parts(day, text, None, at=call.started_at, zone=zone)
    candidates = [*alone.candidates, *(() if on_day.contradicts else on_day.candidates)]
    return any(each.contains(start.astimezone(zone)) for each in candidates)
