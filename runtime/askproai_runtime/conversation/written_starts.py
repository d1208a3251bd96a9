"""Read a `start` that a model writes as a program does: an instant in UTC, or a place in the offer (`slots[0]`)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from askproai_runtime.conversation.arguments.texts import read_text
from askproai_runtime.conversation.types import CallContext, Naming
from askproai_runtime.language.answer_words import NO
from askproai_runtime.language.declines import list_clauses, rejects_times
from askproai_runtime.language.places_among import list_places
from askproai_runtime.spoken_times import Candidate, exact_at, understand_parts
from askproai_runtime.spoken_times.mentions import UnclearMention, find_mention

_WRITTEN_CLOCK = re.compile(
    r"(?:(?P<day>\d{4}-\d\d-\d\d)[T ])?T?(?P<hour>\d{1,2})(?P<minute>:\d\d(?::\d\d(?:\.\d+)?)?)\s?(?:Z(?:ulu)?|UTC|GMT|[+-]00:?00)",
    re.IGNORECASE,
)
_MIDNIGHT = re.compile(r"[T ](?:00|22|23):00")
# A place in a list counts from 0, the number of an option from 1.
_PLACE_IN_OFFER = re.compile(
    r"\W*(?:(?:slots|alternatives)(?:\[(?=\d\])|\.)(?P<first>\d)\]?|(?:slot|option)[_ ]?(?P<number>\d))(?:\.start)?\W*",
    re.IGNORECASE,
)


def name_offered(args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with the offered time that a `start` such as `slots[0]` or `slot_1` points to; else unchanged."""
    found = _PLACE_IN_OFFER.fullmatch(read_text(args, "start") or "")
    place = -1 if found is None else int(found["first"]) if found["first"] else int(found["number"]) - 1
    if not 0 <= place < len(call.offered_last):
        return args
    offered = exact_at(call.offered_last[place].astimezone(zone))
    readings = [exact_at(start.astimezone(zone)) for start in dict.fromkeys(call.offered_last)]
    meant = find_meant(readings, [offered], call, zone, are_offered=True)
    return {**args, "start": meant[0].start.isoformat()} if len(meant) == 1 else args


def name_written_start(args: Mapping[str, Any], call: CallContext, zone: ZoneInfo) -> Mapping[str, Any]:
    """Return the arguments with a day and a time in UTC, `10:00Z`, as one `start`, whose two readings are known. As a `date`,
    midnight here or in UTC is no time.
    """
    moment = read_text(args, "date") or ""
    written = _WRITTEN_CLOCK.fullmatch(read_text(args, "time") or ("" if _MIDNIGHT.search(moment) else moment))
    if written is None or read_text(args, "start") is not None:
        return args
    day = written["day"]
    if day is None and (said := read_text(args, "date")) is not None:
        found = understand_parts(said, None, None, at=call.started_at, zone=zone).candidates
        day = found[0].start.astimezone(zone).date().isoformat() if len(found) == 1 else None
    start = f"{day}T{written['hour']:0>2}{written['minute']}Z"
    return args if day is None else {**args, "start": start, "date": None, "time": None}


def find_meant(
    readings: Sequence[Candidate],
    offered: list[Candidate],
    call: CallContext,
    zone: ZoneInfo,
    *,
    are_offered: bool = False,
) -> list[Candidate]:
    """Return the readings that the caller means: those named by the words since the last answer with days; if they name none,
    `offered`.

    Models write a local "10:00Z" although 11 o'clock was offered. If the words name another time, return [].
    """
    starts, named = [each.start.astimezone(zone) for each in readings], call.named_last
    is_asked = named is not None and named.naming is Naming.ASKED and len(named.starts) == len(starts)
    has_places = is_asked or are_offered
    for clause in reversed([each for words in call.said_without_days for each, _ in list_clauses(words)]):
        places = {place for place in list_places(clause) if place < len(starts)} if has_places else set[int]()
        rejects = rejects_times(clause)
        if places and rejects:
            return []
        beside = () if rejects else None  # any words: "um sechzehn Uhr einen Haarschnitt"
        try:
            mention = None if places else find_mention(clause, call.started_at.astimezone(zone), beside)
        except UnclearMention:
            return []
        if mention is not None and NO.search(clause):
            return []
        said = {starts[place] for place in places} or (mention.find_in(starts, surely=False) if mention else {*starts})
        if len(said) != len(starts):
            return [each for each, start in zip(readings, starts, strict=True) if start in said]
    return offered
