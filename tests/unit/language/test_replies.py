"""A caller's yes is a yes. A question or a no is not, whatever the model claims."""

import time
from datetime import date

import pytest

from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import Question, read_reply
from tests.worlds.rows import each_row


def read(*utterances: str) -> Reply:
    """Return how the answer to "Soll ich … absagen?" is read."""
    return read_reply(utterances, Question.CANCEL)


@each_row(
    "said",
    [
        "Ja.", "Ja, bitte.", "Jawohl", "Genau.", "Gerne!", "yes please", "Ja gut, passt.", "Yes, go ahead.",
        "Ja, sagen Sie ihn bitte ab.", "Ja, machen Sie das bitte.", "Ja, vielen Dank.", "Ja, sehr gern.", "Äh, ja, genau so.",
        "Ja, auf jeden Fall.", "Ja, den Termin bitte absagen.", "Yes, that's right.", "Sure, cancel it, please.",
        "ja", "ja bitte", "ja, sagen Sie ihn ab", "ja bitte tut mir leid, und das kostet nix", "Ja, alles absagen.",
    ],
)  # fmt: skip
def test_clear_yes_agrees_without_the_model(said: str) -> None:
    assert read(said) is Reply.YES
    assert Reply.YES.agrees(None)
    assert not Reply.YES.agrees(False)


