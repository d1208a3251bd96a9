"""Decide whether a caller's message adds to, or corrects, an earlier message that the same call left for the same person."""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace

from askproai_runtime.book.messages import Message, NewMessage
from askproai_runtime.language.placeholders import leaves_open, names_nothing
from askproai_runtime.person_names import (
    correct_name,
    drop_titles,
    fold,
    is_alike,
    may_be_same,
    names_person,
    same_name,
)
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

CALL_BACK_SEPARATOR = "; "  # between a time and words that were said later
_LONGEST, _LONGEST_CALL_BACK = 500, 200  # of a stored text
_BETWEEN_PARTS = re.compile(r"[.,;:!?]+(?:\s+|$)")

_WORDS = UNDERSTOOD.messages
_IN_WRITING = re.compile(rf"(?:(?:{_WORDS.beside_writing}) )*(?:{_WORDS.in_writing})(?: (?:{_WORDS.beside_writing}))*")
_SPEAKS_OF_CALL_BACK = re.compile(rf"\b(?:{_WORDS.call_back})\b")


def names_no_time(call_back: str) -> bool:
    """Return whether unparsed words about a call-back name no time: only "ja", "bitte" and the like, or "any"."""
    return set(fold(call_back).split()) <= _WORDS.only_yes or is_filler(call_back)


def is_filler(call_back: str) -> bool:
    """Return whether the words about a call-back are only a placeholder such as "any"."""
    return leaves_open(call_back) and _WORDS.when.isdisjoint(fold(call_back).split())


def speaks_of_call_back(text: str) -> bool:
    """Return whether a text speaks of calling somebody back."""
    return bool(_SPEAKS_OF_CALL_BACK.search(fold(text)))


def asks_for_writing(call_back: str) -> bool:
    """Return whether the argument for a call-back asks for an answer in writing instead: "bitte per Mail"."""
    return bool(_IN_WRITING.fullmatch(fold(call_back)))


def withdraws_call_back(call_back: str | None) -> bool:
    """Return True if the argument for a call-back only refuses one ("no", "false"): the caller no longer wants to be called."""
    return fold(call_back or "") in _WORDS.withdraws


def find_amended(
    earlier: Sequence[Message], new: NewMessage, known: Collection[str] = ()
) -> tuple[Message, Message] | None:
    """Return a stored message of the call before and after its amendment by `new`: the message that `new` only repeats, else
    the latest message that it amends. Return None if `new` is a separate message.

    A new number or call-back time amends a message with a call-back first. No words of the caller are lost. A message that is
    done is never amended, since nobody looks at it again. The recipients that the business has are `known`: two of them are
    never one misheard one.
    """
    pairs = [(stored, amended) for stored in reversed(earlier) if (amended := _amend(stored, new, known)) is not None]
    with_call_back = [each for each in earlier if each.call_back is not None]
    is_found = any(stored in with_call_back for stored, _ in pairs)
    is_known = any(names_person(new.recipient or "", name) for name in known)
    if new.withdraws and not (new.text or is_found or is_known) and new.recipient and len(with_call_back) <= 1:
        return find_amended(earlier, replace(new, recipient=None), known)  # only one message can be meant
    if new.withdraws and new.text and not new.recipient and len(with_call_back) == 1:  # with more to say, too
        (only,) = with_call_back
        amended = _amend(only, replace(new, recipient=only.recipient), known)
        pairs += [(only, amended)] if amended is not None else []
    if new.call_back or new.phone or new.withdraws:
        pairs.sort(key=lambda pair: pair[0].call_back is None)
    repeated = [(stored, amended) for stored, amended in pairs if amended == stored]
    return next(iter(repeated + [(stored, amended) for stored, amended in pairs if stored.done_at is None]), None)


