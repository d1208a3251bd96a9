"""Phone numbers as callers dictate them and models pass them on: read if unambiguous, otherwise asked for again."""

from dataclasses import replace

import pytest
from msgspec import structs

from askproai_core.languages import Language
from askproai_runtime.conversation.phone_argument import (
    SaidPhone,
    ask_for_phone,
    ask_if_unclear,
    read_phone,
    spell_phone,
)
from askproai_runtime.conversation.types import ClarificationNeeded
from askproai_runtime.language.answer_words import Reply
from askproai_runtime.language.replies import PhoneQuestion
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import call
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
NUMBER = "+4915112345678"
CALL = replace(call(), branch="mitte")
OWN = CONFIG.branches[0].phone_numbers[0].number


@each_row(("said", "read"), [
    *((said, SaidPhone(NUMBER)) for said in (
        "0151 12345678", "0151-1234-5678", "0151, 123, 456, 78", "0151/12345678", "(0151) 12 34 56 78", "+49 151 12345678",
        "0049 151 12345678", "4915112345678", "4915112345678.0", "15112345678", "+49 (0) 151 12345678",
        "\u202a+4915112345678\u202c",
        "null eins fünf eins eins zwei drei vier fünf sechs sieben acht", "Null Eins Fuenf Eins, eins zwo drei vier, 5678",
        "nulleinsfünfeins zwölf vierunddreißig sechsundfünfzig achtundsiebzig", "plus vier neun eins fünf eins 12345678",
        "null fünfzehn eins 12 34 56 78",
        "o one five one, one two three four five six seven eight", "oh one five one 12345678",
        "zero one five one twelve thirty-four fifty-six seventy-eight", "plus four nine one five one 12 34 56 78",
        "Meine Nummer ist 0151 und dann 12345678", "Vorwahl 0151, Rufnummer 12345678 bitte",
        "tel. 0151 12345678 (Büro), danke", "０１５１ 12345678",
    )),
    *((said, SaidPhone(number)) for said, number in (
        ("0151 drei mal die vier 55667", "+4915144455667"), ("0151 doppel vier 445566", "+4915144445566"),
        ("0151 doppelvier 445566", "+4915144445566"), ("0151 double four 445566", "+4915144445566"),
        ("0151 triple four 55667", "+4915144455667"), ("0151 44 zweimal die Null 4455", "+4915144004455"),
        ("0151 3 x 4 55667", "+4915144455667"), ("0151 - vierundvierzig 445566", "+4915144445566"),
        ("plus vier eins vier vier sechs sechs acht achtzehn null null", "+41446681800"), ("+43 1 58910", "+43158910"),
    )),
    *((said, SaidPhone("+4915112345678", several=said)) for said in (
        "0151 12345678 oder 030 1234567", "mobil: 0151-12345678, Festnetz: 030/1234567", "0151 12345678 / 030 1234567",
        "mobil 0151 12345678 und privat 030 1234567", "Handy 0151 12345678 Festnetz 030 1234567",
        "+49 151 12345678; +49 30 23125447",
        "null eins fünf eins, eins zwei drei vier fünf sechs sieben acht oder null drei null eins zwei drei vier fünf sechs sieben",
        "0151 12345678 or 0151 99",
    )),
    *((said, SaidPhone(half=digits)) for said, digits in (
        ("0151 23", "015123"), ("0151 123", "0151123"), ("null eins fünf eins", "0151"),
        ("null eins fünf eins zwei drei", "015123"), ("oh one five one, double three", "015133"), ("030 123", "030123"),
        ("+49 30 123", "+4930123"), ("0049 151 23", "004915123"), ("12", "12"), ("112", "112"), ("+4", "+4"),
        ("Meine Nummer ist 0 49 31 1 2", "0493112"),
    )),
    *((said, SaidPhone(of_call=True)) for said in (
        "die, von der ich anrufe", "caller's number", "the number I'm calling from", "caller_id", "Nummer des Anrufers",
        "the one I am calling from right now", "von der ich gerade anrufe", "current caller number", "die angezeigte Nummer",
        "the one he is calling from", "the number she calls from", "the number of the call", "number of this call",
        "die Nummer des Anrufs", "Rufnummer vom Anruf", "die Rufnummer hier",
        "from the call", "aus dem Anruf", "same as caller", "same as the incoming call", "from_number",
        "the phone I'm using right now", "the line I'm on", "wie im Display",
        "N/A (use caller number)",
        "not provided - use calling number", "keine, die angezeigte", "the calling party number", "die wird Ihnen angezeigt",
        "the number you see", "die Nummer, die Sie sehen", "diese Nummer", "this number", "die aktuelle Telefonnummer",
        "unter dieser Nummer, bitte", "ja, diese Nummer", "this mobile number",
        "Anrufernummer", "the customer's calling number", "mit der ich gerade telefoniere", "das Handy, mit dem ich hier anrufe",
    )),
    *((said, SaidPhone(unclear=said, several=said)) for said in (
        "0151 12345678, nein, 0151 12345679", "0151 12345678, äh, 0151 12345679", "0151 12345678 ? 0151 12345679",
        "0171 5556677 maybe 030 1234567", "0151 12345678, nein, 0151 123456",
    )),
    *((said, SaidPhone(unclear=said)) for said in (
        "die gleiche wie immer", "0151 vier und vierzig 445566", "doppel 0151 12345678",
        "41446681800", "4317654321", "431 765432",
        "0151 hundert 12345678", "0151 12345678 Durchwahl 5", "1 512 234 5678", "1-512-234-5678", "151 123 4567", "170 123456",
        "ruf mich an", "0151 123 456",
        "meine Handynummer", "die von meiner Frau", "my office number", "die Nummer vom letzten Mal", "nicht diese Nummer",
        "die Nummer", "call me", "bitte anrufen", "his number", "her mobile number", "no, another number",
        "nicht die, von der ich anrufe",
        "not the number I am calling from", "this number or 0151 123", "a different number", "no, the one of my wife", "mobile",
        "on my mobile", "his line", "on her line", "the number she called you from", "die, von der er Sie angerufen hat", "see you",
        "his calling number", "the number he is calling you from", "ihre Leitung", "I see",
    )),
])  # fmt: skip
def test_spoken_phone_number_is_read_or_asked_about(said: str, read: SaidPhone) -> None:
    assert read_phone(said, CONFIG, CALL) == read