@each_row(
    "said",
    [
        "Nein.", "Nein, den behalte ich.", "Nee, doch nicht.", "Moment mal, wann war der nochmal?", "wie bitte",
        "Was kostet das, wenn ich absage?", "und wann hätte ich dann einen neuen", "Bitte?", "Bitte nicht.", "Stimmt nicht.",
        "Nicht den, den anderen.", "Nicht den, den anderen absagen.", "Lieber verschieben.", "Kann ich auch verschieben?",
        "Auf keinen Fall.", "no, keep it", "Wie lange vorher muss man denn absagen?", "Bei wem ist der Termin denn?",
        "Nein, bitte nicht absagen.", "Moment.", "Hallo?", "don't cancel it", "Uh, no thanks.", "Hmm, no I need that one.",
        "Actually no.", "Absolutely not.", "Of course not.", "Never mind.", "I changed my mind.",
        "Nein, den sagen Sie bitte nicht ab.", "Auf keinen Fall absagen", "Absagen, nein", "Niemals absagen", "Keinesfalls",
        "Bloß nicht", "Um Gottes willen", "Nein, okay, dann nicht", "Nein nein, das ist okay so", "Nein, der Termin passt",
        "Das muss nicht abgesagt werden", "Ich möchte keinen Termin absagen", "Ich hab doch nichts von absagen gesagt",
        "Nein, absagen nicht.", "Nein, den anderen absagen.", "Nein, ich will nicht, dass Sie absagen.", "Nein, warum absagen?",
        "Nein, absagen will ich nicht.", "No, I don't want to cancel.", "Nein, verschieben, nicht absagen.",
        "Nein, ich kann da nicht.",
        "Ja, ich weiß nicht.", "Ja, warum nicht verschieben", "Ja, verschieben nicht absagen", "Ja, nein, was kostet das",
        "Ja, nein verschieben.", "Nein verschieben. Ja.", "Ja, im Moment bitte.", "Yes, no reschedule please.",
        "Nein, vielleicht absagen.", "No, move it instead of cancelling.", "Nein, lieber verschieben.",
        "No, keep it, don't cancel.",
        "Verschieben geht nicht.", "Ja, verschieben geht nicht.", "Don't move or cancel it.", "No, no need to cancel.",
        "Verschieben geht nicht, absagen auch nicht.", "No cancelling.", "Nein, weder verschieben noch absagen.",
        "No need to cancel", "I didn't say cancel", "I won't cancel", "No, that's okay", "Der Termin passt", "Termin ist okay",
        "Ja, ich komme", "Ja lassen Sie ihn stehen", "Ja lass ihn drin", "Ja, der soll stattfinden", "Okay, dann komm ich",
        "Ja, auf Freitag", "Ja, später", "Ja gerne auf nächste Woche", "Ja, machen wir das, am Freitag um zehn",
        "Yes, push it to Friday", "Ja, nee", "Ja, lieber verschieben.", "Ja, verschieben Sie ihn bitte.",
        "Verschieb ihn auf Montag.", "Umbuchen, bitte.", "Ja, den verlegen wir.", "Okay, dann verschieben wir ihn.",
        "Ja, gern verschieben auf nächste Woche", "Ja, Moment, ich hole den Kalender.",
        "Ja, aber nur, wenn ich vorher einen neuen bekomme.", "Gern einen anderen Tag", "Lieber verschieben statt absagen",
        "Ja bitte nicht absagen", "Ja, lieber an einem anderen Tag", "Okay, Moment", "Können wir das verschieben statt absagen",
        "I'd rather not cancel", "Verschieben, absagen muss ich nicht", "Ja, wenn Sie einen anderen haben",
        "Yes, if there is another slot", "Reschedule instead of cancelling", "Sure, but find me another time first",
        "Erst einen neuen suchen, dann absagen", "Nicht gleich stornieren", "Yes, move it, please.", "Reschedule it.",
        "Sure, postpone it.", "Ja, kann man den verschieben?", "Ja, umlegen geht auch.", "Ich kann da nicht kommen.",
        "Ja, das kann ich nicht.",
        "Ich bin mir nicht sicher.", "Hm.", "Ja, geht das noch?", "Ja, und den anderen auch.",
        "Okay, dann lassen wir das.", "Ja, vergessen Sie es.", "Ich bin sicher, dass ich komme.",
        "Sie sind ja ein Computer, ich möchte einen Menschen.", "Ja, der soll stehen bleiben.",
        "Ja, der Termin am Freitag soll bleiben.", "Ja, ich komme.", "Klar komme ich.", "Genau den Termin brauche ich.",
        "Ja den Termin nehme ich wahr", "Ja, ich überlege noch.", "Sure, I'll be there.", "Passt mir gut.", "Ich bin sicher.",
        "wer hat denn was von absagen gesagt", "Warum wollen Sie absagen?", "cancel? why would I", "absagen wäre schade",
        "kann ich auch später noch absagen", "Wie lange kann ich kostenlos absagen?", "absagen tu ich das kaum",
        "ich wollte nur fragen ob ich absagen kann", "vielleicht absagen", "my friend wants to cancel, I'm coming",
        "Absagen? Um Himmels willen!", "eventuell muss ich absagen", "you want me to cancel",
        "Man hat mir gesagt, Sie wollen absagen",
        "absagen kann ich immer noch", "ich überlege, ob ich absagen soll", "she said cancel", "Muss ich den absagen?",
    ],
)  # fmt: skip
def test_no_and_questions_override_the_models_agreement(said: str) -> None:
    assert read(said) is Reply.NO
    assert not any(Reply.NO.agrees(claimed) for claimed in (True, False, None))


