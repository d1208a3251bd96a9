"""What a caller has said to a question that is answered with yes or no: where the transcript settles it, no model decides."""

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum

_YES = re.compile(
    r"\b(?:ja|jaja|jawohl|jo|jep|jup|genau|richtig|stimmt|korrekt|gern|gerne|okay|ok|klar|sicher|natürlich|freilich|unbedingt"
    r"|selbstverständlich|einverstanden|passt|yes|yeah|yep|sure|right|correct|exactly|absolutely|of course|go ahead|please do)\b"
)
_NO = re.compile(
    r"\b(?:nein|nee|ne|nö|no|nope|stopp|stop|halt|moment|augenblick|sekunde|warte|warten|behalte|behalten|bleibt|bleiben|falsch"
    r"|andere[mnrs]?|sondern|stattdessen|verschieben|verlegen"
    r"|(?:doch|lieber|bitte|besser|noch|stimmt|passt|ist) nicht|auf keinen fall"
    r"|wait|hold on|keep|wrong|instead|another|different|rather not|don.?t|do not|leave it|just a (?:moment|second))\b"
    r"|^(?:nicht|not)\b"
)
_NEGATION = re.compile(
    r"\b(?:nicht|kein(?:e[mnrs]?)?|nie|not|never|can.?t|isn.?t)\b"
)  # "ja, ich kann nicht" agrees, "ich bin nicht sicher" does not
# "Wie bitte?" and "Was kostet das?" agree to nothing, with or without the sign that a speech recognizer puts at their end.
_QUESTION = re.compile(
    r"^(?:und |aber |also |äh |ähm |and |but |so |um |uh )*"
    r"(?:was|wann|wo|wie|wer|wem|wen|warum|wieso|weshalb|welche[nmrs]?|kostet|what|when|where|who|how|why|which)\b"
)


class Reply(StrEnum):
    """`UNCLEAR` settles nothing: the argument counts in which the model says what it has understood."""

    YES = "yes"
    NO = "no"  # or a question of the caller: the model's word for an agreement does not count
    UNCLEAR = "unclear"

    def agrees(self, claimed: object) -> bool:
        """Return whether the caller has agreed. `claimed` is the model's argument for that: true, false, or absent."""
        return claimed is not False and (self is Reply.YES or (self is Reply.UNCLEAR and claimed is True))


# By what was asked: whether to cancel an appointment (its id), whether it is the one that is meant (`meant_key`), or whether an
# e-mail address is right (the address).
Replies = Mapping[str, Reply]


def meant_key(appointment_id: str) -> str:
    """Return the key in `Replies` of the question whether the caller means this appointment."""
    return f"meant {appointment_id}"


def read_reply(utterances: Iterable[str]) -> Reply:
    """Return what the first clear one of the caller's `utterances` says to a question."""
    replies = (_read(utterance) for utterance in utterances)
    return next((reply for reply in replies if reply is not Reply.UNCLEAR), Reply.UNCLEAR)


def _read(utterance: str) -> Reply:
    said = " ".join(re.findall(r"\w+", utterance.casefold()))
    is_no = bool(_NO.search(said))
    is_yes = bool(_YES.search(_NO.sub(" ", said)))
    is_question = utterance.rstrip().endswith("?") or bool(_QUESTION.search(said))
    if is_yes and not (is_no or is_question or _NEGATION.search(said)):
        return Reply.YES
    return Reply.NO if (is_no or is_question) and not is_yes else Reply.UNCLEAR
