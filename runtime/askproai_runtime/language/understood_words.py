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


class Arguments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    noes: frozenset[str]
    not_yet: str
    before_further: str
    further_one: str
    behind_further: str
    please: str
    cancel: str
    yes: frozenset[str]
    more_than_name: str
    at_staff: str
    with_staff: frozenset[str]
    with_whom: frozenset[str]
    exclude: str
    excluding: frozenset[str]
    negations: frozenset[str]
    beside_staff: frozenset[str]
    beside_places: frozenset[str]
    and_words: str
    and_or: str
    on_day: str
    o_clock: str
    this_or_next: Mapping[str, str]
    labels: Mapping[str, str]


class ArgumentNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    preferences: frozenset[str]
    parties: frozenset[str]
    descriptions: frozenset[str]
    durations: frozenset[str]
    free_texts: frozenset[str]
    exclusions: frozenset[str]
    companions: frozenset[str]
    booked: str
    made_for: str
    persons: str
    whom: str
    name_of: str
    name: str
    of_anything: str
    callers: frozenset[str]
    all_names: frozenset[str]
    first_names: frozenset[str]
    last_names: frozenset[str]
    nobody: str
    caller: str
    caller_endings: str
    past: str
    aliases: Mapping[str, str]


class TimeNames(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    of_time: str
    of_other_time: str
    of_appointment: str
    bounds: frozenset[str]
    after: frozenset[str]
    before: frozenset[str]
    range_begins: frozenset[str]
    ends: frozenset[str]
    day: frozenset[str]
    date: frozenset[str]
    week: frozenset[str]
    month: frozenset[str]
    year: frozenset[str]
    hour: frozenset[str]
    minute: frozenset[str]
    time: frozenset[str]
    booked: frozenset[str]
    appointment: frozenset[str]
    old: frozenset[str]
    old_appointment: frozenset[str]
    new: frozenset[str]
    new_appointment: frozenset[str]
    new_date: frozenset[str]
    new_time: frozenset[str]
    of_new: str


class PeopleCounts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    numbers: Mapping[str, int]
    few: str
    people: str
    more: str
    before_together: str
    together: str
    we_are: str
    group_of: str
    how_many: str
    number_of: str
    between: str
    of_whom: str
    size: str
    count_alone: str


class CallingNumber(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    of_call: frozenset[str]
    call: frozenset[str]
    number: frozenset[str]
    from_where: frozenset[str]
    here: frozenset[str]
    same: frozenset[str]
    this: frozenset[str]
    approving: frozenset[str]
    call_back: frozenset[str]
    number_to_call_back: frozenset[str]
    own: frozenset[str]
    mobile: frozenset[str]
    beside: frozenset[str]
    seeing: frozenset[str]
    his: frozenset[str]
    he: frozenset[str]
    agent: frozenset[str]
    no_other: str


class Choices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    no_further: str
    only_move: str
    further: str
    replacing: str
    about_name: str
    denied: str
    changes: str
    rename: str
    said: Mapping[str, str]


class Companions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    relatives: frozenset[str]
    others: frozenset[str]
    several: frozenset[str]
    wife_of: str
    possessives: str
    before: frozenset[str]
    alone: frozenset[str]
    beside_alone: frozenset[str]
    family: str
    before_family: str
    for_whom: frozenset[str]
    of_whom: frozenset[str]
    also: frozenset[str]
    caller: frozenset[str]
    beside: frozenset[str]
    beside_persons: frozenset[str]
    appointment_is: frozenset[str]
    before_number: frozenset[str]


class Days(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    keeps: str
    caller_article: str
    caller: str
    caller_begins: str
    says: str
    said: str
    now: str
    places: Mapping[str, int]
    place: str
    place_ending: str
    article: str
    of_them: str
    of_month: str
    ordinal_ending: str
    day: str


class Declared(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    says_little: frozenset[str]
    open_questions: frozenset[str]
    needs: str
    takes: str
    sells: str
    denies: str
    caller: frozenset[str]
    pays: str
    two_words: str


class DeclaredSubjects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    age: str
    online_address: str
    reductions: str


class Meanings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    prescription: str
    referral: str
    emergency: str
    patient: str
    voucher: str
    pet: str
    internet: str
    card: str
    parking: str
    sick_note: str
    toilet: str


class Digits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    units: Mapping[str, str]
    alone: Mapping[str, str]
    teens: Mapping[str, str]
    tens: Mapping[str, str]
    before_tens: Mapping[str, str]
    repeats: Mapping[str, int]
    times: frozenset[str]
    plus: frozenset[str]
    conjunction: frozenset[str]
    aside: frozenset[str]


class Introductions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    before: str
    before_sign: str
    as_said: str
    own_name: str
    name_is: str
    calling: str
    article: str
    appointment: str
    for_name: str
    of_name: str
    for_whom: str
    denied: str
    instead: str
    behind: str
    with_letter: str
    letter: str
    at_end: str
    letter_as: str
    last_name: str
    greeting: str
    before_name: str
    before_names: str
    here: str
    at_place: str
    behind_name: str


class KeptTimes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    between_clauses: str
    doubts: str
    spelled_as: str
    harmless: str
    no_sign: str
    with_sign: str
    sign: str
    now_right: str
    before_hour: str
    behind_hour: str
    numbered: str
    zero: str
    beside_answers: frozenset[str]


class Messages(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    when: frozenset[str]
    withdraws: frozenset[str]
    only_yes: frozenset[str]
    call_back: str


class Phones(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    begins: str
    kinds: str
    label: str
    between: str


class Emails(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    at: str
    dot: str
    underscore: str
    hyphen: str
    plus: str
    dash: str
    before_dash: frozenset[str]
    stand_ins: frozenset[str]
    sample_names: frozenset[str]
    nobody: frozenset[str]
    corrected: str


class Fields(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    settings: frozenset[str]
    setting: str
    of_persons: frozenset[str]
    counts: frozenset[str]
    once: frozenset[str]


class Names(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    particles: frozenset[str]
    before_surname: str
    written_title: str
    first_names: frozenset[str]
    customers: frozenset[str]
    roles: frozenset[str]
    samples: frozenset[str]
    of_sentences: frozenset[str]
    unknown: frozenset[str]
    legal_form: str
    before_firm: str
    child_in_firm: str
    partners_in_firm: str
    and_word: str
    several: str
    of_estate: str
    before_place: str
    not_yet: str
    things: frozenset[str]
    greetings: frozenset[str]
    begins_clause: frozenset[str]


class NoMatter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    any_will_do: frozenset[str]
    beside: frozenset[str]
    indifferent: str
    of_the_trade: frozenset[str]
    whoever: frozenset[str]
    free: frozenset[str]
    beside_free: frozenset[str]


class Notes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    second: str
    corrects: str
    of_customer: str
    if_possible: str
    before_clock: frozenset[str]
    behind_clock: str


class OwnAppointments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    and_words: str
    of_two: frozenset[str]
    place_of_two: str
    last: frozenset[str]
    beside_place: frozenset[str]
    beside: frozenset[str]
    period: str
    other: str
    first_no: str
    negation: str
    to_new: str
    no_names: frozenset[str]
    waiting_place: str
    clause_begins: str
    keeps_place: str


class People(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    of_whom: str
    behind_of: str
    with_whom: str
    and_words: str
    beside: str
    joins: frozenset[str]
    also: str
    before_age: str
    age_unit: str
    of_age: str
    counted: str
    instead_of: str
    reached_by: str
    unknown_part: str
    born: str
    title: str


class KnownPeople(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    of_relative: str
    before_owner: str
    names_another: frozenset[str]
    of_whom: str
    titles: str
    no_problem: str
    refuses: str
    beside: frozenset[str]
    denies: str


class DescribedStaff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    describing: frozenset[str]
    roles: frozenset[str]
    articles: frozenset[str]


class Placeholders(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    of_programs: frozenset[str]
    empty: str
    not_named: frozenset[str]
    refused: frozenset[str]
    beside_not_named: frozenset[str]
    field: frozenset[str]
    beside_field: frozenset[str]


class Places(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    article: str
    offer: str
    before_place: str
    on_place: str
    day: str
    before_this: str
    this: str
    before_beside: str
    after_it: str
    before_it: str
    later_than: str
    earlier_than: str
    near_day: str
    other_day: str
    asks_for_times: str


class Subjects(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    parking: str
    age: str
    payment: str
    insurer_pays: str
    access: str
    own_number: str
    online_address: str
    reductions: str
    preparation: str


class Questions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    yes_or_no: str
    and_words: str
    before_pair: str
    behind_pair: str
    titles: frozenset[str]
    before_name: frozenset[str]
    to_pay: str
    within_amount: str
    no_amount: str
    something_to_pay: str
    article: str
    asks_for_noun: str
    nouns_of_nothing: frozenset[str]
    inflected: str
    adverb: str
    before_noun: frozenset[str]
    beside_noun: frozenset[str]
    somebody: str
    works: str
    when: str
    own_appointment: str
    of_business: str
    each_by_itself: str
    together: str
    price_or_length: str
    between_names: frozenset[str]


class Topics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    prices: str
    service: str
    opening_hours: str
    closed_days: str
    address: str
    staff: str
    cancellation: str
    names: Mapping[str, str]


class NamedTopics(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    prices: str
    service: str
    opening_hours: str
    closed_days: str
    address: str
    staff: str
    cancellation: str


class OpeningHours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    greeting: str
    asking: frozenset[str]
    of_appointment: frozenset[str]
    exceptions: frozenset[str]
    now: frozenset[str]
    beside_now: frozenset[str]
    asking_now: frozenset[str]
    until: frozenset[str]


class QuestionWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    asks_nothing: frozenset[str]
    branches: frozenset[str]
    beside_branches: frozenset[str]
    no_nouns: frozenset[str]
    relatives: frozenset[str]


class CoveredWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    prices: frozenset[str]
    service: frozenset[str]
    opening_hours: frozenset[str]
    address: frozenset[str]
    staff: frozenset[str]
    cancellation: frozenset[str]


class Replies(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    claim: str
    reporting: str
    appointment: str
    denial: str
    no_preference: str
    not_for: str
    former: str
    in_place_of: str
    with_whom: str
    hour_of_one: frozenset[str]
    before_hour: str
    o_clock: str
    half_of_day: str
    behind_clock: str
    own: str
    own_appointment: frozenset[str]
    i_mean: str
    move: frozenset[str]
    book: frozenset[str]
    small: frozenset[str]


class Services(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    conjunction: frozenset[str]
    endings: frozenset[str]
    joining: frozenset[str]
    joins_names: str
    number: str
    time_unit: str
    minutes: str
    times_over: str
    repeatedly: str
    for_whom: frozenset[str]
    people: str
    us_both: str
    instead: frozenset[str]
    not_wanted: frozenset[str]
    special_kinds: frozenset[str]
    word_ends: frozenset[str]
    beside_parts: frozenset[str]
    any_compound: frozenset[str]


class BeautyServices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    hair: frozenset[str]
    cut: frozenset[str]
    beard: frozenset[str]
    color: frozenset[str]
    wash: frozenset[str]
    blow_dry: frozenset[str]
    perm: frozenset[str]
    women: frozenset[str]
    men: frozenset[str]
    children: frozenset[str]
    massage: frozenset[str]
    nail: frozenset[str]
    manicure: frozenset[str]
    pedicure: frozenset[str]
    lash: frozenset[str]
    brow: frozenset[str]
    face: frozenset[str]
    hair_removal: frozenset[str]


class OtherServices(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    check: frozenset[str]
    cleaning: frozenset[str]
    consultation: frozenset[str]
    tyre: frozenset[str]
    repair: frozenset[str]
    inspection: frozenset[str]
    lesson: frozenset[str]
    vaccination: frozenset[str]
    therapy: frozenset[str]


class ServiceTexts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    catalogue_minutes: str
    adding: frozenset[str]
    opening: frozenset[str]
    together_with: frozenset[str]
    oneself: frozenset[str]
    three: str
    four: str
    generic: frozenset[str]
    with_generic: frozenset[str]


class Staff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    colleague: str
    of: str
    not_only: str
    not_wanted: frozenset[str]
    all_but: frozenset[str]
    but: frozenset[str]
    alternative: frozenset[str]
    conjunction: frozenset[str]
    instead: frozenset[str]
    otherwise: frozenset[str]
    first_choice: frozenset[str]
    filling: frozenset[str]
    describing: str
    somebody: frozenset[str]
    signs: Mapping[str, str]
    before_with: str
    not_with: str
    with_whom: str
    without_whom: str
    excludes: str
    phrases: Mapping[str, str]


class OneMore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """TODO"""

    adds: str
    also: str
    also_at: str
    several: str
    changes: str
    another_time: str
    instead: str
    takes_back: str
    company: str
    behind_companion: str


class Understood(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The words of one language, or of all."""

    answers: Answers
    declines: Declines
    cancellations: Cancellations
    arguments: Arguments
    argument_names: ArgumentNames
    time_names: TimeNames
    people_counts: PeopleCounts
    calling_number: CallingNumber
    choices: Choices
    companions: Companions
    days: Days
    declared: Declared
    declared_subjects: DeclaredSubjects
    meanings: Meanings
    digits: Digits
    introductions: Introductions
    kept_times: KeptTimes
    messages: Messages
    phones: Phones
    emails: Emails
    fields: Fields
    names: Names
    no_matter: NoMatter
    notes: Notes
    own_appointments: OwnAppointments
    people: People
    known_people: KnownPeople
    described_staff: DescribedStaff
    placeholders: Placeholders
    places: Places
    subjects: Subjects
    questions: Questions
    topics: Topics
    named_topics: NamedTopics
    opening_hours: OpeningHours
    question_words: QuestionWords
    covered_words: CoveredWords
    replies: Replies
    services: Services
    beauty_services: BeautyServices
    other_services: OtherServices
    service_texts: ServiceTexts
    staff: Staff
    one_more: OneMore
