"""A yes is a yes; a question or a no of the caller is none, whatever a model makes of it."""

import pytest

from askproai_runtime.booking.replies import Reply, read_reply


@pytest.mark.parametrize(
    "said",
    [
        "Ja.",
        "Ja, bitte.",
        "Jawohl",
        "Genau.",
        "Das stimmt.",
        "Ist richtig.",
        "Okay, danke.",
        "Gerne!",
        "yes please",
        "Ja gut, passt.",
    ],
)
def test_an_agreement_needs_no_word_of_the_model(said: str) -> None:
    assert read_reply([said]) is Reply.YES
    assert Reply.YES.agrees(None)
    assert not Reply.YES.agrees(False)


@pytest.mark.parametrize(
    "said",
    [
        "Nein.", "Nein, den behalte ich.", "Nee, doch nicht.", "Moment mal, wann war der nochmal?", "wie bitte",
        "Was kostet das, wenn ich absage?", "und wann hätte ich dann einen neuen", "Bitte?", "Bitte nicht.", "Stimmt nicht.",
        "Nicht den, den anderen.", "Lieber verschieben.", "Kann ich auch verschieben?", "Auf keinen Fall.", "no, keep it",
    ],
)  # fmt: skip
def test_a_no_and_a_question_are_no_agreement_whatever_the_model_says(said: str) -> None:
    assert read_reply([said]) is Reply.NO
    assert not any(Reply.NO.agrees(claimed) for claimed in (True, False, None))


@pytest.mark.parametrize(
    "said",
    [
        "Machen Sie das.", "Weg damit.", "Ja, ich kann da nicht kommen.", "Ich bin mir nicht sicher.", "Nein, ja, absagen!", "Hm.",
        "Ja, geht das noch?", "Ich möchte absagen.", "Ja, und den anderen auch.", "",
    ],
)  # fmt: skip
def test_what_is_not_clear_counts_as_the_model_has_understood_it(said: str) -> None:
    assert read_reply([said]) is Reply.UNCLEAR
    assert [Reply.UNCLEAR.agrees(claimed) for claimed in (True, False, None)] == [True, False, False]


def test_of_several_utterances_the_first_clear_one_decides() -> None:
    assert read_reply(["Hm.", "Ja.", "Nein."]) is Reply.YES
    assert read_reply([]) is Reply.UNCLEAR


@pytest.mark.parametrize(
    ("said", "reply"),
    [
        ("Yes, please.", Reply.YES),
        ("That's right.", Reply.YES),
        ("Sure, go ahead.", Reply.YES),
        ("No, keep it.", Reply.NO),
        ("Wait, the other one!", Reply.NO),
        ("Please don't.", Reply.NO),
        ("Not that one.", Reply.NO),
        ("Which appointment?", Reply.NO),
        ("What does it cost", Reply.NO),
        ("I can't make it.", Reply.UNCLEAR),
        ("That's not right.", Reply.UNCLEAR),
        ("Yes, but keep the one on Friday", Reply.UNCLEAR),
    ],
)
def test_english_callers_agree_and_refuse_in_their_words(said: str, reply: Reply) -> None:
    assert read_reply([said]) is reply