@each_row(
    "said",
    [
        "", "Das stimmt.", "Ist richtig.", "Okay, danke.", "Machen Sie das.", "Weg damit.", "Ich möchte absagen.",
        "Sagen Sie ihn halt ab.", "Bleibt mir nichts anderes übrig.", "Nicht verschieben, sondern absagen.",
        "Ich kann doch nicht kommen, sagen Sie ab.", "Absagen, ne?", "Wie gesagt, absagen.", "Wie Sie wollen.", "Warum nicht.",
        "Ich kann nicht, bitte absagen", "Bitte absagen, und einen anderen suchen.", "Nein, kein Problem, sagen Sie ihn ab.",
        "No problem, cancel it.", "Do it.",
        "Nein, absagen.", "Nein danke, nur absagen.", "No, cancel it.", "No need to move it, just cancel.", "Nein, ja, absagen!",
        "Nein, verschieben geht nicht, absagen bitte.", "Nee, sagen Sie ihn bitte ab.", "No thanks, please cancel.",
        "Nö, nicht verschieben, absagen.", "Nein, ich kann da nicht, sagen Sie ihn ab.", "Äh, nein, stornieren.",
        "Don't move it, just cancel.", "Verschieben geht leider nicht, bitte absagen.",
        "alles klar, danke", "genau, alles gut so", "ja, alles richtig", "ja, sicher richtig so", "ja das ist okay so",
        "ja, passt alles so, danke", "ja so ist es gut", "Können Sie den bitte absagen?", "Könnten Sie stornieren?",
        "Can you cancel it, please?", "Ich wollte absagen.", "I would like to cancel it.",
    ],
)  # fmt: skip
def test_unclear_reply_follows_the_models_confirmed_argument(said: str) -> None:
    assert read(said) is Reply.UNCLEAR
    assert [Reply.UNCLEAR.agrees(claimed) for claimed in (True, False, None)] == [True, False, False]


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("ja bitte tut mir wirklich leid ... und das kostet jetzt nix", Reply.YES), ("ja, tut mir leid", Reply.YES),
        ("ja leider", Reply.YES), ("yes, I'm so sorry", Reply.YES), ("ja bitte, und das kostet mich nichts?", Reply.NO),
        ("Schade, aber ja.", Reply.YES), ("Tut mir leid, aber ja.", Reply.YES), ("Sorry, but yes.", Reply.YES),
        ("Ungern, aber ja bitte.", Reply.YES), ("It's a pity, but yes.", Reply.YES), ("Schade, aber nein.", Reply.NO),
        ("Schade, aber ich komme.", Reply.NO), ("Sorry, but I need it.", Reply.NO), ("Schade, aber lieber verschieben.", Reply.NO),
        ("Schade, aber ja, wenn ich einen neuen bekomme.", Reply.NO), ("Wenn es nichts kostet, ja.", Reply.NO),
        ("nein, tut mir leid", Reply.NO), ("tut mir leid", Reply.NO), ("kostet das was?", Reply.NO),
        ("entschuldigung, lieber verschieben", Reply.NO), ("das heißt es kostet mich in diesem fall nichts gut dann ja", Reply.YES),
        ("das heißt, es kostet mich nichts, ja", Reply.NO), ("that means it won't cost me anything, okay then yes", Reply.YES),
        ("so it costs me nothing in that case then yes", Reply.YES), ("that means it costs nothing, yes", Reply.NO),
        ("das wollt ich grad fragen, ja", Reply.YES), ("Ja, bitte absagen, das wollt ich wissen.", Reply.YES),
        ("Das wollte ich gerade fragen.", Reply.NO), ("Ja, das wollte ich fragen, ob das etwas kostet.", Reply.NO),
    ],
)  # fmt: skip
def test_apology_does_not_undo_an_agreement(said: str, reply: Reply) -> None:
    assert read_reply([said], Question.CANCEL) is reply


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("meinen Termin am Freitag absagen", Reply.NO), ("Sagen Sie das Färben ab", Reply.NO),
        ("cancel the Friday one", Reply.NO), ("den von meinem Sohn absagen", Reply.NO), ("stornieren Sie das Färben", Reply.NO),
        ("den bei Mehmet absagen", Reply.NO), ("den am 11. Dezember absagen", Reply.NO),
        ("meinen Termin am Donnerstag absagen", Reply.UNCLEAR), ("Sagen Sie den Haarschnitt ab", Reply.UNCLEAR),
        ("den bei Anna absagen", Reply.UNCLEAR), ("den am 10. absagen", Reply.UNCLEAR), ("ja, sagen Sie ihn ab", Reply.YES),
    ],
)  # fmt: skip
def test_cancelling_another_appointment_agrees_to_nothing(said: str, reply: Reply) -> None:
    about = "Soll ich Ihren Termin am Donnerstag, den 10. Dezember, um 10 Uhr, Haarschnitt bei Anna, absagen?"
    assert read_reply([said], Question.CANCEL, about=about) is reply


