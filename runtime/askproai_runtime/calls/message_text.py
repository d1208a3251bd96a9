"""The text of a message, with the unknown fields beside it: a person will read all of them."""

import re
from dataclasses import replace
from typing import Final

from askproai_runtime.booking import fold
from askproai_runtime.calls.argument_table import fold_key
from askproai_runtime.calls.arguments import TIMES, Arguments

# Whole names of fields that a program adds of itself: no caller has said their values. A part of a name is no sign of them:
# `requested_doctor`, `call_reason`, `insurance_id`.
_OF_PROGRAMS: Final = frozenset({
    "accesstoken", "accountsid", "agentid", "agentname", "agentversion", "apikey", "apiversion", "authtoken", "callid", "callsid",
    "callstatus", "calltimestamp", "calltype", "channelid", "conversationid", "correlationid", "createdat", "endtimestamp",
    "eventid", "executionid", "functioncallid", "llmid", "messageid", "requestid", "requesttimestamp", "runid", "sessionid",
    "sessiontoken", "spanid", "starttimestamp", "tenantid", "threadid", "timestamp", "toolcallid", "toolid", "traceid",
    "userid",
})  # fmt: skip
_ALONE: Final = frozenset({"id", "token", "uid", "uuid", "version"})  # within `insurance` they are a person's
# A caller may have said the value of these, unless it is a program's.
_SETTINGS: Final = frozenset({"callchannel", "channel", "lang", "language", "locale"})
_SETTING = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?|phone|telephone|voice|web", re.IGNORECASE)
_SENTENCE = 4  # so many words mean the same under any name


def note_unread(read: Arguments) -> Arguments:
    """Return the arguments of a message with its unread fields in the text, each with its name.

    A day or a time is one of them: nobody is asked about it.
    """
    noted = {path: text for path, text in read.unread.items() if not _is_of_program(path, text)}
    parts = [read.values["message"]] if "message" in read.values else []
    for path, text in noted.items():
        label = _label(path, text)
        is_repeated = len(text.split()) >= _SENTENCE and fold(text) in map(fold, parts)
        if not is_repeated and f" {fold(label)} " not in f" {fold(' '.join(parts))} ":
            parts.append(label)
    unclear = tuple(name for name in read.unclear if name not in TIMES)
    unread = {path: text for path, text in read.unread.items() if path not in noted}
    values = read.values | ({"message": ", ".join(parts)} if parts else {})
    return replace(read, values=values, unread=unread, unclear=unclear)


def _label(path: str, text: str) -> str:
    keys = path.split(".")
    name = " ".join(keys[-2:] if fold_key(keys[-1]) in _ALONE else keys[-1:]).replace("_", " ")
    return name if text == "true" else f"{name}: {text}"


def _is_of_program(path: str, text: str) -> bool:
    keys = path.split(".")
    key, with_object = fold_key(keys[-1]), fold_key("".join(keys[-2:]))
    if key in _SETTINGS:
        return _SETTING.fullmatch(text.strip()) is not None
    return key in _OF_PROGRAMS or with_object in _OF_PROGRAMS or (with_object in _ALONE and " " not in text)
