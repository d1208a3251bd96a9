"""When a message of a call amends an earlier one: the same person says more for the same recipient, or corrects it."""

import re
from collections.abc import Sequence
from dataclasses import replace

from askproai_runtime.booking.phrases import correct_name, fold, names_person, same_name
from askproai_runtime.booking.placeholders import leaves_open
from askproai_runtime.booking.store.messages import Message, NewMessage
from askproai_runtime.sentences import say

_LONGEST = 500  # of a stored text
_BETWEEN_PARTS = re.compile(r"[.,;:!?]+(?:\s+|$)")

# "Any" alone is what a model writes that fills in every argument; "any time" is what a caller says.
_WHEN = frozenset({"anytime", "day", "irgendwann", "tag", "time", "uhrzeit", "wann", "whenever", "zeit"})
_ONLY_YES = frozenset(
    {"bitte", "danke", "ein", "einen", "gern", "gerne", "ja", "rueckruf", "um", "yes", "please", "call", "me", "back"}
)

# Whole folded phrases that withdraw a call-back. Any other words may be a time, or where to call: they are kept for a person.
_WHO = r"(?:(?:die |der |the )?(?:ich|er|sie|wir|kundin|kunde|anruferin|anrufer|i|he|she|we|caller|customer))"
_NEEDED = r"(?:noetig|notwendig|erforderlich|erwuenscht|gewuenscht|needed|necessary|required|wanted)"
_NOT_NEEDED = (
    rf"(?:(?:(?:das )?ist |is )?(?:doch )?(?:nicht|no longer|not)(?: mehr)? {_NEEDED}(?: any ?more)?|no need|unnoetig)"
)
_ENDED = r"(?:ist |is )?(?:abgesagt|storniert|entfaellt|entfallen|erledigt|gestrichen|hinfaellig|cancell?ed|withdrawn)"
_A_CALL = r"(?:rueckruf|rueckrufwunsch|call ?back)"
_TO_CALL = r"(?:anrufen|anzurufen|zurueckrufen|zurueckzurufen)"
_DO_NOT = r"(?:don ?t|do not|does not|doesn ?t)"
_NAMES_CALL_BACK = "|".join(
    (
        rf"(?:{_WHO} )?(?:(?:moechte|will|wuenscht|brauche|braucht) )?(?:doch )?kein(?:en?)? {_A_CALL}(?: mehr)?(?: {_NEEDED})?",
        rf"no {_A_CALL}(?: (?:is )?{_NEEDED})?(?: any ?more)?",
        rf"(?:{_WHO} )?(?:{_DO_NOT} (?:want|need)|no longer (?:wants?|needs?))(?: an?y?)? {_A_CALL}(?: any ?more)?",
        rf"(?:der |den |ein |the |a )?{_A_CALL} (?:{_NOT_NEEDED}|{_ENDED}|absagen|stornieren|streichen)",
        rf"cancel (?:the |my )?{_A_CALL}",
        rf"(?:(?:sie )?(?:brauchen|muessen|muss) )?(?:mich )?nicht (?:mehr )?{_TO_CALL}(?: (?:brauchen|muessen))?",
        r"(?:rufen sie|ruft|ruf) mich nicht (?:mehr )?(?:an|zurueck)",
        rf"(?:(?:you )?(?:{_DO_NOT}|needn ?t)(?: (?:need|have) to)?|no need to) (?:call|ring)(?: me)? back",
    )
)
_NAMES_NEED = (
    rf"{_NOT_NEEDED}|(?:(?:you )?(?:{_DO_NOT}|needn ?t)(?: (?:need|have) to)?|no need to) (?:call|ring)(?: me)?"
)
_HIMSELF = r"(?:selbst|selber)"
_CALLS_HIMSELF = (
    rf"(?:{_WHO} )?(?:(?:rufe|ruft|rufen) (?:dann )?{_HIMSELF}(?: wieder| noch ?mal| noch einmal)? an"
    rf"|(?:melde mich|meldet sich|melden uns) (?:dann )?{_HIMSELF})"
    rf"|{_WHO} (?:ll|will) (?:call|ring)(?: you)?(?: back)?(?: again)? (?:my|him|her)self"
)
_REFUSES = (  # where nothing else can be meant
    r"nein|nee|nope|no|none|never|nicht|not|kein|keine|keinen|keiner|(?:doch|lieber) nicht|never ?mind|no call"
    rf"|(?:{_WHO} )?(?:brauche|braucht|moechte|will) keinen|(?:{_WHO} )?{_DO_NOT} (?:want|need) one|{_ENDED}|{_CALLS_HIMSELF}"
)
_BESIDE = rf"(?:{_WHO} )?(?:melde mich|meldet sich)(?: wieder)?|{_CALLS_HIMSELF}"
_BEFORE = re.compile(r"^(?:(?:ach|also|bitte|doch|nein|nee|no|please) )+")
_AFTER = re.compile(r"(?: (?:bitte|danke|please|thanks|thank you))+$")
_ONLY_POLITE = frozenset({"bitte", "danke", "vielen dank", "please", "thanks", "thank you"})


