"""The words of answers that yes-or-no questions of any kind share, in lower case. Pure."""

import re
from enum import StrEnum
from typing import Final

from askproai_runtime.person_names import fold
from askproai_runtime.understood import UNDERSTOOD

STRONG_YES_WORD: Final = rf"(?:{UNDERSTOOD.answers.strong_yes})"
YES_WORD: Final = rf"(?:{UNDERSTOOD.answers.strong_yes}|{UNDERSTOOD.answers.weak_yes})"
# "ja" and "sicher" agree only at the beginning of a longer sentence: "Sie sind ja ein Computer".
YES = re.compile(rf"^(?:\w+ ){{0,3}}{YES_WORD}(?: \w+)?$|^(?:(?:{UNDERSTOOD.answers.before_yes}) )*{YES_WORD}\b")
NO = re.compile(
    rf"\b(?:{UNDERSTOOD.answers.no})\b|\b(?:{UNDERSTOOD.answers.no_at_end})$|^(?:{UNDERSTOOD.answers.no_at_begin})\b"
)
KEEP = re.compile(rf"\b(?:{UNDERSTOOD.answers.keep})\b")
# "Ja, lieber verschieben" agrees to the move that the question offers beside the cancellation.
MOVE = re.compile(rf"\b(?:{UNDERSTOOD.answers.move})\b")
CANCELLATION_WORD: Final = rf"(?:{UNDERSTOOD.answers.cancellation})"
# A caller who agrees under a condition has not agreed yet: "ja, wenn Sie was anderes haben".
CONDITION = re.compile(rf"\b(?:{UNDERSTOOD.answers.condition})\b")
# A caller who speaks about cancelling, or reports it, has not asked for it: "warum wollen Sie absagen", "vielleicht absagen".
SPEAKS_OF_IT = re.compile(rf"\b(?:{UNDERSTOOD.answers.speaks_of_it})\b")
# Requests in the form of a question, and words at the end of a statement that ask nothing.
REQUEST = re.compile(rf"^(?:{UNDERSTOOD.answers.request})\b")
# "Ja, ich komme" and "ja, mit zwei n" begin as an agreement does: where more is said than these, a model has to decide.
FILLER: Final = rf"(?:{UNDERSTOOD.answers.filler})"
# Possessive, since "please do" is one phrase or two words: thirty of them would be tried in all combinations, for minutes.
ONLY_YES = re.compile(rf"(?:(?:{YES_WORD}|{FILLER})(?: |$))++")
# The counterpart: a no, without words that may answer another question.
ONLY_NO = re.compile(rf"(?:(?:{NO.pattern}|{KEEP.pattern}|{FILLER})(?: |$))++")
# "Wie bitte?" and "Was kostet das?" answer nothing, with or without the sign that a speech recognizer puts at their end.
ASKING = re.compile(rf"^(?:(?:{UNDERSTOOD.answers.before_question}) )*(?:{UNDERSTOOD.answers.asking})\b")
SAYING = re.compile(rf"^(?:{UNDERSTOOD.answers.saying})\b")
WAIT = re.compile(rf"\b(?:{UNDERSTOOD.answers.wait})\b")
WAITING_LIST = re.compile(UNDERSTOOD.answers.waiting_list, re.IGNORECASE)
OFF_THE_LIST = re.compile(rf"\b(?:{UNDERSTOOD.answers.off_the_list})", re.IGNORECASE)
APPOINTMENT_WORD = re.compile(rf"\b(?:{UNDERSTOOD.answers.appointment})", re.IGNORECASE)
STAYS = re.compile(rf"\b(?:{UNDERSTOOD.answers.stays})", re.IGNORECASE)
ANYBODY = re.compile(rf"(?:{UNDERSTOOD.answers.anybody})\b")


def says_nothing_beside(word: str) -> bool:
    """Return whether a word in lower case says nothing beside the value or the time that a caller chooses: "ja", "der"."""
    return fold(word) in UNDERSTOOD.grammar.fillers or ONLY_YES.fullmatch(word) is not None


def only_waits(utterance: str) -> bool:
    """Return whether a whole utterance asks to wait: "Moment, ich frage ihn noch", unlike "das weiß ich im Moment nicht"."""
    rest, found = WAIT.subn(" ", words_of(utterance))
    return bool(found) and all(map(says_nothing_beside, rest.split()))


class Reply(StrEnum):
    """A caller's answer to a yes-or-no question. If it is `UNCLEAR`, the model's argument for the answer counts."""

    YES = "yes"
    NO = "no"  # also if the caller only asks something back: the model's claim of an agreement does not count
    ASIDE = "aside"  # to a question whose no is final (which person or appointment): it is asked again
    UNCLEAR = "unclear"

    def agrees(self, claimed: object) -> bool:
        """Return True for a yes, or for an unclear reply if the model has `claimed` True; never if it has `claimed` False."""
        return claimed is not False and (self is Reply.YES or (self is Reply.UNCLEAR and claimed is True))


def words_of(utterance: str) -> str:
    """Return the words of an utterance in lower case, separated by single spaces and without punctuation."""
    return " ".join(re.findall(r"\w+", utterance.casefold()))


def is_question(utterance: str) -> bool:
    """Return whether an utterance is a question."""
    return utterance.rstrip().endswith("?") or asks(words_of(utterance))


def asks(said: str) -> bool:
    return bool(ASKING.search(said)) and not SAYING.search(said)