def _amend(stored: Message, new: NewMessage, known: Collection[str]) -> Message | None:
    # A message with a new number withdraws no call-back.
    withdraws = new.withdraws and stored.call_back is not None and new.phone in {None, stored.phone, stored.caller}
    # Without another matter, the new number, time or recipient corrects the stored message.
    is_same_matter = not _says_more(new.text) or _holds(stored.text, new.text) or _extends(new.text, stored.text)
    is_only_name = not (new.text or new.phone or new.call_back or new.recipient or new.withdraws)
    is_person = may_be_same if withdraws and (is_same_matter or not new.text) else same_name
    if not (is_person(stored.name, new.name) or is_only_name):
        return None
    is_recipient, recipient = _same_recipient(stored, new), stored.recipient or new.recipient
    if not is_recipient and (is_same_matter or withdraws) and stored.recipient and new.recipient:
        is_known = [any(names_person(each, name) for name in known) for each in (stored.recipient, new.recipient)]
        may_be_one = withdraws and is_alike(drop_titles(stored.recipient), drop_titles(new.recipient))
        if all(is_known) or not (may_be_one or same_name(stored.recipient, new.recipient)):
            return None  # "Hanna" may be a second person beside "Anna"; "Annah" is none
        is_recipient, recipient = True, stored.recipient if is_known[0] else new.recipient
    if not (is_same_matter or (is_recipient and _same_contact(stored, new))):
        return None
    phone, text = new.phone or stored.phone, join_texts(stored.text, new.text)
    if _is_number(stored.phone) and not _is_number(phone):  # a person will read the words beside the number
        phone, text = stored.phone, join_texts(text, say().phone_as_heard.format(said=phone))
    if withdraws:
        text = join_texts(text, say().no_call_back)
    if new.call_back is not None:  # it is wanted after all
        text = text.replace(say().no_call_back, "").strip() or say().only_call_back
    if len(text) > _LONGEST:
        return None
    name = correct_name(stored.name, new.name)
    amended = replace(stored, name=name, phone=phone, recipient=recipient, text=text)
    if withdraws:
        return replace(amended, call_back=None, call_back_from=None, call_back_until=None)
    return _amend_call_back(amended, new)


def _amend_call_back(stored: Message, new: NewMessage) -> Message | None:
    """Return the stored message with the new call-back; None if `new` has none, or if both texts together are too long."""
    if new.call_back is None or (new.any_time and stored.call_back is not None):
        return stored
    if stored.call_back is not None and names_nothing(new.call_back):  # a person reads it beside the time
        parts = [*dict.fromkeys((*stored.call_back.split(CALL_BACK_SEPARATOR), new.call_back))]
        joined = CALL_BACK_SEPARATOR.join(parts)
        return replace(stored, call_back=joined) if len(joined) <= _LONGEST_CALL_BACK else None
    return replace(
        stored, call_back=new.call_back, call_back_from=new.call_back_from, call_back_until=new.call_back_until
    )


def _same_contact(stored: Message, new: NewMessage) -> bool:
    """Return False if two messages have different phone numbers or call-back times: if joined, one of these would be lost."""
    numbers = {phone for phone in (stored.phone, new.phone) if _is_number(phone)}
    return len(numbers) < 2 and _same_time(stored, new)  # noqa: PLR2004  one number for both


def _is_number(phone: str | None) -> bool:
    return phone is not None and phone.startswith("+")


def _same_time(stored: Message, new: NewMessage) -> bool:
    if stored.call_back is None or new.call_back is None or new.any_time or names_nothing(new.call_back):
        return True
    if stored.call_back_from is None:
        return names_no_time(stored.call_back) or fold(stored.call_back) == fold(new.call_back)
    return (stored.call_back_from, stored.call_back_until) == (new.call_back_from, new.call_back_until)


def _same_recipient(stored: Message, new: NewMessage) -> bool:
    """Return whether both messages are for one person. One without recipient, number and call-back goes with a call-back."""
    first, second = stored.recipient, new.recipient
    if not second and not (new.phone or new.call_back) and stored.call_back is not None:
        return True
    if not first or not second:
        return not first and not second
    return names_person(first, second) or names_person(second, first)


def join_texts(stored: str, new: str) -> str:
    """Return both texts as one. If one contains the other, keep the longer one; a bare request for a call-back adds no text."""
    if not _says_more(new) or _holds(stored, new):
        return stored
    if not _says_more(stored) or _extends(new, stored):
        return new
    return f"{stored} {new}" if stored.endswith((".", "!", "?")) else f"{stored}. {new}"


def _says_more(text: str) -> bool:
    """Return True if a message's text has more than the request to be called back."""
    return fold(text) not in ("", fold(say().only_call_back))


def _holds(text: str, said: str) -> bool:
    """Return whether `text` contains `said` as whole clauses: "nicht vor zehn anrufen" does not contain "vor zehn anrufen"."""
    parts, searched = _split(text), _split(said)
    return any(parts[at : at + len(searched)] == searched for at in range(len(parts)))


def _extends(text: str, known: str) -> bool:
    return _says_more(known) and f" {fold(known)} " in f" {fold(text)} "


def _split(text: str) -> list[str]:
    return [folded for part in _BETWEEN_PARTS.split(text) if (folded := fold(part))]
