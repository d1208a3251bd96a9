"""The argument `phone`: a number that a caller has dictated. A missing, unclear or incomplete number is asked for once in a
call, and a stored number is read back.
"""

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import Final

import phonenumbers

from askproai_core.phone_numbers import (
    NO_REGION,
    InvalidNumber,
    StandIn,
    TwoReadings,
    e164_or_none,
    is_stand_in,
    lacks_area_code,
    to_e164,
)
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.branch_numbers import own_numbers, region_of
from askproai_runtime.conversation.types import CallContext, ClarificationNeeded
from askproai_runtime.language.answer_words import FILLER, NO, words_of
from askproai_runtime.language.calling_number import Pointer, read_pointer
from askproai_runtime.language.replies import PhoneQuestion
from askproai_runtime.language.spoken_numbers import list_dictated, read_spoken_number
from askproai_runtime.sentences import say
from askproai_runtime.understood import UNDERSTOOD

_WORDS: Final = UNDERSTOOD.phones
# National digits of the shortest number at home that is taken for a whole one. Area and first digits alone are valid by the
# numbering plan of a country whose numbers differ in length: "030 123".
_FEWEST_DIGITS = 7
_LONGEST_GROUP = 4
_FEWEST_SAID = 3  # digits of a number that a caller may have begun to say
# "Nein, dann nehmen Sie die": a no before other words, and words that fill.
_BESIDE = re.compile(rf"^(?:{UNDERSTOOD.cancellations.first_no})|\b{FILLER}\b")
# A word with which a number may begin inside a text.
_BEGINNING = re.compile(rf"(?<!\S)\(?(?:[0+]|(?:{_WORDS.begins})\b|null)", re.IGNORECASE)
# The groups of a number of North America, "1 512 234 5678", whose digits may be a German mobile number without its zero.
_AMERICAN = re.compile(r"\D*1\D+\d{3}\D")
_HOUR = re.compile(rf"\b\d{{1,2}}(?:[:.]\d\d)? ?(?:{UNDERSTOOD.values.clock})\b", re.IGNORECASE)
_LABEL = re.compile(rf"\b(?:{_WORDS.kinds}|{_WORDS.label})\b[.:]?", re.IGNORECASE)
_BETWEEN_NUMBERS = re.compile(
    rf"[,;|\n]|\s/\s|\b(?:{_WORDS.between})\b\.?|(?<=\d)\s+(?=(?:{_WORDS.kinds})\b)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class SaidPhone:
    """A caller's words for a phone number, read as one of: a `number` in E.164; `unclear` words; the digits of a number with
    too few (`half`); or none of these.

    Unclear words may help a person to find the number. An incomplete number is never stored. `of_call`: the words refer to the
    calling number. `several` are all the words if they have more than `number`, such as a second one; without `number` nobody
    knows which of several is meant.
    """

    number: str | None = None
    unclear: str | None = None
    half: str | None = None
    of_call: bool = False
    several: str | None = None

    @property
    def has_number(self) -> bool:
        """True if the caller said a complete or incomplete phone number, or unclear words that may be one."""
        return not (self.number is None and self.unclear is None and self.half is None)

    @property
    def is_heard(self) -> bool:
        """True if the unclear words have digits, which only the notes keep."""
        return self.unclear is not None and has_digits(self.unclear)


def read_phone(said: str | None, config: TenantConfig, call: CallContext) -> SaidPhone:
    """Return the phone number in the words `said`, written in digits or as spoken.

    The result is empty for a carrier's placeholder number, the business's own number, the call's number (`shown`) if it
    identifies nobody, since a model copies it, and for words by which any known number will do. Callers from abroad say their
    own number as at home. Words that are no number mean the calling one if the caller has chosen that since.
    """
    pointer = None if said is None else read_pointer(said)
    if said is None or pointer is not None:
        return SaidPhone(of_call=pointer is Pointer.OF_CALL)
    region, shown, said = region_of(config, call.branch), call.shown, _add_said_beginning(said, call)
    if call.caller and _is_said_as_at_home(said, call.caller, region):
        return SaidPhone(of_call=True)
    found = _read_one(said, config, region)
    if found.has_number and found.number is None and _means_calling_number(call):
        return SaidPhone(of_call=True)
    read = [_read_one(part, config, region) for part in _list_parts(said)]
    numbers = list(dict.fromkeys(each.number for each in read if each.number not in {None, shown}))
    if len(numbers) > 1 or (found.unclear is not None and numbers and len(read) > 1):
        return SaidPhone(numbers[0], several=said)
    if found.unclear is not None and (number := _find_beside_words(said, config, region)) not in {None, shown}:
        return SaidPhone(number, several=said)
    if found.unclear is not None and len([part for part in list_dictated(said) if holds_number(part)]) > 1:
        return SaidPhone(unclear=said, several=said)
    return SaidPhone() if shown is not None and shown in {found.number, read_spoken_number(said)} else found


def _add_said_beginning(said: str, call: CallContext) -> str:
    """Return the digits of `said` with the zero or plus with which the caller has dictated them; models leave it out."""
    digits = read_spoken_number(said) or ""
    if digits[:1] in "0+":
        return said
    heard = (read_spoken_number(part) for words in reversed(call.utterances) for part in list_dictated(words))
    return next((each for each in heard if each in {f"0{digits}", f"00{digits}", f"+{digits}"}), said)


def _means_calling_number(call: CallContext) -> bool:
    """Return whether the caller has answered the question about an unclear number with the calling one, and dictated none since."""
    if call.caller is None or not _was_asked_about(call):
        return False
    said = takewhile(lambda words: not any(map(_is_of_number, list_dictated(words))), reversed(call.utterances))
    return any(read_pointer(_BESIDE.sub(" ", words_of(words))) is Pointer.OF_CALL for words in said)


def _is_of_number(dictated: str) -> bool:
    return len(read_spoken_number(dictated) or "") >= _FEWEST_SAID


def _is_said_as_at_home(said: str, caller: str, region: str) -> bool:
    """Return whether words are the calling number (E.164) of another country than `region`, as it is dialled there."""
    home = phonenumbers.region_code_for_number(phonenumbers.parse(caller))
    return home not in {None, region} and caller == e164_or_none(read_spoken_number(said), str(home))


def find_phone(text: str, config: TenantConfig, branch: str) -> str | None:
    """Return the only phone number within a text, in E.164; None if there is none, or if there are several."""
    region = region_of(config, branch)
    found = dict.fromkeys(_find_in_part(part, config, region) for part in list_dictated(text))
    numbers = [number for number in found if number is not None]
    return numbers[0] if len(numbers) == 1 else None


def _find_beside_words(said: str, config: TenantConfig, region: str) -> str | None:
    """Return the only number among other words, which may name an hour: `0171 2345678 (ab 18 Uhr)`; else None."""
    dictated = list_dictated(_HOUR.sub(" ", said))
    is_only = len(dictated) == 1 and _BEGINNING.match(dictated[0]) and not NO.search(words_of(said))
    return _read_one(dictated[0].strip("(),.;!?"), config, region).number if is_only else None


def _find_in_part(part: str, config: TenantConfig, region: str) -> str | None:
    """Return the phone number that is all of `part`, or its end from a zero or plus on (`11. 0171 2345678`); None without one."""
    starts = [0, *(found.start() for found in _BEGINNING.finditer(part))]
    read = (_read_one(part[start:].rstrip(".,;!?"), config, region).number for start in starts)
    return next((number for number in read if number is not None), None)


def holds_number(text: str) -> bool:
    """Return whether a text contains the digits of a phone number, which may be unreadable."""
    digits = [
        read_spoken_number(part[found.start() :]) for part in list_dictated(text) for found in _BEGINNING.finditer(part)
    ]
    return any(len(each or "") >= _FEWEST_DIGITS for each in digits)


def _read_one(said: str, config: TenantConfig, region: str) -> SaidPhone:
    digits = read_spoken_number(said)
    if digits is not None and _is_short(digits, region):
        return SaidPhone(half=digits)
    for written in (digits,) if said.endswith(".0") else (said, digits):
        try:
            number = to_e164(written, region) if written else None
        except StandIn:
            return SaidPhone()
        except TwoReadings as found:  # a caller says the plus, or the zeros, of a number of another country
            if found.mobile is None or _AMERICAN.match(said):
                continue
            number = to_e164(found.mobile, region)
        except InvalidNumber:
            continue
        if number is not None and written is not None:
            if lacks_area_code(written, number, region):
                return SaidPhone(unclear=said)
            return SaidPhone() if number in own_numbers(config) else SaidPhone(number)
    return SaidPhone(unclear=said)


def _list_parts(said: str) -> list[str]:
    """Return the digits of each number in a text that has nothing else but labels; [] for other texts.

    Each number begins with a zero or a plus. Any other word may correct the previous number: "0171 5556677, nein, 5556688".
    """
    texts = [_LABEL.sub(" ", part) for part in _BETWEEN_NUMBERS.split(said)]
    read = [read_spoken_number(text) for text in texts if re.search(r"\w", text)]
    parts: list[str] = []
    for digits in read:
        if digits is None:
            return []
        if digits[0] in "0+" or not parts:
            parts.append(digits)
        else:
            parts[-1] += digits
    return parts


def _is_short(digits: str, region: str) -> bool:
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return len(digits) < _FEWEST_DIGITS
    is_abroad = parsed.country_code != phonenumbers.country_code_for_region(region)
    is_whole = is_abroad and phonenumbers.is_valid_number(parsed)
    return not is_whole and len(str(parsed.national_number)) < _FEWEST_DIGITS


def _is_complete(digits: str, region: str) -> bool:
    """Return whether digits, which may be no valid number, are at least as many as those of a mobile number of their country."""
    try:
        parsed = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return False
    home = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    example = phonenumbers.example_number_for_type(home, phonenumbers.PhoneNumberType.MOBILE)
    return example is not None and len(str(parsed.national_number)) >= len(str(example.national_number))


def spell_phone(number: str, region: str) -> str:
    """Return a number for reading it out, with its digits in groups: `0 1 5, 1 1, 2 3 4, 5 6 7, 8`.

    A foreign number begins with "plus". Digits that are not a valid E.164 number are read out as they are.
    """
    written = number
    if number.startswith("+"):
        try:
            written = _format_for(phonenumbers.parse(number), region)
        except phonenumbers.NumberParseException:
            written = number
    groups = [group for block in re.findall(r"\d+", written) for group in _split_block(block)]
    plus = "plus " if written.startswith("+") else ""
    return plus + ", ".join(" ".join(group) for group in groups)


def _format_for(number: phonenumbers.PhoneNumber, region: str) -> str:
    is_home = number.country_code == phonenumbers.country_code_for_region(region)
    form = phonenumbers.PhoneNumberFormat
    return phonenumbers.format_number(number, form.NATIONAL if is_home else form.INTERNATIONAL)


def _split_block(block: str) -> list[str]:
    if len(block) <= _LONGEST_GROUP:
        return [block]
    return [block[at : at + 3] for at in range(0, len(block), 3)]


def ask_for_phone(call: CallContext, said: SaidPhone, known: str | None) -> None:
    """Raise `ClarificationNeeded` once in a call if no number is `known` and none was said.

    A caller may decline, also by words without a digit after the question about an unclear number. Without a transcript it is
    unknown whether the caller was asked, and the question is left out. The question names a shown number that identifies nobody.
    """
    if known is None and not said.has_number and not _declines(call, call.said_since or ""):
        is_unusable = call.shown is not None and not is_stand_in(call.shown, NO_REGION)
        _ask_once(call, PhoneQuestion.MISSING, say().phone_unusable if is_unusable else say().phone_missing)


def ask_to_call_back(call: CallContext) -> None:
    """Raise `ClarificationNeeded` for the number of a call-back, once in a call; without a transcript, every time."""
    if call.replies is None or PhoneQuestion.CALL_BACK.key not in call.replies:
        raise ClarificationNeeded(say().number_to_call_back, needs_phone=PhoneQuestion.CALL_BACK.value)


def has_digits(said: str) -> bool:
    """Return whether words for a number contain a digit: "die haben Sie doch" does not."""
    return bool(re.search(r"\d", said)) or read_spoken_number(said) is not None


def ask_if_unclear(call: CallContext, said: SaidPhone, region: str) -> None:
    """Raise `ClarificationNeeded` for words that are not a phone number, and for one with too few digits, each once in a call.

    After the question for a call-back's number, or about an unclear one, words without a digit decline it.
    """
    if said.half is not None:
        _ask_once(call, PhoneQuestion.HALF, say_unclear(said, region))
    if said.unclear is not None and not _declines(call, said.unclear):
        _ask_once(call, PhoneQuestion.UNCLEAR, say_unclear(said, region))


def _declines(call: CallContext, words: str) -> bool:
    is_asked = _was_asked_about(call) or PhoneQuestion.CALL_BACK.key in (call.replies or {})
    return is_asked and not (list_dictated(words) or has_digits(words))


def _was_asked_about(call: CallContext) -> bool:
    return not {PhoneQuestion.HALF.key, PhoneQuestion.UNCLEAR.key}.isdisjoint(call.replies or {})


def say_noted(number: str | None, calling: str | None, region: str) -> str:
    """Return the sentence that says which phone number is stored with an appointment or message; "" if `number` is None."""
    if number is None:
        return ""
    if number == calling:
        return say().reached_at_callers_number
    return say().phone_noted.format(phone=spell_phone(number, region))


def say_unclear(said: SaidPhone, region: str) -> str:
    """Return the question about an unclear, incomplete or invalid number, with the digits that were understood. Digits that are
    valid behind a plus lack only that: they are asked for without a judgement.
    """
    digits = said.half or read_spoken_number(said.unclear or "")
    if not digits or (said.half is None and e164_or_none(f"+{digits}", NO_REGION)):
        return say().phone_unclear
    is_invalid = said.half is None and _is_complete(digits, region)
    return (say().phone_invalid if is_invalid else say().phone_half).format(phone=spell_phone(digits, region))


def _ask_once(call: CallContext, question: PhoneQuestion, sentence: str) -> None:
    if call.replies is not None and question.key not in call.replies:
        raise ClarificationNeeded(sentence, needs_phone=question.value)


def note_unclear(notes: str | None, said: SaidPhone) -> str | None:
    """Return a booking's notes with the words for an unclear number, or for several numbers, added."""
    words = said.unclear or said.several
    if words is None:
        return notes
    heard = say().phone_as_heard.format(said=words)
    return f"{notes} – {heard}" if notes else heard