def names_no_time(call_back: str) -> bool:
    """Return whether words for a call-back that were not understood are a mere "ja", or "any"."""
    return set(fold(call_back).split()) <= _ONLY_YES or is_filler(call_back)


def is_filler(call_back: str) -> bool:
    """Return whether words for a call-back are a mere "any"."""
    return leaves_open(call_back) and _WHEN.isdisjoint(fold(call_back).split())


def says_no_call_back(said: str, *, alone: bool) -> bool:
    """Return whether words are nothing but a refusal of a call-back: `kein Rückruf`, `nicht nötig`. `alone`, a mere "no" is."""
    refusal = f"{_NAMES_CALL_BACK}|{_NAMES_NEED}" + (f"|{_REFUSES}" if alone else "")
    parts = _split(said)
    return any(_is_phrase(refusal, part) for part in parts) and all(
        _is_phrase(f"{refusal}|{_BESIDE}|{_REFUSES}", part) or part in _ONLY_POLITE for part in parts
    )


def _is_phrase(phrases: str, part: str) -> bool:
    return any(re.fullmatch(phrases, each) for each in (part, _BEFORE.sub("", _AFTER.sub("", part))))


def _withdraws(stored: Message, new: NewMessage) -> bool:
    """Return whether the call-back of a stored message is no longer wanted, by the argument for it or in the text."""
    if stored.call_back is None or new.call_back is not None:
        return False
    is_only_that = _text_withdraws(new.text) and all(
        _says_withdrawal(part) or _is_phrase(f"{_BESIDE}|{_ENDED}", part) or part in fold(stored.text)
        for part in _split(new.text)
    )
    return (new.withdraws and _is_same_matter(stored, new)) or is_only_that


def _text_withdraws(text: str) -> bool:
    return any(map(_says_withdrawal, _split(text)))


def _says_withdrawal(part: str) -> bool:
    return _is_phrase(_NAMES_CALL_BACK, part)


def find_amended(earlier: Sequence[Message], new: NewMessage) -> tuple[Message, Message] | None:
    """Return the message that a new one repeats, or the latest one that it amends, as it is and as it becomes.

    None where the new one is a message of its own. A number or a call-back is rather that of a message with a call-back.
    Nothing that was said is left out. A done message is never amended, since nobody looks at it again.
    """
    pairs = [(stored, amended) for stored in reversed(earlier) if (amended := _amend(stored, new)) is not None]
    if new.call_back or new.phone or new.withdraws or _text_withdraws(new.text):
        pairs.sort(key=lambda pair: pair[0].call_back is None)
    repeated = [(stored, amended) for stored, amended in pairs if amended == stored]
    return next(iter(repeated + [(stored, amended) for stored, amended in pairs if stored.done_at is None]), None)