@each_row(("heard", "said", "number"), [
    ("null vier drei eins, 7654321", "4317654321", "+494317654321"), ("0043 1 7654321.", "4317654321", "+4317654321"),
    ("plus vier drei eins, 7654321", "431 7654321", "+4317654321"), ("Die 0351 4512345 bitte", "3514512345", "+493514512345"),
    ("null null vier vier zwei null sieben neun vier sechs null neun fünf acht", "442079460958", "+442079460958"),
    ("null vier drei eins, sieben", "4317654321", None), ("vier drei eins, 7654321", "4317654321", None),
])  # fmt: skip
def test_callers_zero_or_plus_decides_the_country(heard: str, said: str, number: str | None) -> None:
    talk = replace(CALL, utterances=(heard, "Ja."))
    assert read_phone(said, CONFIG, talk) == SaidPhone(number, unclear=None if number else said)


AT, CH = "+4315871235", "+41446681800"


@each_row(("business", "said", "number"), [
    (OWN, "151 2234 5678", "+4915122345678"), (OWN, "151 2345 6789", "+4915123456789"), (OWN, "15122345678", "+4915122345678"),
    (OWN, "eins fünf sieben, drei vier fünf sechs sieben acht neun null", "+4915734567890"),
    (OWN, "160 95345678", "+4916095345678"), (OWN, "176 12345678", "+4917612345678"), (OWN, "15 12 23 45 67 8", "+4915122345678"),
    (AT, "664 2 345678", "+436642345678"), (AT, "676 8712345", "+436768712345"),
    (AT, "sechs sieben sieben 8712345", "+436778712345"),
    (CH, "79 223 45 67", "+41792234567"), (CH, "76 712 34 56", "+41767123456"), (CH, "sieben acht 7123456", "+41787123456"),
])  # fmt: skip
def test_mobile_number_needs_no_leading_zero(business: str, said: str, number: str) -> None:
    (branch,) = CONFIG.branches
    phones = (structs.replace(branch.phone_numbers[0], number=business, did=business),)
    config = structs.replace(CONFIG, branches=(structs.replace(branch, phone_numbers=phones),))
    assert read_phone(said, config, CALL) == SaidPhone(number)


@pytest.mark.parametrize("said", ["07755 9115", "07748 283", "030 1234567"])
def test_short_landline_number_is_complete(said: str) -> None:
    assert read_phone(said, CONFIG, CALL).half is None


@pytest.mark.parametrize(
    ("number", "spelled"),
    [
        (NUMBER, "0 1 5, 1 1, 2 3 4, 5 6 7, 8"),
        ("+41446681800", "plus 4 1, 4 4, 6 6 8, 1 8, 0 0"),
        ("+497748283", "0 7 7, 4 8, 2 8 3"),
        ("015123", "0 1 5, 1 2 3"),
        ("12", "1 2"),
    ],
)
def test_phone_number_is_spelled_in_digit_groups(number: str, spelled: str) -> None:
    assert spell_phone(number, "DE") == spelled