ABOUT_TOMORROW = "Soll ich Ihren Termin am Samstag, den 28. November, um 10 Uhr, Haarschnitt bei Anna, absagen?"
FRIDAY = date(2026, 11, 27)


FOR_ERNA = "Soll ich Ihren Termin am Donnerstag, den 10. Dezember, um 9 Uhr, Schnitt bei Julia{}, absagen?"


@pytest.mark.parametrize(
    ("said", "whose", "reply"),
    [
        ("Ja, Omas.", " für Erna Lange", Reply.NO),
        ("Ja, den von Erna.", " für Erna Lange", Reply.YES),
        ("Ja, nur den von Erna.", " für Erna Lange", Reply.YES),
        ("Ja, nur den von Otto.", " für Erna Lange", Reply.NO),
        ("Ja, Ernas.", " für Erna Lange", Reply.YES),
        ("Ja, seinen.", " für Tom Lange", Reply.NO),
        ("Ja, den am Donnerstag.", "", Reply.YES),
        ("Ja, den Schnitt bei Julia.", "", Reply.YES),
        ("Ja, Omas.", "", Reply.NO),
        ("Ja, Ottos.", " für Erna Lange", Reply.NO),
        ("Ja, meinen.", " für Erna Lange", Reply.NO),
        ("Ja, den am Freitag.", "", Reply.NO),
        ("ja der", "", Reply.YES),
        ("Ja, dieser Termin.", "", Reply.YES),
        ("ja der Donnerstag", "", Reply.YES),
        ("ja der bei Julia", "", Reply.YES),
        ("ja den meine ich", "", Reply.YES),
        ("ja der am Freitag", "", Reply.NO),
        ("ja der bei Anna", "", Reply.NO),
        ("ja der passt", "", Reply.NO),
        ("ja der bei Julia ist gut", "", Reply.NO),
        ("Ja, verschieben.", "", Reply.NO),
    ],
)
def test_only_words_of_the_question_may_follow_yes(said: str, whose: str, reply: Reply) -> None:
    assert read_reply([said], Question.CANCEL, about=FOR_ERNA.format(whose)) is reply


def test_english_question_words_may_follow_yes() -> None:
    about = (
        "Shall I cancel your appointment on Thursday, 10 December, at 10 o'clock, haircut with Mehmet for Tom Lange?"
    )
    assert read_reply(["Yes, Tom's."], Question.CANCEL, about=about) is Reply.YES
    assert read_reply(["Yes, mine."], Question.CANCEL, about=about) is Reply.NO
    assert read_reply(["I think so."], Question.CANCEL, about=about) is Reply.UNCLEAR


