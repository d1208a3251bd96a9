"""The argument `phone`: a number that a caller has dictated. One that is missing or unclear is asked for once in a call."""

from dataclasses import dataclass

from askproai_core.phone_numbers import InvalidNumber, StandIn, own_numbers, region_of, to_e164
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.booking.phrases import fold
from askproai_runtime.booking.replies import PhoneQuestion
from askproai_runtime.booking.spoken_numbers import read_spoken_number
from askproai_runtime.booking.types import CallContext, ClarificationNeeded
from askproai_runtime.sentences import say

# Words that point at the number of the call: `diese Nummer`, `the number I'm calling from`, and words that go with them.
_POINTS_AT_CALL = frozenset({
    "aktuelle", "aktuellen", "angezeigte", "angezeigten", "anrufe", "anrufende", "anrufenden", "anrufer", "anruferin", "anrufers",
    "caller", "callerid", "callers", "calling", "current", "derselben", "dieselbe", "diese", "dieser", "displayed", "gleiche",
    "gleichen", "inbound", "incoming", "jetzige", "jetzigen", "same", "selbe", "selben", "spreche", "telefoniere", "this",
    "uebermittelte",
})  # fmt: skip
# "Meine Nummer" is the same, "meine Handynummer" may be another one.
_POINTS_AT_CALLER = frozenset({"eigene", "eigenen", "meine", "meiner", "mine", "my", "own"})
_MOBILE = frozenset({"cell", "handy", "handynummer", "mobile", "mobilnummer"})
_BESIDE_POINTING = frozenset({
    "am", "an", "anruf", "anrufnummer", "as", "auch", "auf", "back", "bin", "bitte", "call", "called", "dem", "den", "der",
    "des", "die", "eben", "einfach", "erreichbar", "for", "from", "fuer", "genau", "gerade", "hier", "i", "ich", "id", "im",
    "in", "is", "ist", "ja", "jetzt", "just", "kunden", "line", "m", "me", "mich", "mir", "mit", "nehmen", "now", "number",
    "nummer", "of", "on", "one", "phone", "please", "reach", "right", "rufnummer", "s", "sie", "telefon", "telefonnummer",
    "telephone", "that", "the", "unter", "use", "used", "using", "von", "which", "wie", "with", "yes", "you", "zurueck",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class SaidPhone:
    """What a caller has said of a number: one in E.164, words that are no certain number, or nothing."""

    number: str | None = None
    unclear: str | None = None


def read_phone(said: str | None, config: TenantConfig, branch: str) -> SaidPhone:
    """Read a number in digits or words.

    A carrier's stand-in and the business's own number say nothing of the caller. "Diese Nummer" is that of the call, as none is.
    """
    if said is None or means_calling_number(said):
        return SaidPhone()
    region = region_of(config, branch)
    for written in (said, read_spoken_number(said)):
        try:
            number = to_e164(written, region) if written else None
        except StandIn:
            return SaidPhone()
        except InvalidNumber:
            continue
        if number is not None:
            return SaidPhone() if number in own_numbers(config) else SaidPhone(number)
    return SaidPhone(unclear=said)


def means_calling_number(said: str) -> bool:
    """Return whether words point at the number of the call: `diese Nummer`, `same number`, `die, von der ich anrufe`."""
    words = set(fold(said).split())
    if not words <= _POINTS_AT_CALL | _POINTS_AT_CALLER | _MOBILE | _BESIDE_POINTING:
        return False
    return not words.isdisjoint(_POINTS_AT_CALL) or (
        not words.isdisjoint(_POINTS_AT_CALLER) and words.isdisjoint(_MOBILE)
    )


def ask_for_phone(call: CallContext, said: SaidPhone, known: str | None) -> None:
    """Raise `ClarificationNeeded` for words that are no number, and where no number is `known`; each once in a call.

    A caller may decline. Without a transcript it is not known whether the caller was asked, and nobody is asked twice.
    """
    ask_if_unclear(call, said)
    if known is None and said.unclear is None:
        _ask_once(call, PhoneQuestion.MISSING, say().phone_missing)


def ask_if_unclear(call: CallContext, said: SaidPhone) -> None:
    """Raise `ClarificationNeeded` for words that are no number, once in a call."""
    if said.unclear is not None:
        _ask_once(call, PhoneQuestion.UNCLEAR, say().phone_unclear)


def _ask_once(call: CallContext, question: PhoneQuestion, sentence: str) -> None:
    if call.replies is not None and question.key not in call.replies:
        raise ClarificationNeeded(sentence, needs_phone=question.value)
