"""What a caller chooses who is asked: a further appointment, or one instead of the booked one?"""

import pytest

from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.further_choices import chooses_further
from askproai_runtime.booking.replies import Question, read_reply
from tests.worlds.rows import each_row

ASKED = "Soll das ein weiterer sein, oder soll ich diesen absagen und stattdessen Färben eintragen?"
FURTHER = (
    "Ein weiterer.", "Ja, noch einer.", "Ja, dazu.", "Ein zweiter Termin.", "Ersteres.", "Für meinen Mann.", "Beide.",
    "Den auch noch bitte.", "Nein, ein weiterer.", "Noch einen.", "Das ist ein neuer Termin.",
    "another one", "A further one.", "Both please", "In addition.", "That one as well.",
)  # fmt: skip
INSTEAD = (
    "Stattdessen.", "Ja, stattdessen Färben.", "Absagen und Färben.", "Verschieben!", "Letzteres.",
    "Können Sie den absagen?", "Sagen Sie den ab.", "Nein, verschieben.", "Ersetzen.",
    "Cancel that one.", "Cancel it please.", "Move it.", "replace it", "Instead please.", "The latter.",
)  # fmt: skip
NEITHER = (
    # What a word negates is before it, or behind it; and words of anything else may turn the choice around.
    "Nicht absagen, ein weiterer.", "Absagen nicht, beide.", "Verschieben nicht, noch einer.", "Cancel? No, both.", "Um zwei.",
    "Nein, absagen will ich nicht, noch einen.", "Ja, Färben statt Haarschnitt.", "Der Otto kommt mit.", "At two.", "Um elf.",
    "Ja.", "Nein.", "Was kostet das stattdessen?", "Vielleicht absagen.", "Den anderen bitte nicht absagen.", "Moment.",
    "Bitte verschieben Sie den anderen nicht.", "Kein weiterer.", "Der Haarschnitt bleibt.", "Muss ich den dann absagen?",
    "Wenn das geht, stattdessen.", "Don't cancel it.", "Einen weiteren statt des anderen.", "",
)  # fmt: skip


@each_row("said", FURTHER)
def test_a_further_one_is_chosen(said: str) -> None:
    assert read_reply([said], Question.FURTHER, about=ASKED) is Reply.YES


@each_row("said", INSTEAD)
def test_one_instead_is_chosen(said: str) -> None:
    assert read_reply([said], Question.FURTHER, about=ASKED) is Reply.NO


@each_row("said", NEITHER)
def test_other_words_choose_neither(said: str) -> None:
    assert read_reply([said], Question.FURTHER, about=ASKED) is Reply.UNCLEAR


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
