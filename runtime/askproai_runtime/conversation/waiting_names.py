"""Which person of a number wants to wait: one who waits already, whose name may be corrected, or another one."""

from difflib import SequenceMatcher
from uuid import UUID

from askproai_runtime.book.context import BookingContext
from askproai_runtime.book.store.waitlist import list_waiting_names
from askproai_runtime.book.waitlist import NewEntry, WaitingName
from askproai_runtime.conversation.asked_choices import Chosen
from askproai_runtime.conversation.full_names import is_part_of_name
from askproai_runtime.conversation.types import CallContext, Choice, ClarificationNeeded
from askproai_runtime.language.phrases import join_list
from askproai_runtime.person_names import (
    addressed_differently,
    fold,
    is_alike,
    is_same_person,
    list_name_words,
    same_name,
)
from askproai_runtime.sentences import say


async def find_renamed_entry(
    ctx: BookingContext, call: CallContext, entry: NewEntry, chosen: Chosen | None
) -> UUID | None:
    """Return the waiting entry that gets the name, as the caller has chosen; None for another person, or the one with this name.

    Raises `ClarificationNeeded` where the name may complete or correct one that waits. A caller's number has the names of all its
    calls; of another number only this call's are said.
    """
    async with ctx.pool.acquire() as conn:
        known = await list_waiting_names(conn, ctx.tenant, entry)
    if any(is_same_person(entry.name, each.name) for each in known):
        return None
    alike = [each for each in known if _may_be_of(call, entry, each)]
    if not alike or (chosen is not None and chosen.choice is Choice.FURTHER):
        return None
    nearest = max(reversed(alike), key=lambda each: _likeness(entry.name, each.name))
    if any(len(list_name_words(each.name)) > len(list_name_words(entry.name)) for each in alike):
        names = join_list([each.name for each in alike], say().and_word)
        question = f"{say().they_wait.format(names=names)}{say().which_full_name}"
        raise ClarificationNeeded(
            question, waitlist_id=str(nearest.id), customer_name=entry.name, choices=[Choice.FURTHER]
        )
    if chosen is not None and (asked := next((each for each in alike if str(each.id) == chosen.about), None)):
        return asked.id
    question = say().rename_or_another_waits.format(waiting=nearest.name, name=entry.name)
    raise ClarificationNeeded(
        question, waitlist_id=str(nearest.id), customer_name=entry.name, choices=[Choice.RENAME, Choice.FURTHER]
    )


def _may_be_of(call: CallContext, entry: NewEntry, known: WaitingName) -> bool:
    is_of_call = known.call_id == call.call_id
    is_alike_there = is_of_call and _may_correct(entry.name, known.name)
    return is_alike_there or ((is_of_call or entry.phone == call.caller) and same_name(entry.name, known.name))


def _may_correct(said: str, known: str) -> bool:
    """Return whether a name is like the known one, or a part of a name alone: "Langer", "Lenz".

    A Herr is no Frau, and a surname that is alike is that of a relative where the first name is another one.
    """
    words, others = list_name_words(said), list_name_words(known)
    if addressed_differently(said, known):
        return False
    if len(words) > 1 and len(others) > 1:
        return is_alike(words[0], others[0])
    return is_part_of_name(said) or is_alike(said, known)


def _likeness(said: str, known: str) -> float:
    """Return how much of a name is in the known one."""
    words, others = fold(said).split(), fold(known).split()
    return sum(max(SequenceMatcher(None, word, other).ratio() for other in others) for word in words)
