"""What a caller chooses who is asked: a further appointment, or one instead of the booked one?"""

import pytest

from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.further_choices import chooses_further
from askproai_runtime.booking.replies import Question, read_reply

FURTHER = (
    "Ein weiterer.", "Ja, noch einer.", "Ja, dazu.", "Ein zweiter Termin.", "Ersteres.", "Für meinen Mann.", "Beide.",
    "Den auch noch bitte.", "Nein, ein weiterer.", "Noch einen.", "Das ist ein neuer Termin.", "Nicht absagen, ein weiterer.",
    "another one", "A further one.", "Both please", "keep both", "In addition.", "That one as well.",
)  # fmt: skip
INSTEAD = (
    "Stattdessen.", "Ja, stattdessen Färben.", "Absagen und Färben.", "Ja, Färben statt Haarschnitt.", "Verschieben!", "Letzteres.",
    "Können Sie den absagen?", "Keinen weiteren, stattdessen.", "Sagen Sie den Haarschnitt ab.", "Nein, verschieben.", "Ersetzen.",
    "Cancel that one and book coloring.", "Cancel it please.", "Move it.", "replace it", "Instead please.", "The latter.",
)  # fmt: skip
NEITHER = (
    "Ja.", "Nein.", "Was kostet das stattdessen?", "Vielleicht absagen.", "Den anderen bitte nicht absagen.", "Moment.",
    "Bitte verschieben Sie den anderen nicht.", "Kein weiterer.", "Der Haarschnitt bleibt.", "Muss ich den dann absagen?",
    "Wenn das geht, stattdessen.", "Don't cancel it.", "Einen weiteren statt des anderen.", "",
)  # fmt: skip


@pytest.mark.parametrize("said", FURTHER)
def test_a_further_one_is_chosen(said: str) -> None:
    assert read_reply([said], Question.FURTHER) is Reply.YES


@pytest.mark.parametrize("said", INSTEAD)
def test_one_instead_is_chosen(said: str) -> None:
    assert read_reply([said], Question.FURTHER) is Reply.NO


@pytest.mark.parametrize("said", NEITHER)
def test_other_words_choose_neither(said: str) -> None:
    assert read_reply([said], Question.FURTHER) is Reply.UNCLEAR


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Ja.", Reply.YES),
        ("Nein.", Reply.NO),
        ("Kein weiterer.", Reply.NO),
        ("Noch einer.", Reply.YES),
        ("Äh.", Reply.UNCLEAR),
    ],
)
def test_a_mere_yes_means_a_repeated_one_too(said: str, reply: Reply) -> None:
    assert read_reply([said], Question.REPEATED) is reply


def test_the_last_choice_of_both_counts() -> None:
    assert chooses_further(["ein weiterer", "ach nein, stattdessen", "ja"]) is False
