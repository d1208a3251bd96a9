"""The keys of all sentences that callers hear. Each language has a file with them: `de.toml`, `en.toml`.

A sentence is a template of `str.format`; its placeholders are the same in every language. A whole sentence is one template
where that is possible, since languages order words differently.
"""

from collections.abc import Mapping

import msgspec


class Clocks(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Templates of clock times, with some of {hour}, {minute}, {hour_of_12} and {half} (am or pm); `full_hour` is for minute 0."""

    full_hour: str
    time: str
    written_full_hour: str
    written_time: str


class Spans(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Templates of written spans. `{day}` is a day; `{first}` and `{last}` are a span's clock times, or its days."""

    at: str
    since: str
    until: str
    between: str
    of_days: str
    said: str  # `{span}`, and the caller's words `{said}`


class Sentences(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All sentences of one language."""

    # words between others
    or_word: str
    and_word: str
    # days and times
    spoken_time: str
    spoken_time_today: str
    day: str
    day_as_subject: str  # nominative
    written_day: str
    written_time: str
    written_range: str
    about_time: str
    at_time: str
    from_to_time: str
    from_time: str
    later_than_time: str
    until_time: str
    from_to_days: str
    from_day: str
    soon: str
    only_days: str
    except_days: str
    # call functions as a whole
    busy: str
    call_over: str
    out_of_order: str
    no_information: str
    not_noted: str
    still_working: str
    change_unknown: str
    note_unknown: str
    unknown: str
    or_instead: str
    offer_message: str
    offer_waitlist: str
    transfer_to_team: str
    transfer_or_message: str
    cannot_be_settled: str  # the third answer to the same question
    anything_else: str
    requested: str
    to_be_confirmed: str
    # slots and readings
    slot: str
    later: str  # on the day that was said before
    in_turn: str  # of a group
    service_with: str
    nothing_free: str
    shall_i_book: str
    shall_i_book_then: str
    only_after_cancelling: str
    shall_i_move: str
    free_by_moving: str
    move_where: str
    which_suits: str
    which_do_you_mean: str  # of the readings that were offered
    bookings_paused: str
    bookings_paused_until: str  # with {day}, the last day
    nothing_free_before: str  # the end of the booking horizon
    confirmed_when_booked: str
    visit_length: str
    services_length: str
    length_and_end: str
    this_appointment: str
    appointment_for: str
    one_hour: str
    several_hours: str
    one_minute: str
    several_minutes: str
    offered: str
    offered_by_others: str
    example: str
    do_you_mean: str
    for_one_person: str
    rest_not_understood: str
    choose_one: str
    part_or_visit: str
    # why a time is not free; `when` is a full date and time, or a longer span
    past_time: str
    past_date: str
    past_day: str
    impossible_time: str
    time_not_understood: str
    is_time_of_branch: str
    day_not_understood: str
    or_another_day: str  # after an offer, where no day was named
    hour_not_understood: str  # before the times of the day that was
    one_at_a_time: str  # several requests in one
    who_comes_along: str
    request_or_note: str
    is_noted_person_meant: str
    which_name: str
    which_phone: str
    which_branch_unclear: str
    too_soon: str
    too_far: str
    closed_day: str
    person_off: str
    nobody_works: str
    nothing_free_then: str  # with any of several who were asked for
    here: str  # in the branch, where the tenant has others
    outside_hours: str
    off_grid: str
    taken: str
    among_staff: str  # one of those who come together is with them
    taken_for_group: str
    other_hours: str
    with_staff: str
    holiday: str
    # a request to book
    appointment: str
    in_branch: str
    for_customer: str
    another_beside: str
    rename_or_another: str
    change_or_another: str
    one_of_beside: str
    beside_or_replaced: str
    beside_or_moved: str
    beside_or_none: str
    moved_beside: str
    further_or_instead: str
    further_or_one_of: str
    group_further_or_in_turn: str
    further_or_cancel: str  # in another branch
    nobody_does: str
    not_in_one_visit: str
    one_person_at_a_time: str
    which_for_whom: str  # several services, and people beside the caller
    too_many_services: str
    too_many_people: str
    only_one_by_one: str  # of a remote calendar
    one_by_one_first: str  # before what is free for the first person
    one_by_one_whom: str
    one_by_one_next: str
    own_birth_date_each: str
    services_of_companions: str
    several_of_one_name: str
    group_offer_gone: str
    name_of_companion: str
    or_alone: str
    only_for: str
    only_one: str
    only_this_one: str
    names_of_companions: str
    guest_of: str
    group_partly: str
    when_to_book: str
    whose_name: str
    what_time_exactly: str
    no_appointments_here: str
    nothing_bookable: str
    what_to_book: str
    what_to_book_of_many: str
    that_service: str
    service_not_found: str  # the business may have it all the same, by another name
    no_service_found: str  # its words cannot be said
    no_appointment: str  # the tenant has declared an answer about it
    can_book: str
    can_book_some: str
    want_that: str
    want_which: str
    nobody_of_name: str
    not_by_person: str  # who works here, but does not do the service
    person_elsewhere: str
    person_not_understood: str
    person_not_known: str  # described by a role or otherwise, not named
    service_by: str
    whom_to_see: str
    only_time_moved: str
    rest_noted: str  # the unknown fields of a booking
    rest_noted_of_one: str
    not_all_noted: str
    nothing_else_noted: str  # with a place on the waiting list
    cancels_here: str
    cancels_not_here: str
    phone_needed: str
    phone_missing: str  # asked once before a booking
    phone_unusable: str  # the number that the call shows
    phone_unclear: str
    phone_half: str  # and one whose digits are no number
    phone_invalid: str  # digits enough, of no subscriber
    phone_noted: str
    not_with_offered: str
    booked_name: str
    which_full_name: str  # of an appointment that is booked, or before a booking that cannot be renamed
    which_full_names: str  # of those of a group
    phone_not_noted: str
    phone_stays: str
    phone_was_half: str
    phone_was_unclear: str
    phone_only_heard: str  # unclear digits, which only the notes have
    phone_as_heard: str  # in the notes, for the business
    is_email_right: str
    which_email: str
    spelled_email: str
    # what became of a booking or a move
    booking_in_flight: str
    booking_refused: str
    search_refused: str
    just_cancelled: str
    booking_requested: str
    booked: str
    already_booked: str
    move_further: str
    name_changed: str
    phone_changed: str
    email_changed: str
    no_mail: str  # of a tenant without mails to customers
    note_added: str
    birth_date_changed: str
    birth_date_unchanged: str
    not_corrected: str
    instead_with: str
    team_changes_calendar: str
    calendar_unchanged: str
    change_in_calendar: str  # to the team
    changed_detail: str
    written_name: str
    written_phone: str
    written_email: str
    written_note: str
    group_booked: str
    group_already_booked: str
    group_also: str
    group_in_turn: str
    calendar_has_to_confirm: str
    other_unknown: str
    other_stays: str
    others_stay: str
    is_person_changed: str
    is_offered_person_meant: str
    is_service_changed: str
    is_branch_changed: str
    which_to_move: str
    each_is_moved: str
    when_to_move: str
    when_to_move_there: str
    not_offered_any_more: str
    say_cancel: str
    move_in_flight: str
    changed_meanwhile: str
    cancelled_or_over: str
    move_refused: str
    move_requested: str
    moved: str
    was_before: str  # of a moved appointment
    # limits
    limit_of_call: str
    one_appointment: str
    several_appointments: str
    limit_of_call_for_group: str
    limit_of_caller_for_group: str
    limit_of_anonymous_for_group: str
    limit_of_caller: str
    limit_of_anonymous: str
    # a caller's own appointments
    past_named: str
    impossible_named: str
    named_not_understood: str
    already_cancelled: str
    each_is_cancelled: str
    none_of_number: str
    none_left: str
    number_not_shown: str  # withheld, or forwarded without it: which of the two is not known
    not_found: str
    none_then: str
    is_it_the_one: str
    is_it_of_another: str
    none_of_customer: str
    none_other: str
    which_of_many: str
    which_of: str
    one_found: str
    one_booked: str  # which may be another person's
    several_found: str
    and_more: str
    which_to_cancel: str
    cannot_cancel: str
    cancelled: str
    say_what_for_a_new_one: str
    stays: str
    shall_i_cancel: str
    shall_i_cancel_other: str  # one that may be another person's
    yes_or_no: str  # before a question that was not answered clearly
    can_move_too: str  # before the question, so that a yes answers the cancellation alone
    # verification of callers
    ask_name_and_birth_date: str
    ask_name: str
    ask_birth_date: str
    which_year_of_birth: str
    which_age: str  # if the year was not understood
    which_month_of_birth: str
    no_match: str
    too_many_attempts: str
    # messages
    when_to_call_back: str
    whom_for: str
    no_call_back: str  # after one was asked for
    call_back_withdrawn: str  # with nothing else, where the text is too long to be said
    only_call_back: str
    message_too_long: str
    too_many_messages: str
    message_changed_too_often: str
    noted: str
    not_kept: str
    call_back_noted: str
    call_back_in_words: str  # which cannot be said
    call_back_when_closed: str  # behind these two
    call_back_wanted: str  # without any words for it
    message_for: str
    recipient_as_said: str  # who is not of the team, in the caller's words
    message_now: str
    in_one_message: str  # whose text is too long to be said
    reached_at_callers_number: str
    no_number_noted: str
    reached_at_named_number: str  # which is no certain number
    reached_at_number: str
    caller_numbers: Mapping[str, str]  # for the voice model, by `CallerKind`
    what_message: str
    whose_message: str
    number_to_call_back: str
    # the waiting list
    wait_for_when: str
    wait_for_whom: str
    wait_at_number: str
    no_need_to_wait: str
    wait_for_which_time: str
    next_possible_day: str
    wait_for_another_day: str
    waitlist_full: str
    waiting: str
    one_person_waits: str
    they_wait: str
    only_waits: str
    waits_besides: str
    which_place: str
    shall_i_remove: str
    shall_i_remove_place: str  # where the caller has named the waiting list
    appointment_or_place: str
    place_stays: str
    place_removed: str
    places_left: str  # beside the one that is removed
    former_place_stays: str
    does_former_place_stay: str
    rename_or_another_waits: str
    freed_by_team: str
    freed_by_message: str
    freed_in_turn: str
    # branches
    wanted_appointment: str
    wanted_information: str
    such_service: str
    not_there_but: str
    only_there: str
    unknown_branch: str
    want_there: str
    otherwise_name_place: str
    name_place: str
    for_which_branch: str
    digit_for: str
    otherwise_press: str
    press: str
    otherwise_there_are: str
    there_are: str
    again_there: str
    nearest: str
    # business information
    which_day: str
    search_free_times: str
    not_known: str
    nothing_about: str
    more_not_known: str
    marked_absent: str  # by the desk
    marked_present: str
    holders_of_data: Mapping[str, str]  # beside us, for the document of a caller
    subjects_not_known: Mapping[str, str]  # of questions that no topic is for
    topics_not_known: Mapping[str, str]  # by the names of `Topic`
    address: str
    of_branch: str
    street_in_city: str
    postal_code: str
    and_others: str
    our_branches: str
    team_of_several: str
    team_of_one: str
    works_on: str
    speaks: str
    nobody_speaks: str
    languages_not_known: str  # of a member of the team who was named
    done_by: str
    we_offer: str
    not_on_list: str
    named_as_subject: str  # name: of a service that may be a plural
    costs: str
    is_free: str
    are_free: str
    services_cost: str
    prices_not_known: str
    not_offered_now: str
    offered_elsewhere: str
    price_not_known: str
    these_prices_not_known: str  # service: several
    takes: str
    services_take: str
    takes_with: str  # with one staff member, who has an own length or price
    costs_with: str
    is_free_with: str
    price_with: str  # after the price of the others
    free: str
    preparation_not_known: str
    of_it_waiting: str
    and_costs: str
    and_free: str
    and_are_free: str
    and_cost: str
    which_service: str
    # opening hours
    open_as_usual: str
    closed_beside: str
    open_week: str
    closed_week: str
    also_closed: str
    every_day: str
    days_to: str
    today: str
    tomorrow: str
    on_day: str
    on_every: str  # a weekday: Samstags
    day_closed: str
    day_over: str
    day_open: str
    next_opening: str
    open_now: str
    closed_now: str
    still_open_today: str
    no_appointments_that_day: str
    no_appointments_at: str
    and_further_days: str
    closed_from_to: str
    closed_on: str
    hours_from_to: str
    all_day: str
    midnight: str  # where a day ends
    length_of_one_minute: str
    length_in_minutes: str
    # clock times and spans
    clocks: Clocks
    written_spans: Spans
    currencies: Mapping[str, tuple[str, str, str, str]]  # one and several of the whole, and of its parts
    # names, in the order of the week and of the year
    weekdays: tuple[str, ...]
    habitual_weekdays: tuple[str, ...]  # montags
    months: tuple[str, ...]
    digits: tuple[str, ...]
    parts_of_day: Mapping[str, str]  # by the names of `spoken_times`
    languages: Mapping[str, str]  # by ISO 639; others are not said
    email_signs: Mapping[str, str]
