"""Whom a caller does not want. No function takes such a person: somebody else is asked for, and no offer of the person is taken."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from askproai_sandbox.caller import phrases
from askproai_sandbox.caller.choice import Item
from askproai_sandbox.caller.sentence import Sentence


class RejectedPeople:
    """Remembers whom the caller of a call does not want, until they are asked for by name."""

    def __init__(self) -> None:
        self._names: set[str] = set()

    def hear(self, sentence: Sentence, staff: Iterable[str]) -> tuple[Sentence, str | None]:
        """Return the sentence, which names the first of `staff` who is not rejected if it names nobody; and a remark on that."""
        self._names |= sentence.rejected_staff
        self._names -= {sentence.staff}
        if not sentence.rejected_staff or sentence.staff:
            return sentence, None
        rejected = ", ".join(sorted(sentence.rejected_staff))
        other = next((name for name in staff if name not in self._names), None)
        if other is None:
            return sentence, phrases.NOBODY_ELSE.format(rejected)
        return replace(sentence, staff=other), phrases.NOT_WITH.format(rejected, other)

    def forget(self) -> None:
        """Forget them: anybody is welcome."""
        self._names.clear()

    def leave_out(self, offers: Sequence[Item]) -> list[Item]:
        """Return the offers of the others."""
        return [offer for offer in offers if not any(name in str(offer.get("spoken", "")) for name in self._names)]
