"""The keys of `german.toml` and `english.toml`: regular expressions of one language, without groups that capture."""

from collections.abc import Mapping

import msgspec


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Answers to a question with yes or no."""

    strong_yes: str
    weak_yes: str
    before_yes: str
    no: str
    no_at_end: str
    no_at_begin: str
    keep: str
    move: str
    cancellation: str
    condition: str
    speaks_of_it: str
    request: str
    filler: str
    before_question: str
    asking: str
    saying: str
    wait: str
    waiting_list: str
    off_the_list: str
    appointment: str
    stays: str
    anybody: str
    alone: str


class Declines(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    number: str
    before_hour: str
    behind_hour: str
    place: str
    polite: str
    waiting_list: str
    neutral: str
    waits: str
    asks_to_wait: str
    rejects: str
    no: str
    takes: str
    suits: str
    bounds: frozenset[str]
    before_number: str
    behind_number: str
    before_agreement: str
    agrees: str
    agrees_last: str
    begins_sentence: str
    before_so: frozenset[str]
    behind_so: str
    another_time: str
    others: str
    condition: str
    neither: str
    nor: str
    busy: str
    turns: str
    without_comma: str
    several: str
    asks_back: str
    before_asking_back: str
    asks_at_end: str
    and_or: str
    states: str
    beside: frozenset[str]


class Cancellations(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    between: str
    cannot: str
    subject: str
    not_coming: str
    not_able: str
    refers_back: frozenset[str]
    before_request: str
    requested: str
    ill: str
    because_of: str
    for_customer: str
    days_ahead: Mapping[str, int]
    cancel: str
    not_cancel: str
    another_appointment: str
    off_the_list: frozenset[str]
    all: str
    exceptions: str
    as_said: str
    weekday: str
    day: str
    thanks: frozenset[str]
    of_whom: str
    own: str
    before_cancelling: str
    to_cancel: str
    cancels_that: str
    names_none: frozenset[str]
    tag: str
    harmless: str
    negation: str
    hesitation: str
    first_no: str
    no_move: str
    goes_on: str
    approves: str
    apology: str
    go_on: str
    courtesy: frozenset[str]
    backchannel: frozenset[str]
    beside_asked: frozenset[str]


class Understood(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language, or of all."""

    answers: Answers
    declines: Declines
    cancellations: Cancellations
