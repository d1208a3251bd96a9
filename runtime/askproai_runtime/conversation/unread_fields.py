"""Handle the fields of a request that its function does not read. A message, or the notes of a booking, keep them for a person
to read; after a move or a waiting-list entry, the caller hears that they are not noted. Pure.
"""

import re
from dataclasses import replace
from typing import Final

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.counts import counts_people
from askproai_runtime.conversation.arguments.known_names import KnownNames
from askproai_runtime.conversation.arguments.members import WHOLE
from askproai_runtime.conversation.arguments.owners import belongs_to_caller
from askproai_runtime.conversation.arguments.reading import BEYOND, Arguments
from askproai_runtime.conversation.arguments.table import (
    ARGUMENT_RULES,
    DESCRIBING_KEYS,
    DESCRIPTIONS,
    ENDS,
    FUNCTION_NAMES,
    PREFERENCES,
    TIMES,
    fold_key,
    rules_of,
)
from askproai_runtime.conversation.arguments.texts import NOTES_LIMIT
from askproai_runtime.conversation.instead import AgentFunctions, offer_message
from askproai_runtime.conversation.phone_argument import read_phone
from askproai_runtime.conversation.types import Answer, CallContext, FunctionOutcome
from askproai_runtime.language.customer_names import brings_another
from askproai_runtime.person_names import drop_titles, fold
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

# Whole names of fields that a program adds of itself, or that the business decides alone: no caller has said their values.
# A part of a name is no sign of them: `requested_doctor`, `call_reason`, `insurance_id`.
_OF_PROGRAMS: Final = frozenset({
    "accesstoken", "accountsid", "agentid", "agentname", "agentversion", "apikey", "apiversion", "attempt", "authtoken",
    "callerid", "callid", "callsid", "calltimestamp", "calltype", "channelid", "confidence",
    "confidencescore", "conversationid", "correlationid", "createdat", "dryrun", "endtimestamp", "eventid", "executionid",
    "force", "fromnumber", "functioncallid", "functionname", "isretry", "llmid", "messageid", "reasoning", "requestid",
    "requesttimestamp", "retries", "retry", "runid", "sessionid", "sessiontoken", "spanid", "starttimestamp", "tenantid",
    "thought", "thoughts", "threadid", "timestamp", "tonumber", "toolcallid", "toolid", "toolname", "traceid", "userid",
})  # fmt: skip
_ALONE: Final = frozenset({"id", "token", "uid", "uuid", "version"})  # within `insurance` they are a person's
_WORDS: Final = UNDERSTOOD.fields
_SETTING = re.compile(rf"[a-z]{{2}}(?:[-_][a-z]{{2}})?|{_WORDS.setting}|(?:[\d.,]+ ?)?(?:€|eur|euro)?", re.IGNORECASE)
_SEVERAL = re.compile(_WORDS.several)
_OF_RECORD = re.compile(rf"(?:{_WORDS.of_record})+")
_SENTENCE = 4  # so many words mean the same under any name
_NOTED_IN: Final = {Function.LEAVE_MESSAGE: "message", Function.BOOK_APPOINTMENT: "notes"}
# Answers of the caller to questions of other functions.
_ANSWERS: Final = frozenset(
    fold_key(name) for rule in ARGUMENT_RULES if rule.is_boolean for name in (rule.name, *rule.aliases)
)
# An object of one of these repeats a record of an answer, or has a program's kind of a contact: no caller has said these keys.
_RECORDS: Final = {
    **dict.fromkeys(("branch", "date", "service", "staff", "start", "time"), DESCRIPTIONS - _WORDS.of_persons),
    **dict.fromkeys(("email", "phone"), DESCRIBING_KEYS),
}
_REASONS: Final = tuple(_WORDS.reasons)
_OF_CHOICE: Final = frozenset({"branch", "service", "staff"})


def note_unread(read: Arguments, function: Function, known: KnownNames) -> Arguments:
    """Return the arguments with the unread fields, each with its name, added to the message or notes, if the function has one.

    A message also gets the unread days and times, about which nobody is asked. A field that does not fit into the notes stays
    unread.
    """
    argument = _NOTED_IN.get(function)
    if argument is None:
        return read
    said = {
        path: text
        for path, text in read.unread.items()
        if path != BEYOND and _is_said(read, function, path, text, known)
    }
    parts, noted = [read.values[argument]] if argument in read.values else [], dict[str, str]()
    for path, text in said.items():
        label = _label(path, text)
        is_repeated = len(text.split()) >= _SENTENCE and fold(text) in map(fold, parts)
        if is_repeated or f" {fold(label)} " in f" {fold(' '.join(parts))} ":
            noted[path] = text
        elif len(", ".join([*parts, label])) <= NOTES_LIMIT:  # a message of half of it is refused aloud
            parts.append(label)
            noted[path] = text
    unclear = tuple(name for name in read.unclear if function is not Function.LEAVE_MESSAGE or name not in TIMES)
    unread = {path: text for path, text in read.unread.items() if path not in noted}
    values = read.values | ({argument: ", ".join(parts)} if parts else {})
    return replace(read, values=values, unread=unread, unclear=unclear, noted=noted)


