"""Numbers as callers dictate them and models pass them on: read if they have one meaning, else asked for again."""

from dataclasses import replace

import pytest

from askproai_runtime.booking import PhoneQuestion, Reply
from askproai_runtime.booking.phone_argument import SaidPhone, ask_for_phone, read_phone
from askproai_runtime.booking.types import ClarificationNeeded
from tests.worlds.booking_environment import call
from tests.worlds.compiled_salon import salon_config

CONFIG = salon_config()
NUMBER = "+4915112345678"
OWN = CONFIG.branches[0].phone_numbers[0].number


@pytest.mark.parametrize("said", [
    "0151 12345678", "0151-1234-5678", "0151, 123, 456, 78", "0151/12345678", "(0151) 12 34 56 78", "+49 151 12345678",
    "0049 151 12345678", "4915112345678", "4915112345678.0", "15112345678", "+49 (0) 151 12345678", "\u202a+4915112345678\u202c",
    "null eins fünf eins eins zwei drei vier fünf sechs sieben acht", "Null Eins Fuenf Eins, eins zwo drei vier, 5678",
    "nulleinsfünfeins zwölf vierunddreißig sechsundfünfzig achtundsiebzig", "plus vier neun eins fünf eins 12345678",
    "null fünfzehn eins 12 34 56 78",
    "o one five one, one two three four five six seven eight", "oh one five one 12345678",
    "zero one five one twelve thirty-four fifty-six seventy-eight", "plus four nine one five one 12 34 56 78",
    "Meine Nummer ist 0151 und dann 12345678", "Vorwahl 0151, Rufnummer 12345678 bitte",
    "tel. 0151 12345678 (Büro), danke", "０１５１ 12345678",
])  # fmt: skip
def test_one_number_is_read_however_it_is_said(said: str) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone(NUMBER)


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("0151 drei mal die vier 55667", "+4915144455667"),
        ("0151 doppel vier 445566", "+4915144445566"),
        ("0151 doppelvier 445566", "+4915144445566"),
        ("0151 double four 445566", "+4915144445566"),
        ("0151 triple four 55667", "+4915144455667"),
        ("0151 44 zweimal die Null 4455", "+4915144004455"),
        ("0151 3 x 4 55667", "+4915144455667"),
        ("0151 - vierundvierzig 445566", "+4915144445566"),
        ("plus vier eins vier vier sechs sechs acht achtzehn null null", "+41446681800"),
        ("41446681800", "+41446681800"),
    ],
)
def test_repeated_digits_and_other_countries_are_read(said: str, number: str) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone(number)


@pytest.mark.parametrize("said", [
    "0151 123", "0151 12345678 oder 030 1234567", "die gleiche wie immer", "0151 vier und vierzig 445566", "doppel 0151 12345678",
    "0151 hundert 12345678", "null eins fünf eins", "0151 12345678 Durchwahl 5", "151 2234 5678", "12", "ruf mich an", "112",
])  # fmt: skip
def test_words_that_may_be_no_number_are_unclear(said: str) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone(unclear=said)


@pytest.mark.parametrize("said", [None, "+86282452253", "+17378742833", OWN, OWN.removeprefix("+")])
def test_a_stand_in_says_nothing_of_the_caller(said: str | None) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone()


@pytest.mark.parametrize("said", [
    "diese Nummer", "same number", "die, von der ich anrufe", "caller's number", "this number", "meine Nummer",
    "Die gleiche Nummer",
    "dieselbe", "the number I'm calling from", "caller_id", "unter dieser Nummer, bitte", "die aktuelle Telefonnummer", "my number",
    "Nummer des Anrufers", "the one I am calling from right now", "von der ich gerade anrufe", "current caller number",
    "this mobile number", "diese Handynummer hier", "die angezeigte Nummer",
])  # fmt: skip
def test_the_number_of_the_call_is_meant(said: str) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone()


@pytest.mark.parametrize("said", [
    "meine Handynummer", "die von meiner Frau", "my office number", "die Nummer vom letzten Mal", "nicht diese Nummer",
    "die Nummer",
    "this number or 0151 123",
])  # fmt: skip
def test_another_number_is_asked_for(said: str) -> None:
    assert read_phone(said, CONFIG, "mitte") == SaidPhone(unclear=said)


MISSING, UNCLEAR = PhoneQuestion.MISSING, PhoneQuestion.UNCLEAR


@pytest.mark.parametrize(
    ("said", "known", "asked", "question"),
    [
        (SaidPhone(), None, set(), MISSING),
        (SaidPhone(), None, {MISSING}, None),
        (SaidPhone(), None, None, None),  # without a transcript
        (SaidPhone(), NUMBER, set(), None),
        (SaidPhone(NUMBER), NUMBER, set(), None),
        (SaidPhone(unclear="0151"), NUMBER, set(), UNCLEAR),
        (SaidPhone(unclear="0151"), None, {MISSING}, UNCLEAR),
        (SaidPhone(unclear="0151"), None, {MISSING, UNCLEAR}, None),
    ],
)
def test_each_question_is_asked_once(
    said: SaidPhone, known: str | None, asked: set[PhoneQuestion] | None, question: PhoneQuestion | None
) -> None:
    replies = None if asked is None else {each.key: Reply.NO for each in asked}
    calling = replace(call(), replies=replies)
    if question is None:
        ask_for_phone(calling, said, known)
        return
    with pytest.raises(ClarificationNeeded) as raised:
        ask_for_phone(calling, said, known)
    assert raised.value.answer.fields == {"needs_phone": question.value}
