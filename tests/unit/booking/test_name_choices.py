"""What a caller chooses who is asked: is the name to be corrected, or is that a second appointment?"""

from askproai_runtime.booking.answer_words import Reply
from askproai_runtime.booking.name_choices import corrects_name
from askproai_runtime.booking.replies import Question, read_reply
from tests.worlds.rows import each_row

ASKED = "Soll ich den Namen in Petra Langer ändern, oder ist das ein zweiter Termin?"
CORRECTED = (
    "Den Namen ändern.", "Ändern bitte.", "Ja, bitte ändern.", "Nein, nur den Namen ändern.", "Nein, kein zweiter.",
    "Ersteres.", "Das erste.", "Nur der Name.", "Das war ein Tippfehler", "Ich heiße Langer!",
    "Der schreibt sich mit e.", "den Namen bitte auch ändern", "Korrigieren Sie das.",
    "just the name", "Change it, please.", "No, not a second one.", "The former.", "It is spelled with an e.", "My name is Langer.",
    "No, correct the name", "Mit e, Langer.", "Ja, mit e bitte.", "Nur ein Termin, Langer mit r.", "Auch mit Doppel-t.",
    "Also with an e at the end.", "Den Namen bitte.", "Der Name ist falsch.", "Es ist nur ein Termin.",
    "Keep the appointment, change the name.", "Derselbe Termin.", "Nein, das bin ich.", "L-E-N-G-E.", "Bloß ein Termin.",
    "Langer mit r hinten", "mit tz", "mit r am Ende",
)  # fmt: skip
SECOND = (
    "Ein zweiter Termin.", "Zweiter Termin, gleiche Zeit.", "Das ist mein Mann, der kommt auch.", "beide kommen", "Letzteres.",
    "Ein weiterer bitte", "noch einen", "Nein, den Namen nicht ändern.", "für uns beide",
    "Das ist für meinen Sohn, der kommt mit.", "a second one please", "Another one.", "Both of us.", "Don't change it.",
    "Das zweite.",
    "Bitte nichts ändern.", "Add him.",
    "Schreiben Sie ihn noch mit auf.",
    "Neuer Termin.", "Für meinen Mann.", "Das ist eine andere Person.", "Wir sind zu zweit.", "That's somebody else.",
    "It is for my husband.", "He is coming too.", "No, two appointments.",
)  # fmt: skip
NEITHER = (
    "Ja.",
    "Nein.",
    "Ja, genau.",
    "Yes please.",
    "Moment.",
    "Wie bitte?",
    "Otto Lange.",
    "Weder noch.",
    "Können Sie mir auch eine Bestätigung schicken?",
    "Auch das noch.",
    "Lenge, nicht Lange.",
    # Words of something else may turn the choice around.
    "Otto soll bleiben.",
    "Mein Mann heißt Otto, der kommt auch.",
    "Für den brauche ich auch einen.",
    "Same appointment, for him as well.",
    "Der gleiche Termin für Otto, bitte.",
    "Den bring ich mit, ja.",
    "Den nehmen wir mit, ok.",
    "Otto möchte mit, um zehn.",
    "Passt, fix.",
    "",
)


@each_row("said", CORRECTED)
def test_a_correction_is_chosen(said: str) -> None:
    assert read_reply([said], Question.RENAME, about=ASKED) is Reply.YES


@each_row("said", SECOND)
def test_a_second_appointment_is_chosen(said: str) -> None:
    assert read_reply([said], Question.RENAME, about=ASKED) is Reply.NO


@each_row("said", NEITHER)
def test_yes_and_no_choose_neither(said: str) -> None:
    assert read_reply([said], Question.RENAME, about=ASKED) is Reply.UNCLEAR


def test_the_last_choice_counts() -> None:
    assert corrects_name(["ändern", "nein, ein zweiter Termin", "ja"]) is False