def say_unread(
    answer: Answer, read: Arguments, function: Function, known: KnownNames, agent: AgentFunctions, call: CallContext
) -> Answer:
    """Return the answer to a successful booking, move or waiting-list entry, with a sentence about unread fields.

    A move leaves nothing undone for its reason, nor for the number of the call.
    """
    if not answer.success:
        return answer
    left = {path for path, text in read.unread.items() if _is_said(read, function, path, text, known)}
    if function is Function.RESCHEDULE_APPOINTMENT:
        left = {path for path in left if not _is_beside_move(path, read.unread[path], known, call)}
    match function:
        case Function.BOOK_APPOINTMENT:
            is_single = answer.outcome is FunctionOutcome.BOOKED and "appointments" not in answer.fields
            brings = is_single and brings_another(read.values.get("notes", ""), read.values.get("customer_name", ""))
            of_several = brings or any(map(means_several, read.noted, read.noted.values()))
            return _say_noted(answer, is_any=bool(read.noted), is_all=not left, of_several=of_several)
        case Function.RESCHEDULE_APPOINTMENT if left:
            is_time_only = read.values.keys().isdisjoint({"service", "staff"})
            sentence = say().only_time_moved if is_time_only else say().nothing_else_noted
            if say().only_time_moved not in answer.message:
                answer = replace(answer, message=f"{answer.message} {sentence}")
        case Function.JOIN_WAITLIST if left:
            answer = replace(answer, message=f"{answer.message} {say().nothing_else_noted}")
        case _:
            return answer
    rules = rules_of("book_appointment")
    keys = {fold_key(path.partition(".")[0]) for path in left}
    is_choice = all(key in rules and rules[key].name in _OF_CHOICE for key in keys)
    return answer if is_choice else offer_message(answer, agent)


def _is_beside_move(path: str, text: str, known: KnownNames, call: CallContext) -> bool:
    """Return True if a field is a reason that names no service and nobody of the team, or says the number of the call."""
    key = fold_key(path.rpartition(".")[2])
    rule = rules_of("book_appointment").get(key)
    if rule is not None and rule.name == "phone":
        heard = read_phone(text, known.config, call)
        return not heard.has_number or (call.caller is not None and heard.number == call.caller)
    return key.endswith(_REASONS) and not known.find_mentioned(text)


def means_several(path: str, text: str) -> bool:
    """Return True if a noted field may mean several appointments or people: `recurrence`, or "fünf Haarschnitte"."""
    key = fold_key(path)
    is_count = key == "service" or key in _WORDS.counts or counts_people(path, text)
    return is_count or _SEVERAL.search(fold(f"{path} {text}")) is not None


def _say_noted(answer: Answer, *, is_any: bool, is_all: bool, of_several: bool) -> Answer:
    """Return the answer with sentences that some fields were noted (`is_any`), and not all were (unless `is_all`). If the notes
    mean several appointments (`of_several`), they say that there is one.
    """
    questions = (say().which_full_name, say().which_full_names.partition("{")[0])
    at = max(answer.message.rfind(each) for each in questions) if answer.fields.get("needs_name") else -1
    told, question = (answer.message[:at], answer.message[at:]) if at >= 0 else (answer.message, "")
    if is_any:  # a later request says of the fields what the first one says
        told = told.replace(say().note_added, "")
    is_one = of_several and "appointments" not in answer.fields
    sentences = [say().rest_noted_of_one if is_one else say().rest_noted] if is_any or of_several else []
    sentences += [] if is_all else [say().not_all_noted]
    return replace(answer, message=f"{' '.join([told, *sentences])}{question}")


def _is_said(read: Arguments, function: Function, path: str, text: str, known: KnownNames) -> bool:
    """Return True if an unread field may have words of the caller and says more than the request's other arguments."""
    if _is_of_program(path, text) or not drop_titles(text):  # "Frau" is a part of a name
        return False
    outer, _, key = path.rpartition(".")
    key, rule = fold_key(key), rules_of("book_appointment").get(fold_key(outer.rpartition(".")[2]))
    is_answer = key in _ANSWERS and len(text.split()) < _SENTENCE  # "confirmed: vielleicht" is asked about, or nothing
    if function is Function.LEAVE_MESSAGE:
        return not is_answer
    is_record = rule is not None and key in _RECORDS.get(rule.name, ())
    is_once = fold(text) in _WORDS.once or (text == "1" and key in _WORDS.counts)
    if is_record or is_once or is_answer or key in ENDS or _drop_record(key) in _WORDS.summaries:
        return False
    return not known.is_business("staff", text) and not known.repeats_service(read.values, path, text)


def _label(path: str, text: str) -> str:
    """Return a field's text with its name, and with the name of its object unless that is the caller's own."""
    outer, _, key = path.rpartition(".")
    holder = outer.rpartition(".")[2]
    is_own = not holder or belongs_to_caller(holder)
    name = (key if is_own else f"{holder} {key}").replace("_", " ")
    if path in {WHOLE, "service"}:
        return text
    return name if text == "true" else f"{name}: {text}"


def _is_of_program(path: str, text: str) -> bool:
    keys = path.split(".")
    key, with_object = fold_key(keys[-1]), fold_key("".join(keys[-2:]))
    about = _drop_record(key) or _drop_record(with_object)
    if about in _WORDS.reports or text in FUNCTION_NAMES:
        return True
    if (about or key) in _WORDS.settings and fold_key("".join(keys[-2:-1])) not in PREFERENCES:
        return _SETTING.fullmatch(text.strip()) is not None
    return key in _OF_PROGRAMS or with_object in _OF_PROGRAMS or (with_object in _ALONE and " " not in text)


def _drop_record(key: str) -> str:
    """Return what a folded key says of the appointment, the call or a message about it: `sent`; "" for any other key."""
    found = _OF_RECORD.match(key)
    return key[found.end() :] if found else ""
