"""Whom a caller does not want. No function takes such a person: somebody else is asked for, and no offer of the person is taken."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.choice import Item, names_person
from askproai_sandbox.caller.sentence import Sentence


def ask_for_other(
    sentence: Sentence, staff: Iterable[str], rejected: frozenset[str], able: Sequence[str] = ()
) -> tuple[Sentence, frozenset[str], str | None]:
    """Return the sentence, which names the first of `staff` who is not rejected if it names nobody; all rejected; a remark on that.

    `able` are those who do the service, empty where that is not known: one of them is named.
    `rejected` are those whom the caller has rejected before; who is asked for by name is none of them any more.
    """
    rejected = (rejected | sentence.rejected_staff) - {sentence.staff or ""}
    if not sentence.rejected_staff or sentence.staff:
        return sentence, rejected, None
    said = ", ".join(sorted(sentence.rejected_staff))
    other = next((name for name in able or staff if name not in rejected), None)
    if other is None:
        return sentence, rejected, phrases.NOBODY_ELSE.format(said)
    return replace(sentence, staff=other), rejected, phrases.NOT_WITH.format(said, other)


def leave_out(offers: Sequence[Item], rejected: frozenset[str]) -> tuple[Item, ...]:
    """Return the offers of the others."""
    return tuple(
        offer for offer in offers if not any(names_person(str(offer.get("spoken", "")), name) for name in rejected)
    )
