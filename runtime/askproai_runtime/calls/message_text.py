"""The text of a message, with the unknown fields beside it: a person will read all of them."""

import re
from dataclasses import replace

from askproai_runtime.booking import fold
from askproai_runtime.calls.argument_table import fold_key
from askproai_runtime.calls.arguments import TIMES, Arguments

# Names of fields that a program adds of itself: no caller has said their values.
_OF_PROGRAMS = re.compile(
    r"(?:id|uid|token|stamp|locale|language|lang|channel|version)$|^(?:agent|call|request|session)(?!er)"
)


def note_unread(read: Arguments) -> Arguments:
    """Return the arguments of a message with its unread fields in the text, each with its name.

    A day or a time is one of them: nobody is asked about it.
    """
    noted = {path: text for path, text in read.unread.items() if not _OF_PROGRAMS.search(_last_key(path))}
    parts = [read.values["message"]] if "message" in read.values else []
    for path, text in noted.items():
        if f" {fold(text)} " not in f" {fold(' '.join(parts))} ":
            parts.append(_label(path, text))
    unclear = tuple(name for name in read.unclear if name not in TIMES)
    unread = {path: text for path, text in read.unread.items() if path not in noted}
    values = read.values | ({"message": ", ".join(parts)} if parts else {})
    return replace(read, values=values, unread=unread, unclear=unclear)


def _label(path: str, text: str) -> str:
    name = path.rpartition(".")[2].replace("_", " ")
    return name if text == "true" else f"{name}: {text}"


def _last_key(path: str) -> str:
    return fold_key(path.rpartition(".")[2])