@each_row(
    ("said", "reply"),
    [
        ("Ich kann morgen nicht kommen, sagen Sie ab", Reply.UNCLEAR), ("Ich kann morgen nicht, sagen Sie ab", Reply.UNCLEAR),
        ("meine Tochter ist krank, absagen", Reply.UNCLEAR), ("I can't make it, please cancel", Reply.UNCLEAR),
        ("my daughter is sick, please cancel it", Reply.UNCLEAR), ("I can't come tomorrow, cancel it please", Reply.UNCLEAR),
        ("Mein Auto ist leider kaputt, bitte absagen", Reply.UNCLEAR), ("ich komme nicht, absagen", Reply.UNCLEAR),
        ("Da kann ich nicht. Absagen bitte.", Reply.UNCLEAR), ("ich hab keine Zeit, sagen Sie ab", Reply.UNCLEAR),
        ("wegen meiner Tochter muss ich absagen", Reply.UNCLEAR), ("den Termin morgen absagen", Reply.UNCLEAR),
        ("Ja, meine Tochter ist krank", Reply.UNCLEAR), ("Ja bitte, ich bin krank", Reply.UNCLEAR),
        ("yes please, a friend has done the needful already", Reply.UNCLEAR), ("Ja bitte, ist bereits repariert", Reply.UNCLEAR),
        ("Ja, hat sich erledigt", Reply.UNCLEAR),
        ("Ach, das kostet nichts, das wollte ich fragen. Dann ja, bitte absagen.", Reply.UNCLEAR), ("Nein. Ja.", Reply.NO),
        ("Ich kann übermorgen nicht kommen, sagen Sie ab", Reply.NO), ("Ich kann heute nicht, sagen Sie ab", Reply.NO),
        ("Ich kann morgen nicht absagen", Reply.NO), ("den von meiner Tochter absagen", Reply.NO),
        ("absagen mach ich morgen", Reply.NO), ("ich sag morgen ab", Reply.NO), ("I'll cancel tomorrow", Reply.NO),
        ("ich kann morgen noch absagen", Reply.NO), ("absagen schaffe ich morgen nicht", Reply.NO),
        ("meine Tochter will absagen", Reply.NO), ("mein Sohn kann nicht kommen, absagen", Reply.NO),
        ("Mein Sohn hat auch einen, den absagen", Reply.NO), ("ich komme, nicht absagen", Reply.NO),
        ("Meine Tochter ist krank, aber ich komme", Reply.NO), ("Ich bin nicht krank, ich komme", Reply.NO),
        ("mein Mann ist krank, sagen Sie seinen ab", Reply.NO), ("my son is sick, cancel his", Reply.NO),
        ("Das kann ich nicht absagen, bitte", Reply.NO), ("ich habe keine Zeit zum Absagen", Reply.NO),
        ("Can't cancel it", Reply.NO), ("I can't decide, maybe cancel", Reply.NO),
    ],
)  # fmt: skip
def test_stated_reason_does_not_change_the_reply(said: str, reply: Reply) -> None:
    assert read_reply([said], Question.CANCEL, about=ABOUT_TOMORROW, today=FRIDAY) is reply


def test_unrelated_words_do_not_hide_an_answer() -> None:
    assert read("Wie bitte?", "Ja, genau.") is Reply.YES
    assert read("Ja.", "Hallo? Sind Sie noch da?") is Reply.YES
    assert read("Wie bitte?", "Machen Sie das.") is Reply.UNCLEAR
    assert read("Hm.", "Wann war der?") is Reply.NO
    assert read() is Reply.UNCLEAR


def test_no_is_final_despite_a_later_yes() -> None:
    assert read("Nein, den anderen.", "Ja, bitte.") is Reply.NO
    assert read("Ja.", "Nein, doch nicht.") is Reply.NO


def test_confirmed_address_stays_confirmed_whatever_follows() -> None:
    assert read_reply(["Moment.", "Ja, stimmt.", "Nein, um elf passt nicht."], Question.ADDRESS) is Reply.YES
    assert read_reply(["Nein, mit Doppel-n.", "Ja."], Question.ADDRESS) is Reply.NO


@pytest.mark.parametrize(
    "said", ["Ja, mit zwei n.", "Genau, gmx Punkt net.", "Ja, das a ist ein o.", "stimmt, Punkt com hinten"]
)
def test_correction_of_an_address_is_no_agreement(said: str) -> None:
    assert read_reply([said], Question.ADDRESS) is Reply.UNCLEAR


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Ja, den.", Reply.YES), ("Den möchte ich verschieben.", Reply.UNCLEAR),
        ("Den auf einen anderen Tag, bitte.", Reply.UNCLEAR),
        ("Der passt nicht mehr.", Reply.UNCLEAR), ("Nein, den anderen.", Reply.NO), ("Den anderen.", Reply.NO),
        ("Welchen meinen Sie?", Reply.ASIDE),
    ],
)  # fmt: skip
def test_request_to_move_does_not_deny_the_appointment(said: str, reply: Reply) -> None:
    assert read_reply([said], Question.MEANT) is reply


def test_repeated_politeness_phrase_is_parsed_quickly() -> None:
    began = time.process_time()
    assert read_reply(["yes " + "please do " * 22 + "x"], Question.CANCEL) is Reply.NO
    assert time.process_time() - began < 0.5


