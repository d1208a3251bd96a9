"""Birth dates as callers say them and models write them down."""

from dataclasses import replace
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_runtime.conversation.types import ClarificationNeeded
from askproai_runtime.conversation.verification import find_birth_date
from askproai_runtime.language.birth_dates import choose_birth_dates, list_birth_dates, list_said_birth_dates
from askproai_runtime.sentences import speaking
from tests.worlds.booking_environment import call
from tests.worlds.rows import each_row

TODAY = date(2026, 11, 20)


@each_row(
    ("said", "read"),
    [
        ("1985-03-12", date(1985, 3, 12)),
        ("1985-3-12", date(1985, 3, 12)),
        ("12.3.1985", date(1985, 3, 12)),
        ("12. 03. 85", date(1985, 3, 12)),
        ("12 3 85", date(1985, 3, 12)),
        ("12. März 1985", date(1985, 3, 12)),
        ("3. Jänner 1990", date(1990, 1, 3)),
        ("29. Februar 2000", date(2000, 2, 29)),
        ("2026-11-20", TODAY),
        *((midnight, date(1980, 3, 4)) for midnight in ("1980-03-04T00:00:00", "1980-03-04T00:00:00Z", "1980-03-04 00:00")),
        *((digits, date(1980, 3, 4)) for digits in ("19800304", "04031980", "1980/03/04")),
        *((beside, date(1980, 3, 4)) for beside in ("geb. 04.03.1980", "geboren am 4.3.1980", "am 4.3.80", "4.3.'80")),
        *((beside, date(1980, 3, 4)) for beside in ("04.03.1980 (45 Jahre)", "Geburtsdatum: 4.3.80", "4. März 80 (bestätigt)")),
        *((words, date(1980, 3, 4)) for words in ("vierter dritter achtzig", "vierter März neunzehnhundertachtzig")),
        *((words, date(1980, 3, 4)) for words in ("am vierten dritten neunzehnhundertundachtzig", "4. dritter neunzehn achtzig")),
        *((words, date(2019, 5, 1)) for words in ("erster fünfter zweitausendneunzehn", "1. Mai zweitausendundneunzehn")),
        *((foreign, date(1980, 3, 4)) for foreign in ("March 4, 1980", "4th March 1980", "Mar 4, 1980", "4 March 80")),
        *((of_child, date(2008, 3, 4)) for of_child in ("04.03.08", "vierter März null acht", "4. März zweitausendacht")),
        ("einunddreißigster zwölfter neunundneunzig", date(1999, 12, 31)),
        *((no, None) for no in ("29. Februar 2001", "12.3.21", "2026-11-21", "1885-03-12", "12.13.1985", "März 1985", "1985")),
        *((month, date(1980, 3, 24)) for month in ("24-03-1980", "3/24/1980")),
        *((no, None) for no in ("4.3.80 oder 5.3.80", "03/04/1959", "3-4-1959", "12.3.", "04.03.", "030 1234567", "4.3.2080")),
        *((no, None) for no in ("", "unbekannt", "0000-00-00", "99.99.9999", "heute", "x" * 500, "12 drei 85", "nicht 4.3.1980")),
    ],
)  # fmt: skip
def test_only_an_unambiguous_birth_date_is_parsed(said: str, read: date | None) -> None:
    assert list_birth_dates(said, TODAY) == [read] if read else len(list_birth_dates(said, TODAY)) != 1


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("1985-03-12", date(1985, 3, 12)),
        ("March 12th, 1985", date(1985, 3, 12)),
        ("the 12th of March 1985", date(1985, 3, 12)),
        ("12 March 85", date(1985, 3, 12)),
        ("12.3.1985", date(1985, 3, 12)),
        ("3/24/1985", date(1985, 3, 24)),
        ("24/3/1985", date(1985, 3, 24)),
        ("24-3-1985", date(1985, 3, 24)),
        ("3/3/1985", date(1985, 3, 3)),
        *((words, date(1984, 3, 4)) for words in ("fourth of March nineteen eighty-four", "March fourth, eighty four")),
        *(
            (words, date(2008, 3, 21))
            for words in ("March twenty-first two thousand and eight", "21st of March oh eight")
        ),
        *(
            (words, date(2019, 5, 1))
            for words in ("first of May twenty nineteen", "born on May 1st, two thousand nineteen")
        ),
        ("DOB: 4. März 1984", date(1984, 3, 4)),
        *(
            (no, None)
            for no in ("3/12/1985", "12/3/1985", "3-12-1985", "13/13/1985", "March 1985", "12 March 21", "unknown")
        ),
    ],
)
def test_ambiguous_english_birth_date_is_asked_again(said: str, read: date | None) -> None:
    with speaking(Language.EN):
        assert list_birth_dates(said, TODAY) == [read] if read else len(list_birth_dates(said, TODAY)) != 1


