"""A yes that repeats the question or its request is a yes. A yes with anything more is unclear."""

import pytest

from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import Question, read_reply

MOVE = "reschedule_appointment"
OF_OTTO = (
    "Eingetragen ist der Termin am Freitag, den 27. November, um 14 Uhr, Haarschnitt bei Anna für Otto Lange, nicht für Petra "
    "Lange. Meinen Sie diesen?"
)
AT_MEHMET = (
    "Soll Ihr Termin am Freitag, den 27. November, um 14 Uhr, Haarschnitt bei Anna, zur selben Zeit bei Mehmet sein?"
)
COLORING = (
    "Soll ich Ihren Termin am Freitag, den 27. November, um 14 Uhr, Haarschnitt bei Anna, absagen und stattdessen Färben bei Anna "
    "eintragen: Freitag, den 27. November, um 16 Uhr?"
)
BESIDE = (
    "Um diese Zeit ist schon ein Termin eingetragen: Freitag, um 16 Uhr, Färben bei Mehmet. Soll ich trotzdem dorthin "
    "verschieben?"
)
TO_CANCEL = "Soll ich Ihren Termin am Freitag, den 27. November, um 14 Uhr, Haarschnitt bei Anna, absagen?"
TO_LEAVE = "Soll ich den Platz auf der Warteliste streichen: Haarschnitt, Freitag, den 27. November, um 14 Uhr?"
IN_ENGLISH = (
    "I have the appointment on Friday, 27 November, at 2 pm, a haircut with Anna for Otto Lange, not for Petra Lange. Do you "
    "mean that one?"
)


def read(said: str, about: str, question: Question = Question.MEANT, **request: str) -> Reply:
    return read_reply([said], question, about=about, function=MOVE, request=request)


@pytest.mark.parametrize(
    "said",
    [
        "Ja, den von meinem Mann.", "Ja, genau den.", "Ja, den meine ich.", "Ja, der ist von meinem Mann.", "Ja, Ottos.",
        "Richtig, das ist der von Otto.", "Ja, für meinen Mann.", "Genau, das ist mein Mann.", "Ja, bitte auf fünf.",
        "Ja, den bitte verschieben.", "Ja, das ist der richtige.", "Stimmt.", "Ja, der Termin von Otto.", "Ja klar, den.",
        "Ja, ich rufe für ihn an.", "Doch, genau der.", "Ja, er hat mich gebeten anzurufen.", "Der ist schon richtig.",
        "Ja, bitte verschieben.", "Ja, Otto Lange.", "Ja, den am Freitag.", "Ja, den um zwei bei Anna.",
        "Ja, auf Samstag um 17 Uhr.",
    ],
)  # fmt: skip
def test_yes_repeating_the_question_stays_a_yes(said: str) -> None:
    assert read(said, OF_OTTO, time="17:00", date="2026-11-28") is Reply.YES


@pytest.mark.parametrize(
    "said",
    [
        "Ja, aber nicht auf fünf.", "Ja, aber lieber um sechs.", "Ja, den anderen.", "Ja, und den von Mia auch.", "Ja, auf sechs.",
        "Ja, aber ich möchte meinen.", "Ja, den am Samstag.", "Ja, aber bei Mehmet.", "Ja, wenn das geht.", "Ja, den von Petra.",
        "Ja, meinen.", "Ja, meinen Termin.", "Ja, um halb fünf.", "Ja, Mia.", "Ja, den um drei.", "Ja, Färben.",
        "Ja, nur den Bart.",
    ],
)  # fmt: skip
def test_yes_with_additions_is_unclear(said: str) -> None:
    assert read(said, OF_OTTO, time="17:00") is Reply.UNCLEAR


@pytest.mark.parametrize(
    ("about", "said", "reply"),
    [
        (AT_MEHMET, "Ja, bei Mehmet bitte.", Reply.YES), (AT_MEHMET, "Ja, zur selben Zeit.", Reply.YES),
        (AT_MEHMET, "Ja, meinen Termin zu Mehmet.", Reply.YES), (AT_MEHMET, "Ja, bei Anna.", Reply.UNCLEAR),
        (AT_MEHMET, "Ja, aber lieber bei Anna.", Reply.UNCLEAR), (AT_MEHMET, "Ja, um drei.", Reply.UNCLEAR),
        (COLORING, "Ja, bitte so eintragen.", Reply.YES), (COLORING, "Ja, um vier.", Reply.YES),
        (COLORING, "Genau, Färben statt Schneiden.", Reply.YES), (COLORING, "Ja, Färben um vier.", Reply.YES),
        (COLORING, "Ja, um zwei.", Reply.UNCLEAR), (COLORING, "Ja, den Haarschnitt.", Reply.UNCLEAR),
        (COLORING, "Ja, Haarschnitt statt Färben.", Reply.UNCLEAR),
        (BESIDE, "Ja, trotzdem.", Reply.YES), (BESIDE, "Ja, trotzdem verschieben.", Reply.YES),
        (BESIDE, "Ja, auf fünf.", Reply.UNCLEAR),
        (IN_ENGLISH, "Yes, my husband's.", Reply.YES), (IN_ENGLISH, "Yes, Otto's appointment at two.", Reply.YES),
        (IN_ENGLISH, "Yes, but at five.", Reply.UNCLEAR), (IN_ENGLISH, "Yes, mine.", Reply.UNCLEAR),
    ],
)  # fmt: skip
def test_yes_naming_former_values_is_no_yes(about: str, said: str, reply: Reply) -> None:
    assert read(said, about) is reply


@pytest.mark.parametrize(
    ("about", "said", "reply"),
    [
        (TO_CANCEL, "Ja, den von Otto.", Reply.YES), (TO_CANCEL, "Ja, den um zwei.", Reply.YES),
        (TO_CANCEL, "Ja, er kann nicht kommen.", Reply.YES), (TO_CANCEL, "Ja, den um drei.", Reply.NO),
        (TO_CANCEL, "Ja, den von Mia.", Reply.NO), (TO_CANCEL, "Ja, den am Samstag.", Reply.NO),
        (TO_LEAVE, "Ja, nehmen Sie mich runter.", Reply.YES), (TO_LEAVE, "Ja, von der Warteliste bitte.", Reply.YES),
        (TO_LEAVE, "Ja, bitte runternehmen.", Reply.YES), (TO_LEAVE, "Ja, ich brauche ihn nicht mehr.", Reply.YES),
        (TO_LEAVE, "Ja, aber den Platz am Samstag.", Reply.NO), (TO_LEAVE, "Ja, den anderen.", Reply.NO),
    ],
)  # fmt: skip
def test_cancellation_is_confirmed_in_its_own_words(about: str, said: str, reply: Reply) -> None:
    assert read(said, about, Question.CANCEL, customer_name="Otto Lange") is reply