@each_row(
    ("said", "reply"),
    [
        ("Ja, ich kann da nicht.", Reply.YES), ("Ja, da kann ich leider nicht.", Reply.YES),
        ("Ja, ich kann da nicht kommen.", Reply.YES), ("Ja bitte, ich schaffe es nicht.", Reply.YES),
        ("Ja, da bin ich nicht da.", Reply.YES), ("Yes, I can't make it.", Reply.YES), ("Yes, we can't then.", Reply.YES),
        ("Yes, get rid of it.", Reply.YES), ("Yes please, sorry about that.", Reply.YES), ("Jawoll.", Reply.YES),
        ("Yup.", Reply.YES), ("Sure thing.", Reply.YES), ("Jupp, bitte.", Reply.YES), ("Definitely.", Reply.YES),
        ("Genau der.", Reply.YES), ("That's the one.", Reply.UNCLEAR), ("Mhm.", Reply.UNCLEAR),
        ("I'm afraid so.", Reply.UNCLEAR), ("Uh-huh.", Reply.UNCLEAR),
        ("Ja, ich kann da nicht absagen.", Reply.NO), ("Ja, ich kann da nicht, auf Freitag.", Reply.NO),
        ("Ich kann da nicht.", Reply.NO), ("Hm.", Reply.NO), ("Definitely not.", Reply.NO), ("Yes, the other one.", Reply.NO),
        ("Das kann ich nicht.", Reply.NO), ("Ja, da bin ich da.", Reply.NO), ("That's not the one.", Reply.NO),
        ("Yup, move it.", Reply.NO), ("Genau, der passt.", Reply.NO), ("Yes, I can't cancel.", Reply.NO),
        ("Ja, den auch.", Reply.YES), ("Ja, beide Termine.", Reply.YES), ("Ja. Halt!", Reply.NO),
        ("Auf jeden Fall.", Reply.YES), ("Sure, that one too.", Reply.YES), ("Den auch.", Reply.UNCLEAR),
        ("Ich denke schon.", Reply.UNCLEAR), ("I think so.", Reply.UNCLEAR), ("Muss ich, ja.", Reply.UNCLEAR),
        ("Ja, ich muss arbeiten.", Reply.UNCLEAR), ("Ja, ich wollte ihn tauschen.", Reply.NO), ("Ja, ich höre Sie.", Reply.NO),
        ("Ja, ich wollte den Termin bestätigen.", Reply.NO), ("Yes, I was calling about that one.", Reply.NO),
        ("Ja, am Samstag um zehn bin ich im Urlaub.", Reply.UNCLEAR), ("Ja, aber ich muss arbeiten.", Reply.NO),
        ("Ja, oder ich komme später.", Reply.NO), ("Ja, wir ziehen am Montag um.", Reply.NO),
        ("Ja, ich muss um neun arbeiten.", Reply.NO), ("Ja, es geht um das Färben.", Reply.NO), ("Muss ich?", Reply.NO),
        ("Ja, mein Sohn ist krank.", Reply.UNCLEAR), ("Yes, I'm not in town.", Reply.UNCLEAR), ("Ja danke, tschüss.", Reply.YES),
        ("Ja, er ist krank.", Reply.NO), ("Ja, mein Mann kommt.", Reply.NO), ("Ja, ich muss erst schauen.", Reply.NO),
        ("Ja, Samstag um zehn passt.", Reply.NO), ("Ja, der um zehn ist richtig.", Reply.NO), ("Ja, da habe ich Zeit.", Reply.NO),
        ("ja nur den von morgen", Reply.YES), ("ja aber der andere bleibt", Reply.YES), ("ja der bleibt", Reply.NO),
        ("Ja, da kann ich.", Reply.NO), ("Ja, das ist meiner.", Reply.NO), ("Ja, wir sehen uns Samstag.", Reply.NO),
    ],
)  # fmt: skip
def test_yes_with_a_reason_confirms_the_cancellation(said: str, reply: Reply) -> None:
    assert read_reply([said], Question.CANCEL, about=ABOUT_TOMORROW, today=FRIDAY) is reply