def _amend(stored: Message, new: NewMessage) -> Message | None:
    if not (same_name(stored.name, new.name) or _is_only_name(new)):
        return None
    if not (_is_same_matter(stored, new) or (_same_recipient(stored, new) and _same_contact(stored, new))):
        return None
    if stored.recipient and new.recipient and not _same_recipient(stored, new):
        return None
    phone, text = new.phone or stored.phone, join_texts(stored.text, new.text)
    if _is_number(stored.phone) and not _is_number(phone):  # a person will read the words beside the number
        phone, text = stored.phone, join_texts(text, say().phone_as_heard.format(said=phone))
    withdraws = _withdraws(stored, new)
    if withdraws and not _text_withdraws(text):
        text = join_texts(text, say().no_call_back)
    if new.call_back is not None:  # it is wanted after all
        text = text.replace(say().no_call_back, "").strip() or say().only_call_back
    if len(text) > _LONGEST:
        return None
    amended = replace(
        stored,
        name=correct_name(stored.name, new.name),
        phone=phone,
        recipient=stored.recipient or new.recipient,
        text=text,
    )
    if withdraws:
        return replace(amended, call_back=None, call_back_from=None, call_back_until=None)
    if new.call_back is None or (new.any_time and stored.call_back is not None):
        return amended
    return replace(
        amended, call_back=new.call_back, call_back_from=new.call_back_from, call_back_until=new.call_back_until
    )


def _is_only_name(new: NewMessage) -> bool:
    """Return whether nothing but a name was said: a correction of it. Any more may be another person's."""
    return not (new.text or new.phone or new.call_back or new.recipient or new.withdraws)


def _is_same_matter(stored: Message, new: NewMessage) -> bool:
    """Return whether the new text says nothing else: its number, time or recipient then corrects the stored one."""
    return not _says_more(new.text) or _holds(stored.text, new.text) or _extends(new.text, stored.text)


def _same_contact(stored: Message, new: NewMessage) -> bool:
    """Return whether two matters have no two numbers or times: one of them would be lost."""
    numbers = {phone for phone in (stored.phone, new.phone) if _is_number(phone)}
    return len(numbers) < 2 and _same_time(stored, new)  # noqa: PLR2004  one number for both


def _is_number(phone: str | None) -> bool:
    return phone is not None and phone.startswith("+")


def _same_time(stored: Message, new: NewMessage) -> bool:
    if stored.call_back is None or new.call_back is None or new.any_time:
        return True
    if stored.call_back_from is None:
        return names_no_time(stored.call_back) or fold(stored.call_back) == fold(new.call_back)
    return (stored.call_back_from, stored.call_back_until) == (new.call_back_from, new.call_back_until)


def _same_recipient(stored: Message, new: NewMessage) -> bool:
    first, second = stored.recipient, new.recipient
    if not first or not second:
        return not first and not second
    return names_person(first, second) or names_person(second, first)


def join_texts(stored: str, new: str) -> str:
    """Return both texts as one. A text that holds the other is kept for both, and any text for a mere request for a call-back."""
    if not _says_more(new) or _holds(stored, new):
        return stored
    if not _says_more(stored) or _extends(new, stored):
        return new
    return f"{stored} {new}" if stored.endswith((".", "!", "?")) else f"{stored}. {new}"


def _says_more(text: str) -> bool:
    """Return whether a text is more than a request for a call-back."""
    return fold(text) not in ("", fold(say().only_call_back))


def _holds(text: str, said: str) -> bool:
    """Return whether a text has the new one as whole parts: "nicht vor zehn anrufen" does not have "vor zehn anrufen"."""
    parts, searched = _split(text), _split(said)
    return any(parts[at : at + len(searched)] == searched for at in range(len(parts)))


def _extends(text: str, known: str) -> bool:
    return _says_more(known) and f" {fold(known)} " in f" {fold(text)} "


def _split(text: str) -> list[str]:
    return [folded for part in _BETWEEN_PARTS.split(text) if (folded := fold(part))]