@pytest.mark.parametrize(
    ("language", "said", "words"),
    [
        (Language.DE, "0151 23", "Als Telefonnummer habe ich 0 1 5, 1 2 3 verstanden"),
        (Language.EN, "0151 23", "I understood 0 1 5, 1 2 3,"),
        *(
            (Language.DE, said, "noch einmal, Ziffer für Ziffer und mit Vorwahl")
            for said in ("1 512 234 5678", "44 20 79460018")
        ),
        (Language.DE, "ruf mich an", "habe ich nicht richtig verstanden"),
        (
            Language.EN,
            "plus four four seven seven double oh nine double oh four one seven",
            "that is not a valid number",
        ),
        (Language.DE, "0151 123 456", "keine vollständige Nummer"),
    ],
)
def test_phone_question_repeats_the_understood_digits(language: Language, said: str, words: str) -> None:
    calling = replace(call(), replies={})
    with speaking(language), pytest.raises(ClarificationNeeded) as raised:
        ask_if_unclear(calling, read_phone(said, CONFIG, CALL), "DE")
    assert words in raised.value.answer.message


@each_row("caller, said", [
    ("+436641234036", "0664 1234036"), ("+436641234036", "+43 664 1234036"), ("+41791234567", "079 123 45 67"),
    ("+12125550106", "212 555 0106"), ("+12125550106", "two one two, five five five, zero one zero six"),
])  # fmt: skip
def test_own_number_from_abroad_needs_no_country(caller: str, said: str) -> None:
    assert read_phone(said, CONFIG, replace(CALL, caller=caller)) == SaidPhone(of_call=True)
    assert read_phone(NUMBER, CONFIG, replace(CALL, caller=caller)) == SaidPhone(NUMBER)


@pytest.mark.parametrize("said", [None, "+86282452253", "+77482832255", OWN, OWN.removeprefix("+")])
def test_stand_in_number_counts_as_absent(said: str | None) -> None:
    assert read_phone(said, CONFIG, CALL) == SaidPhone()


@pytest.mark.parametrize("shown", ["+17378742833", "+4918012345678", "+498001234567", "+447700900417"])
def test_copied_number_of_the_call_counts_as_absent(shown: str) -> None:
    """A model copies the number in its prompt. A switchboard's or a carrier's number would be that of all its callers."""
    calling = replace(CALL, caller=None, shown=shown)
    assert read_phone(shown, CONFIG, calling) == SaidPhone()
    assert read_phone(f"{shown}, privat {NUMBER}", CONFIG, calling).number == NUMBER
    assert read_phone(NUMBER, CONFIG, calling) == SaidPhone(NUMBER)


@each_row("said", [
    "same number", "meine Nummer", "Die gleiche Nummer", "dieselbe", "my number", "this one", "diese Nummer stimmt",
    "this number is fine", "diese Handynummer hier", "yes", "ja, genau",
    "any", "egal", "any number", "irgendeine Nummer", "egal welche Telefonnummer", "callback number",
    "call back number", "number to call back",
    "Rückrufnummer", "no other number", "keine andere Nummer", "ok", "passt so", "you have my number", "the customer's number",
])  # fmt: skip
def test_words_without_a_number_give_no_number(said: str) -> None:
    assert read_phone(said, CONFIG, CALL) in (SaidPhone(), SaidPhone(of_call=True))


MISSING, UNCLEAR, HALF = PhoneQuestion.MISSING, PhoneQuestion.UNCLEAR, PhoneQuestion.HALF


@pytest.mark.parametrize(
    ("said", "known", "asked", "question"),
    [
        (SaidPhone(), None, set(), MISSING),
        (SaidPhone(), None, {MISSING}, None),
        (SaidPhone(), None, None, None),  # without a transcript
        (SaidPhone(), NUMBER, set(), None),
        (SaidPhone(NUMBER), NUMBER, set(), None),
        (SaidPhone(half="0151"), NUMBER, set(), HALF),
        (SaidPhone(half="0151"), None, {MISSING, UNCLEAR}, HALF),
        (SaidPhone(half="0151"), None, {MISSING, HALF}, None),
        (SaidPhone(half="0151"), None, None, None),
        (SaidPhone(unclear="0151"), NUMBER, set(), UNCLEAR),
        (SaidPhone(unclear="0151"), None, {MISSING}, UNCLEAR),
        (SaidPhone(unclear="0151"), None, {MISSING, UNCLEAR}, None),
    ],
)
def test_each_phone_question_is_asked_once(
    said: SaidPhone, known: str | None, asked: set[PhoneQuestion] | None, question: PhoneQuestion | None
) -> None:
    replies = None if asked is None else {each.key: Reply.NO for each in asked}
    calling = replace(call(), replies=replies)

    def ask() -> None:
        ask_if_unclear(calling, said, "DE")
        ask_for_phone(calling, said, known)

    if question is None:
        ask()
        return
    with pytest.raises(ClarificationNeeded) as raised:
        ask()
    assert raised.value.answer.fields == {"needs_phone": question.value}