CHILD, ELDER = date(2019, 5, 1), date(1919, 5, 1)


@each_row(
    ("language", "answer", "meant"),
    [
        *(("de", said, CHILD) for said in ("2019", "Zweitausendneunzehn.", "Zwanzig neunzehn.", "Er ist sieben Jahre alt.")),
        *(("de", said, CHILD) for said in ("Sie ist 7 Jahre.", "Ein Kind ist das!", "Für meinen Sohn, erster fünfter neunzehn.")),
        *(("de", said, CHILD) for said in ("Für meine kleine Tochter.", "Es ist ein Baby, 18 Monate.", "Nicht 1919, 2019.")),
        *(("de", said, ELDER) for said in ("1919", "Neunzehnhundertneunzehn.", "Sie ist 107 Jahre alt.")),
        *(("en", said, CHILD) for said in ("2019", "Twenty nineteen.", "Two thousand and nineteen.", "He's seven years old.")),
        *(("en", said, CHILD) for said in ("She's a child.", "It's for my son.", "My daughter is 7 years old.")),
        *(("en", said, ELDER) for said in ("1919", "Nineteen nineteen.", "nineteen hundred and nineteen")),
        *(("de", said, CHILD) for said in ("Bestimmt nicht 1919.", "Nein, nicht neunzehnhundertneunzehn.", "2019 und nicht 1919.")),
        *(("de", said, ELDER) for said in ("Nicht 2019.", "Sie ist hundertsieben Jahre alt.", "Sie wird 108 Jahre alt.")),
        *(("de", said, CHILD) for said in ("Die Kleine ist acht Wochen alt.", "Er wird acht Jahre alt.")),
        *(("en", said, CHILD) for said in ("Definitely not 1919.", "He is 18 months old.")),
        *(("en", said, ELDER) for said in ("Not 2019.", "She's a hundred and seven years old.")),
        *(("de", said, None) for said in ("Die war vor drei Wochen schon da.", "Kontrolle in zwei Wochen.", "Vor acht Jahren.")),
        *(("de", said, None) for said in ("1919 kann nicht sein.", "Nicht 2019?", "Nicht 1985.", "1919 ist falsch.", "Sieben.")),
        *(("de", said, None) for said in ("Das erste Mal.", "Er geht in die zweite Klasse.", "Das ist drei Wochen her.")),
        *(("en", said, None) for said in ("She was here three weeks ago.", "In two weeks.", "1919 is wrong.", "The first time.")),
        *(("de", said, None) for said in ("erster fünfter neunzehn", "Ja.", "Ich war 2020 schon da.", "Ich bin die Tochter.", "")),
        *(("en", said, None) for said in ("first of May nineteen", "Yes.", "It's for my mother, I am the daughter.")),
    ],
)  # fmt: skip
def test_callers_answer_selects_the_year_of_birth(language: str, answer: str, meant: date | None) -> None:
    with speaking(Language(language)):
        chosen = choose_birth_dates([CHILD, ELDER], ["Guten Tag.", answer, "Ja, bitte."], TODAY)
    assert chosen == ([meant] if meant else [CHILD, ELDER])


@each_row(
    ("language", "answer", "meant"),
    [
        *(("de", said, CHILD) for said in ("Er ist sieben.", "Er wird acht.", "7", "Das erste.", "Ja, das erste Jahr.")),
        *(("de", said, CHILD) for said in ("Acht Wochen.", "Ein Baby, sechs Monate.")),
        *(("de", said, ELDER) for said in ("Hundertsieben.", "107.", "Das zweite, bitte.", "Sie ist 107.")),
        *(("en", said, CHILD) for said in ("He's seven.", "The first one, please.", "Seven.", "Not 1919.", "He turns eight.")),
        *(("en", said, ELDER) for said in ("A hundred and seven.", "The second one.", "She is one hundred and seven.")),
        *(("de", said, None) for said in ("Neunzehn.", "7.5.19", "Sieben, fünf, neunzehn.", "Nicht das erste.", "Um sieben.")),
        *(("de", said, None) for said in ("Er geht in die zweite Klasse.", "Das frühere.", "Vor sieben Jahren.", "Das erste Mal.")),
        *(("en", said, None) for said in ("Nineteen.", "May the first nineteen.", "Not the first one.", "Seven years ago.")),
    ],
)  # fmt: skip
def test_callers_answer_may_be_an_age_or_ordinal(language: str, answer: str, meant: date | None) -> None:
    with speaking(Language(language)):
        chosen = choose_birth_dates([CHILD, ELDER], ["Guten Tag.", answer], TODAY, answer)
    assert chosen == ([meant] if meant else [CHILD, ELDER])


