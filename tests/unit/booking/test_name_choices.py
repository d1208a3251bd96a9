"""What a caller chooses who is asked: is the name to be corrected, or is that a second appointment?"""

import pytest

from askproai_runtime.booking.name_choices import corrects_name
from askproai_runtime.booking.replies import Question, Reply, read_reply

CORRECTED = (
    "Den Namen ändern.", "Ändern bitte.", "Ja, bitte ändern.", "Nein, nur den Namen ändern.", "Nein, kein zweiter.",
    "Ersteres.", "Das erste.", "Nur der Name.", "Der Name ist falsch geschrieben.", "Das war ein Tippfehler", "Ich heiße Lenge!",
    "Der schreibt sich mit e.", "den Namen bitte auch ändern", "kein weiterer Termin, nur der Name", "Korrigieren Sie das.",
    "just the name", "Change it, please.", "No, not a second one.", "The former.", "It is spelled with an e.", "My name is Lenge.",
    "No, just correct the name",
)  # fmt: skip
SECOND = (
    "Ein zweiter Termin.", "Zweiter Termin, gleiche Zeit.", "Das ist mein Mann, der kommt auch.", "beide kommen", "Letzteres.",
    "Ein weiterer bitte", "noch einen", "Nicht ändern, das ist ein zweiter.", "Nein, den Namen nicht ändern.", "für uns beide",
    "Das ist für meinen Sohn, der kommt mit.", "a second one please", "Another one.", "Both of us.", "Don't change it.",
    "Das zweite.", "Petra soll bleiben.", "Ja, aber Petra bleibt.", "Otto braucht auch einen.", "Keep Petra's.",
    "It is for my husband.", "He is coming too.", "No, two appointments.",
)  # fmt: skip
NEITHER = ("Ja.", "Nein.", "Ja, genau.", "Yes please.", "Moment.", "Wie bitte?", "Otto Lange.", "Weder noch.", "")


@pytest.mark.parametrize("said", CORRECTED)
def test_a_correction_is_chosen(said: str) -> None:
    assert read_reply([said], Question.RENAME) is Reply.YES


@pytest.mark.parametrize("said", SECOND)
def test_a_second_appointment_is_chosen(said: str) -> None:
    assert read_reply([said], Question.RENAME) is Reply.NO


@pytest.mark.parametrize("said", NEITHER)
def test_yes_and_no_choose_neither(said: str) -> None:
    assert read_reply([said], Question.RENAME) is Reply.UNCLEAR


def test_the_last_choice_counts() -> None:
    assert corrects_name(["ändern", "nein, ein zweiter Termin", "ja"]) is False
