"""The arguments that each call function reads, their other names, and how any other value is handled.

`docs/reference/arguments.md` is generated from this table.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from askproai_runtime.understood import UNDERSTOOD

_KEYS: Final = UNDERSTOOD.argument_names
_NOT_WORD = re.compile(r"[^a-zäöüß0-9]+")
_SEARCH, _BOOK, _JOIN = "check_availability", "book_appointment", "join_waitlist"
_FIND, _MOVE, _CANCEL = "find_appointments", "reschedule_appointment", "cancel_appointment"
_INFORM, _NOTE, _DECLINE = "business_information", "leave_message", "decline_recording"
FUNCTION_NAMES: Final = (_SEARCH, _BOOK, _JOIN, _FIND, _MOVE, _CANCEL, _INFORM, _NOTE, _DECLINE)
_NEW_TIME = (_SEARCH, _BOOK, _JOIN, _MOVE)
_KNOWN_APPOINTMENT = (_MOVE, _CANCEL)
_YES_OR_NO = "true or false, also as a whole yes or no in words (`ja bitte`, `not yet`)"


@dataclass(frozen=True, slots=True)
class ArgumentRule:
    """One argument: the functions that read it, its allowed values (`may_be`), and how other values are handled (`otherwise`).

    `aliases` are its other names. With `only_for`, only aliases name it, and only in these functions. `is_choice`: "no matter"
    counts as absent. `is_text`: all texts of a list or an object are joined to its value.
    """

    name: str
    functions: tuple[str, ...]
    may_be: str
    otherwise: str
    aliases: tuple[str, ...] = ()
    is_choice: bool = False
    is_boolean: bool = False
    is_text: bool = False
    only_for: tuple[str, ...] | None = None

    def is_named(self, name: str) -> bool:
        return name in self.aliases or (name == self.name and self.only_for is None)

    def is_labelled(self, key: str, value: str) -> bool:
        """Return whether a folded key is the label of a value that has no other label: `customer_name: Petra Lange`."""
        return key in map(fold_key, (self.name, *self.aliases)) and ":" not in value and "=" not in value


_ADDED: Final = (  # names of `service` whose value is one more
    "second_service", "service1", "service_1", "service2", "service_2", "additional_service", "additional_services", "addon",
    "addons", "add_on", "add_ons", "extra_service", "extra_services",
)  # fmt: skip
_RULES: Final = (
    ArgumentRule(
        "service", (_SEARCH, _BOOK, _JOIN, _INFORM, *_KNOWN_APPOINTMENT),
        "a name of the service, several by comma, or a list of names; for a new appointment, one more in `second_service` and its"
        " like; for a known appointment it names that one, or the service that a move books in its place",
        "an unknown name is asked about, with those that sound alike; for a new appointment a day, an hour, a person of the team or"
        " a count of people in it is read as that argument; an answer says that the rest is not understood, and notes it",
        ("service_name", "services", "service_type", "service_id", "appointment_type", "treatment", "treatment_type",
         "type_of_service", "requested_service", "event_type", *_ADDED),
        is_choice=True,
    ),
    ArgumentRule(
        "staff", (_SEARCH, _BOOK, _JOIN, *_KNOWN_APPOINTMENT, _INFORM),
        "a name of the person, or the id of `slots`; of a move, with whom it is then; of a cancellation, which one is meant; "
        "of a question, whose days",
        "an unknown name is refused, with those who do the service; the name of the business is as absent",
        ("staff_name", "staff_id", "staff_member", "stylist", "stylist_name", "employee", "employee_name", "provider",
         "provider_name", "doctor", "doctor_name", "barber", "therapist", "practitioner", "person", "preferred_staff",
         "staff_preference", "resource", "with", "preferred_stylist", "preferred_employee", "employee_id", "requested_stylist",
         "requested_staff", "hairdresser", "team_member", "staff_members", "stylist_id", "provider_id"),
        is_choice=True,
    ),
    ArgumentRule(
        "branch", (_SEARCH, _BOOK, _JOIN, _INFORM, _MOVE),
        "name, place, postal code or number of a branch, or “as always”; a move keeps its branch: with another one it is asked"
        " whether to cancel and book there",
        "asked for, where there are several",
        ("branch_name", "branch_id", "location", "location_name", "store", "office"), is_choice=True,
    ),
    ArgumentRule(
        "date", (*_NEW_TIME, _INFORM),
        "a day or several in words or `YYYY-MM-DD`, or a list of them; `2026/12/10`, `10.12.2026`; midnight beside it is no time",
        "asked for by itself; a date that is over is named; a date that the caller's words cannot mean is asked "
        "about; `10/12/26` is asked about where both readings are to come; for the"
        " waiting list “no matter” is any day",
        ("day", "wanted_date", "preferred_date", "requested_date", "new_date", "booking_date", "desired_date", "target_date",
         "date_str", "date_string", "start_date", "weekday", "day_of_week", "month", "week", "calendar_week",
         "date_range", "relative_date"),
        is_choice=True,
    ),
    ArgumentRule(
        "time", _NEW_TIME,
        "a time or a range in words or `HH:MM`, or a list of them; `14h30`, `2:30 PM`, `10:00-11:00`, `>=15:00`",
        "asked for by itself, and the day is kept; an hour beside the only one that the caller has said is asked "
        "about; `10:00Z` as in `start`; never a number of seconds",
        ("hour", "time_slot", "timeslot", "preferred_time", "requested_time", "new_time", "booking_time", "desired_time",
         "start_time_local", "time_of_appointment", "time_range", "time_window", "time_frame"),
        is_choice=True,
    ),
    ArgumentRule(
        "part_of_day", _NEW_TIME,
        "a part of the day in German or English, `AM`, `PM`",
        "asked for; beside a time outside of it (`08:00` and `abends`), it is asked which is meant; `8 Uhr` and `abends` are 20:00",
        ("daypart", "day_part", "time_of_day", "period", "time_preference", "am_pm", "ampm", "meridiem", "after", "not_before",
         "earliest", "earliest_time", "from", "before", "not_after", "latest", "latest_time", "until", "to"),
        is_choice=True,
    ),
    ArgumentRule(
        "timezone", _NEW_TIME,
        "the zone of the branch, which changes nothing",
        "with another one, beside an hour that the caller has not said, it is asked once whether the time is local;"
        " noted with a `call_back`",
        ("time_zone", "tz"),
    ),
    ArgumentRule(
        "start", _NEW_TIME,
        "`start` of an offered time, unchanged: ISO 8601, local or with the offset of the branch's zone; also as an interval, in a"
        " search beside an `end` more than an hour later, or its place in the offer (`slots[0]`, `slot_1`)",
        "with `Z` or another offset both readings are asked about, unless the caller names one or was offered it; so is a"
        " contradiction to the others",
        ("datetime", "date_time", "start_time", "starts_at", "start_at", "slot", "slot_start", "slot_time", "selected_slot",
         "start_datetime", "start_date_time", "datetime_iso", "appointment_datetime", "date_and_time", "when", "new_start",
         "new_datetime", "new_start_time", "new_slot", "time_start"),
        is_choice=True,
    ),
    ArgumentRule(
        "date", (_SEARCH, _BOOK, _JOIN), "", "", ("appointment_date",),
        only_for=(_SEARCH, _BOOK, _JOIN), is_choice=True,
    ),
    ArgumentRule(
        "time", (_SEARCH, _BOOK, _JOIN), "", "", ("appointment_time",),
        only_for=(_SEARCH, _BOOK, _JOIN), is_choice=True,
    ),
    ArgumentRule(
        "appointment_date", _KNOWN_APPOINTMENT,
        "as `date`: the day of the appointment that is to be moved or cancelled; also `old` or `from` beside `new` or `to`",
        "asked for, with the appointments that there are",
        ("old_date", "current_date", "original_date", "existing_date"),
    ),
    ArgumentRule(
        "appointment_time", _KNOWN_APPOINTMENT,
        "as `time`: the time of that appointment",
        "asked for, with the appointments that there are",
        ("old_time", "current_time", "original_time", "existing_time"),
    ),
    ArgumentRule(
        "appointment_date", (_CANCEL,), "", "",
        ("date", "day", "weekday", "day_of_week", "start", "datetime", "date_time", "start_time"),
        only_for=(_CANCEL,),
    ),
    ArgumentRule("appointment_time", (_CANCEL,), "", "", ("time",), only_for=(_CANCEL,)),
    ArgumentRule(
        "appointment_id", (_BOOK, *_KNOWN_APPOINTMENT),
        "`appointment_id` of an answer",
        "an unknown one is answered with the caller's appointments; if the caller's words name another one, a move asks "
        "which, and a cancellation asks about that one",
        ("id", "booking_id", "appointment_uid", "booking_uid", "uid"),
    ),
    ArgumentRule("appointment_id", (_CANCEL,), "", "", ("waitlist_id",), only_for=(_CANCEL,)),
    ArgumentRule(
        "customer_name", (_BOOK, _JOIN, _NOTE, _FIND, *_KNOWN_APPOINTMENT),
        "the name of a person, also as `first_name` and `last_name`; a booking takes its person (`booked_for`, `patient`,"
        " `child_name`), and all people of a list of `names` or of “Petra und Otto Lange”; words around a name are left out,"
        " and what is in parentheses or behind a comma is a note (“Petra Lange, Otto Lange” is asked about once)",
        "placeholders (`{{customer_name}}`, `[NAME]`), “Kunde”, “caller”, titles and relations are no name: it is asked for, and so"
        " are sentences and several people (“Familie Lange”, “Petra Lange und Sohn”)",
        ("name", "full_name", "client_name", "caller_name", "patient_name", "guest_name", "user_name", "customer",
         "attendee_name", "contact_name", "person_name", "invitee_name", *sorted(_KEYS.first_names | _KEYS.last_names)),
    ),
    ArgumentRule(
        "phone", (_BOOK, _JOIN, _NOTE),
        "a telephone number; “this number” is that of the call",
        "the number of the call counts, also for `0`; the waiting list and a call-back ask for one",
        ("phone_number", "phonenumber", "telephone", "mobile", "mobile_number", "customer_phone", "contact_number",
         "callback_number", "tel", "number", "caller_phone", "caller_number"),
    ),
    ArgumentRule(
        "email", (_BOOK,),
        "an e-mail address, written or in words",
        "asked for again, or left out by the reply; one that says that there is none, or that is made up"
        " (`test@test.de`, `@example.com`, `0`), is as absent",
        ("email_address", "mail", "e_mail", "customer_email", "mail_address", "attendee_email"),
    ),
    ArgumentRule(
        "birth_date", (_BOOK, _FIND, *_KNOWN_APPOINTMENT),
        "a date with its year, in digits or in words",
        "asked for; if it has two readings (`01.05.19`, `03/04/1959`) or the caller has said another, the caller is asked which",
        ("birthdate", "date_of_birth", "dob", "birthday"),
    ),
    ArgumentRule(
        "companions", (_SEARCH, _BOOK, _JOIN),
        "a list of people with `customer_name`, `service` and `staff`; names, or how many they are; under the name of a count"
        " (`party_size`, `quantity`, `anzahl`) how many come in all",
        "an entry without a name counts and is asked about once; one whose fields are all empty is nobody;"
        " the waiting list notes one person, and says so",
        ("guests", "additional_people", "attendees", "participants", "people", "persons", "party_size", "number_of_people",
         "group_size", "companion", "guest", "accompanied_by", "second_person", "plus_one", "husband", "wife", "kids",
         "children", "adults"),
    ),
    ArgumentRule(
        "notes", (_BOOK,), "any text", "as absent",
        ("note", "comment", "comments", "special_requests", "remarks", "description"),
        is_text=True,
    ),
    ArgumentRule(
        "reason", (_CANCEL,), "any text", "as absent", ("cancellation_reason", "cancel_reason"), is_text=True,
    ),
    ArgumentRule("another", (_BOOK,), _YES_OR_NO, "asked for", (), is_boolean=True),
    ArgumentRule("choice", (_BOOK, _JOIN, _MOVE), "one of the `choices` of an answer, as the caller has chosen", "asked again", ()),
    ArgumentRule(
        "confirmed", (_CANCEL, _BOOK, _MOVE), _YES_OR_NO, "no agreement: asked for once, and noted nowhere",
        ("confirm", "confirmation", "user_confirmed"),
        is_boolean=True,
    ),
    ArgumentRule("email_confirmed", (_BOOK,), _YES_OR_NO, "asked for", (), is_boolean=True),
    ArgumentRule("topic", (_INFORM,), "one topic of the function, or several", "`other`", ("category", "subject")),
    ArgumentRule("question", (_INFORM,), "any text", "as absent", ("query",), is_text=True),
    ArgumentRule(
        "message", (_NOTE,), "any text", "asked for", ("text", "content", "note", "notes", "body"),
        is_text=True,
    ),
    ArgumentRule(
        "recipient", (_NOTE,), "any text", "as absent, and so are “no matter”, “someone” and “the team”", ("for", "to")
    ),
    ArgumentRule(
        "call_back", (_NOTE,), "when to call back, in words, or true; false (`no`, `nein`) takes one back; its day and hour also"
        " apart (`callback_date`, or `date` beside an hour)",
        "kept in words, for a person; an answer in writing (`per Mail`) is part of the message",
        ("callback", "callback_time", "call_back_time", "callback_requested", "callback_window",
         "preferred_callback"),
        is_text=True,
    ),
)  # fmt: skip
ARGUMENT_RULES: Final = tuple(
    replace(rule, aliases=(*rule.aliases, *(word for word, name in _KEYS.aliases.items() if rule.is_named(name))))
    for rule in _RULES
)

# Arguments that Retell and its users add to any function. None of ours needs them.
NOT_NEEDED: Final = frozenset({"executionmessage"})
# Names of a preference in words: one about the time is read as `part_of_day`, any other is named as not read.
PREFERENCES: Final = _KEYS.preferences
# Objects that hold the arguments, and those that hold the value of one.
WRAPPERS: Final = frozenset({"args", "arguments", "parameters", "params", "input", "kwargs", "functionarguments"})
VALUE_KEYS: Final = (
    "value", "text", "name", "display_name", "title", "label", "preferred", "requested", "wanted", "primary", "main", "id", "type",
    "iso", "address",
)  # fmt: skip
# Keys of an object that only describe its name: `{name: Kim, title: Stylist}`.
DESCRIBING_KEYS: Final = frozenset({"title", "label", "type"})
# A list under these names echoes what an answer has offered.
OFFERS: Final = frozenset({
    "alternatives", "availableslots", "availabletimes", "offeredslots", "offers", "slots", "suggestedslots", "suggestions",
})  # fmt: skip
# Two values of these that disagree, and what was not read of them, are asked for before anything is done.
DECIDING: Final = frozenset({
    "another", "appointment_date", "appointment_id", "appointment_time", "branch", "choice", "companions", "confirmed",
    "customer_name", "date", "email_confirmed", "part_of_day", "phone", "service", "staff", "start", "time", "timezone",
})  # fmt: skip
TIMES: Final = frozenset({"date", "start", "time", "part_of_day"})
# How many come in all is a number under these names.
PARTIES: Final = _KEYS.parties
# Descriptions of a service, a person or a time that do not narrow it.
DESCRIPTIONS: Final = _KEYS.descriptions
# How long a service lasts, which its name says as well.
DURATIONS: Final = _KEYS.durations
# The end of a start is no other start, in whatever form it is given.
ENDS: Final = UNDERSTOOD.time_names.ends


def fold_key(name: str) -> str:
    """Return an argument's name without case and punctuation: `customerName` and `customer-name` become equal."""
    return _NOT_WORD.sub("", name.casefold())


ADDED_SERVICES: Final = frozenset(map(fold_key, _ADDED))
# The arguments `date`, `time`, `start` and `part_of_day` by their folded names.
OF_DAY_OR_TIME: Final = {
    fold_key(name): rule.name
    for rule in ARGUMENT_RULES if _SEARCH in rule.functions and rule.name in {"date", "part_of_day", "start", "time"}
    for name in (rule.name, *rule.aliases)
}  # fmt: skip


@cache
def rules_of(function: str) -> Mapping[str, ArgumentRule]:
    """Return the rules of a function by the folded names and aliases of its arguments."""
    rules = [rule for rule in ARGUMENT_RULES if function in rule.functions]
    found = {fold_key(rule.name): rule for rule in rules if rule.only_for is None}
    for rule in rules:
        for alias in rule.aliases:
            found.setdefault(fold_key(alias), rule)
    call_backs = {key: rule for key, rule in found.items() if rule.name == "call_back"}
    return {f"{prefix}{key}": rule for prefix, rule in call_backs.items() for key in OF_DAY_OR_TIME} | found