@each_row(
    ("born", "answer", "meant"),
    [
        *((2011, said, 1985) for said in ("Fünfundachtzig!", "Ich bin fünfundachtzig geboren.", "85")),
        *((2011, said, 1985) for said in ("Zwölf drei fünfundachtzig.", "Fünfundachtzig, nicht elf.", "Nicht elf.")),
        *((2011, said, 2011) for said in ("Elf.", "2011, nicht 85.")),
        *((2008, said, 2008) for said in ("Null acht.", "Zwölf drei null acht.")),
        *((1941, said, None) for said in ("Fünfundachtzig.", "Einundvierzig.")),
        *((2011, said, None) for said in ("Um elf.", "Elf Uhr.", "Am zwölften dritten.", "85 oder 11?")),
        (1941, "41 Jahre alt.", 1985),
    ],
)  # fmt: skip
def test_two_digits_answered_end_one_asked_year(born: int, answer: str, meant: int | None) -> None:
    asked = sorted((date(born, 3, 12), date(1985, 3, 12)), reverse=True)
    chosen = choose_birth_dates(asked, [answer], TODAY, answer)
    assert chosen == ([date(meant, 3, 12)] if meant else asked)


@each_row(
    ("language", "written", "answers", "meant"),
    [
        ("en", "3/12/1985", ["The third of December."], [(12, 3)]),
        ("en", "3/12/1985", ["March, of course."], [(3, 12)]),
        ("en", "3/12/1985", ["Yes."], [(12, 3), (3, 12)]),
        ("de", "3/12/19", ["Dezember.", "2019"], [(12, 3)]),
        ("de", "3/12/19", ["2019"], [(12, 3), (3, 12)]),
    ],
)
def test_callers_answers_select_the_month_of_birth(
    language: str, written: str, answers: list[str], meant: list[tuple[int, int]]
) -> None:
    with speaking(Language(language)):
        chosen = choose_birth_dates(list_birth_dates(written, TODAY), answers, TODAY)
    assert [(each.month, each.day) for each in chosen] == meant


@each_row(
    ("language", "words", "said"),
    [
        ("de", "Heller, vierter März neunzehnhundertneunundfünfzig", {date(1959, 3, 4)}),
        ("de", "vierter dritter neunundfünfzig.", {date(1959, 3, 4)}),
        ("de", "Erster fünfter neunzehn.", {CHILD, ELDER}),
        ("de", "Anna am 1. Mai 2019 und Ben am zweiten Juni zweitausendzwanzig geboren", {CHILD, date(2020, 6, 2)}),
        ("de", "am vierten Dezember um zehn", set()),
        ("en", "the twenty-fourth of March nineteen fifty-nine, please", {date(1959, 3, 24)}),
        ("en", "on the fourth of December at ten", set()),
    ],
)
def test_birth_dates_are_found_within_words(language: str, words: str, said: set[date]) -> None:
    with speaking(Language(language)):
        assert list_said_birth_dates(words, TODAY) == said


@each_row(
    ("said", "asked"),
    [
        *((other, None) for other in ("Am 25. November, elf.", "Das Rezept ist vom 12.10.26.", "Seit dem 1.1.2020 hier.")),
        ("Mein Sohn ist am dritten vierten zweitausendfünfzehn geboren.", None),
        ("Zwölfter dritter fünfundneunzig.", "Welches Geburtsjahr ist richtig, 1995 oder 1985?"),
        ("Zwölfter dritter sechsundzwanzig.", "Welches Geburtsjahr ist richtig, 2026 oder 1985?"),
        ("Dritter zwölfter fünfundachtzig.", "Welcher Geburtsmonat ist richtig, Dezember oder März?"),
    ],
)  # fmt: skip
def test_said_date_contradicts_in_one_part(said: str, asked: str | None) -> None:
    talk, args = replace(call(), utterances=(said, "Ja.")), {"birth_date": "1985-03-12"}
    try:
        born, question = find_birth_date(args, talk, datetime(2026, 11, 20, 9, tzinfo=UTC), ZoneInfo("UTC")), None
    except ClarificationNeeded as raised:
        born, question = None, raised.answer.message
    assert (born, question) == (None if asked else date(1985, 3, 12), asked)
