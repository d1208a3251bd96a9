"""The words of the page. Each language has a file of them: `german.toml`, `english.toml`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from askproai_core.tenant_config import Language
from askproai_runtime.admin_api import Role
from askproai_runtime.oidc import Failure


class ActionWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language. `notices` are by `Notice`; `obstacles` by the `reason` or `outcome` of a problem document."""

    cancel: str
    cancel_title: str
    cancel_hint: str
    cancel_reason: str
    cancel_button: str
    keep: str
    move: str
    move_title: str
    move_button: str
    no_show: str
    attended: str
    stays: str  # with {name}
    block: str
    block_title: str
    block_button: str
    everybody: str  # with {branch}
    blocks: str
    none_blocked: str
    first_day: str
    first_time: str
    last_day: str
    last_time: str
    block_hint: str
    block_reason: str
    unblock: str
    block_over: str
    in_block: str
    none_in_block: str
    pause: str
    pause_title: str
    pause_hint: str
    pause_all: str
    pause_day: str
    pause_time: str
    pause_button: str
    paused: str  # with {branches}, {since}
    paused_until: str  # the same with {until}
    resume: str
    resume_hint: str
    resume_button: str
    done: str
    done_title: str
    done_before: str  # with {name}, {at}
    note: str
    done_button: str
    redrive: str
    redrive_of: str  # with {what}, {at}
    see_dead: str
    free_then: str
    end_session: str
    end_session_of: str  # with {name}, {at}
    not_done: str
    send_again: str
    kept: str
    expired: str
    log_in_first: str
    generic: str
    notices: Mapping[str, str]
    obstacles: Mapping[str, str]


class LoginWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is said of a login at the tenant's issuer. `no_role` and `at` name the issuer's host, `no_role` the visitor, too."""

    at: str
    or_otherwise: str
    logged_in: str
    go_on: str
    no_role: str
    not_ready: str
    host_unknown: str
    failures: Mapping[Failure, str]
    roles: Mapping[Role, str]
    sessions: str
    sessions_hint: str
    role: str
    since: str
    last_seen: str
    nameless: str
    own: str


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One language. `outcomes` has the states and outcomes of rows, and `arguments` those of functions, by their stored names; one
    that is lacking is shown as it is. `reasons` has the sentences that rows store, which are English.
    """

    language: str
    decimal_mark: str
    weekdays: tuple[str, ...]
    date: str  # with {weekday}, {day}, {month}, {year}
    short_date: str  # the same without the year
    today: str
    week: str
    calls: str
    failures: str
    messages: str
    waitlist: str
    dead: str
    figures: str
    month_of_bookings: str
    booked_share: str
    target: str
    budget: str
    chart_of: str  # with {booked} and {failed}
    most_of_a_day: str
    by_day: str
    figures_hint: str
    none_tried: str
    provider_requests: str
    average_ms: str
    longest_ms: str
    errors: str
    none_asked: str
    providers_hint: str
    numbers: str
    public_number: str
    did: str
    system: str
    log_in: str
    log_out: str
    access_key: str
    key_hint: str  # with {tenant}, the Tenant's name
    your_name: str
    wrong_key: str
    expired_form: str
    skip: str
    menu: str
    previous: str
    following: str
    to_today: str
    go: str
    day: str
    as_of: str
    nobody_booked: str
    cancelled_ones: str
    blocked: str
    whole_day: str
    closed: str
    absent: str
    off_hours: str
    person: str
    appointment: str
    appointments: str
    service: str
    start: str
    end: str
    time: str
    state: str
    customer: str
    phone: str
    no_phone: str
    email: str
    notes: str
    cancel_reason: str
    error: str
    calendar: str
    call: str
    began: str
    duration: str
    outcome: str
    branch: str
    caller: str
    timeline: str
    what: str
    body: str
    find: str
    find_label: str
    find_hint: str
    none_found: str
    several_found: str
    name: str
    detail: str
    show_personal: str
    personal_hint: str
    transcript: str
    no_transcript: str
    not_readable: str
    truncated: str
    ai_notice: str
    retell_keeps: str
    refused_at: str
    deleted_at_retell: str
    not_deleted_at_retell: str
    answer: str
    none_calls: str
    none_failures: str
    none_messages: str
    none_waiting: str
    none_dead: str
    failures_hint: str
    reason: str
    received: str
    text: str
    call_back: str
    recipient: str
    waits_for: str
    waits_until: str
    offer_with: str  # with {staff} and {until}
    offered: str
    dead_events: str
    dead_notifications: str
    dead_hint: str
    attempts: str
    type: str
    circuits: str
    provider: str
    retry_after: str
    queue: str
    priority: str
    ready: str
    running: str
    dead_jobs: str
    number: str
    oldest: str
    health: str
    version: str
    database: str
    redis: str
    more: str
    too_many: str
    not_found: str
    failed_page: str
    back: str
    hidden: str
    hours: str
    next_try: str
    act: ActionWords
    login: LoginWords
    kinds: Mapping[str, str]
    outcomes: Mapping[str, str]
    arguments: Mapping[str, str]
    reasons: Mapping[str, str]
    yes: str
    no: str


WORDS: Final = {
    language: msgspec.toml.decode(Path(__file__).with_name(file).read_bytes(), type=Words)
    for language, file in ((Language.DE, "german.toml"), (Language.EN, "english.toml"))
}


def choose_language(accept_language: str) -> Language:
    """Return the language of the header's greatest weight that the page has; German where it names neither."""
    best, weight = Language.DE, 0.0
    for part in accept_language[:500].split(","):
        name, _, parameters = part.strip().partition(";")
        primary = name.strip().lower().partition("-")[0]
        given = parameters.strip().removeprefix("q=")
        try:
            value = float(given) if given else 1.0
        except ValueError:
            continue
        if primary in set(Language) and value > weight:
            best, weight = Language(primary), value
    return best
