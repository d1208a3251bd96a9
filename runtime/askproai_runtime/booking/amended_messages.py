"""When a second message of a call amends the first one: the same person says more for the same recipient, or corrects it."""

from collections.abc import Sequence
from dataclasses import replace

from askproai_runtime.booking.phrases import correct_name, fold, names_person, same_name
from askproai_runtime.booking.store.messages import Message, NewMessage
from askproai_runtime.sentences import say

_LONGEST = 500  # of a stored text


def find_amended(earlier: Sequence[Message], new: NewMessage) -> tuple[Message, Message] | None:
    """Return the latest message that a new one amends, as it is and as it becomes; None where the new one is another matter.

    Nothing that was said is left out: both texts are kept. What does not fit into one message is a second one.
    """
    pairs = ((stored, _amend(stored, new)) for stored in reversed(earlier))
    return next(((stored, amended) for stored, amended in pairs if amended is not None), None)


def _amend(stored: Message, new: NewMessage) -> Message | None:
    text = _join(stored.text, new.text)
    adds_text = text != stored.text
    is_repeated = not new.text or fold(new.text) == fold(stored.text) != fold(say().only_call_back)
    is_person = same_name(stored.name, new.name)
    if not _same_recipient(stored.recipient, new.recipient) or not (is_person or is_repeated):
        return None
    if len(text) > _LONGEST or (adds_text and stored.done_at is not None):
        return None
    amended = replace(
        stored,
        name=correct_name(stored.name, new.name) if is_person else new.name,
        phone=new.phone or stored.phone,
        recipient=stored.recipient or new.recipient,
        text=text,
    )
    if new.call_back is None or (new.any_time and stored.call_back is not None):
        return amended
    return replace(
        amended, call_back=new.call_back, call_back_from=new.call_back_from, call_back_until=new.call_back_until
    )


def _join(stored: str, new: str) -> str:
    """Return both texts as one. A text that holds the other is kept for both, and any text for a mere request for a call-back."""
    only, known, said = fold(say().only_call_back), fold(stored), fold(new)
    if not said or said == only or f" {said} " in f" {known} ":
        return stored
    if known == only or f" {known} " in f" {said} ":
        return new
    return f"{stored} {new}" if stored.endswith((".", "!", "?")) else f"{stored}. {new}"


def _same_recipient(stored: str | None, new: str | None) -> bool:
    return not stored or not new or names_person(stored, new) or names_person(new, stored)
