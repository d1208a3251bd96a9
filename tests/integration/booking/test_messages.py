"""Messages of callers: a message that the answer calls noted is committed, once, and within bounds."""

import asyncio
from dataclasses import replace

import pytest

from askproai_runtime.conversation.messages import MESSAGES_PER_CALL, MESSAGES_PER_HOUR
from askproai_runtime.language.replies import PhoneQuestion, Reply
from tests.worlds.booking_environment import Salon, call, leave_message

ARGS = {"message": "Ich komme zehn Minuten später.", "customer_name": "Petra Müller"}
NAMES = ("Otto Lange", "Mia Kurz", "Ben Schröder")
STORED = "SELECT * FROM messages ORDER BY created_at"


async def test_message_is_stored_with_the_calls_number(salon: Salon) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {"recipient": "Anna"})
    assert answer.success
    assert answer.message == "Ich habe es für Anna notiert und richte es aus."
    (row,) = await salon.rows(STORED)
    assert str(row["id"]) == answer.fields["message_id"]
    assert (row["name"], row["text"], row["recipient"]) == ("Petra Müller", ARGS["message"], "Anna")
    assert (row["caller"], row["phone"], row["branch"], row["call_back"]) == ("+4915112345678", None, "mitte", None)


@pytest.mark.parametrize(
    ("said", "first", "until", "spoken"),
    [
        ("am Montag ab zehn", "2026-11-23T09:00", "2026-11-23T23:00", "Montag"),
        ("Montag um 15 Uhr", "2026-11-23T14:00", None, "Montag, den 23. November, um 15 Uhr"),
        ("wenn die Chefin wieder da ist", None, None, "wenn die Chefin wieder da ist"),
        ("um neun", None, None, "um neun"),  # two meanings: a person decides
        ("egal wann", None, None, ": egal wann."),
        ("any time", None, None, ": any time."),
    ],
)
async def test_callback_time_is_interpreted_and_kept_as_said(
    salon: Salon, said: str, first: str | None, until: str | None, spoken: str
) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {"call_back": said})
    assert spoken in answer.message
    (row,) = await salon.rows(STORED)
    assert row["call_back"] == said
    times = [row[name] and f"{row[name]:%Y-%m-%dT%H:%M}" for name in ("call_back_from", "call_back_until")]
    assert times == [first, until]


@pytest.mark.parametrize(
    ("said", "transcript", "message", "noted"),
    [
        ("any", None, "Rezept", None),
        ("egal", "Ich brauche ein Rezept.", "Rezept", None),
        ("beliebig", "", "Rezept", None),
        ("egal", "Rufen Sie mich bitte zurück. Wann? Das ist egal.", "Rezept", "egal"),
        ("any", "Please call me back. When? Any.", "Rezept", "any"),
        ("any", None, "", "any"),
        ("egal wann", None, "Rezept", "egal wann"),
    ],
)
@pytest.mark.parametrize("caller", [None, "+4915112345678"])
async def test_filler_word_requests_no_call_back(
    salon: Salon, caller: str | None, said: str, transcript: str | None, message: str, noted: str | None
) -> None:
    args = ARGS | {"message": message, "call_back": said, "phone": "" if noted is None else "030 23125447"}
    answer = await leave_message(salon.booking, replace(call(caller=caller), said=transcript), args)
    assert (answer.success, "Rückruf" in answer.message) == (True, noted is not None), answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == [noted]


async def test_missing_message_details_are_asked_for(salon: Salon) -> None:
    for args, question in (
        ({"customer_name": "Müller"}, "Was darf ich ausrichten?"),
        ({"message": "Hallo"}, "Von wem darf ich das ausrichten?"),
        ({"message": "Hallo", "customer_name": " . "}, "Von wem darf ich das ausrichten?"),
        ({"message": "Hallo", "customer_name": "{{customer_name}}"}, "Von wem darf ich das ausrichten?"),
        ({"message": "null", "customer_name": "Müller"}, "Was darf ich ausrichten?"),
    ):
        answer = await leave_message(salon.booking, call(), args)
        assert (answer.success, answer.message) == (False, question)
    assert await salon.rows(STORED) == []


async def test_number_is_asked_for_only_for_call_backs(salon: Salon) -> None:
    withheld = call("call_2", None)
    asked = await leave_message(salon.booking, withheld, ARGS | {"call_back": "morgen"})
    assert "Nummer" in asked.message
    assert (await leave_message(salon.booking, withheld, ARGS)).success
    more = ARGS | {"call_back": "morgen", "phone": "0170 1234567"}
    assert (await leave_message(salon.booking, withheld, more)).success
    (row,) = await salon.rows(STORED)
    assert (row["caller"], row["phone"], row["call_back"]) == (None, "+491701234567", "morgen")


@pytest.mark.parametrize(
    ("caller", "phone", "number", "sentence"),
    [
        ("+4915112345678", None, "of_call", "die Nummer, von der Sie anrufen"),
        ("+4915112345678", "0170 1234567", "named", "die Nummer 0 1 7 0, 1 2 3, 4 5 6, 7"),
        (None, "0170 1234567", "named", "die Nummer 0 1 7 0, 1 2 3, 4 5 6, 7"),
    ],
)
async def test_call_back_answer_names_the_stored_number(
    salon: Salon, caller: str | None, phone: str | None, number: str, sentence: str
) -> None:
    answer = await leave_message(salon.booking, call("call_3", caller), ARGS | {"call_back": "morgen", "phone": phone})
    assert (answer.fields["number"], sentence in answer.message) == (number, True), answer.message


@pytest.mark.parametrize(
    "said",
    [
        "Bitte Rückruf unter 0171 2345678.", "Rückruf unter (0171) 2345678, danke.", "Rückruf unter 171 2345678",
        "Rückruf unter null eins sieben eins zwei drei vier fünf sechs sieben acht bitte", "0171 – 23-45 678",
        "Termin am 11.12. um 10 Uhr verschieben, 0171/2345678", "Rechnung vom 07.12.2026, 0171.2345678",
        "Call me on oh one seven one, two three four five six seven eight.",
    ],
)  # fmt: skip
async def test_phone_number_within_message_text_is_noted(salon: Salon, said: str) -> None:
    answer = await leave_message(salon.booking, call("call_5", None), ARGS | {"message": said, "call_back": "true"})
    assert "die Nummer 0 1 7 1, 2 3 4, 5 6 7, 8" in answer.message, answer.message
    (row,) = await salon.rows(STORED)
    assert (row["text"], row["phone"]) == (said, "+491712345678")


@pytest.mark.parametrize(
    "said", ["Ab dem 07.12.2026 um 10:30 Uhr, Zimmer 12", "Rechnung 20261234 vom 2026-12-01", "0171 23"]
)
async def test_dates_and_invoice_numbers_are_no_phone_number(salon: Salon, said: str) -> None:
    answer = await leave_message(salon.booking, call("call_6", None), ARGS | {"message": said, "call_back": "true"})
    assert answer.message == "Unter welcher Nummer erreichen wir Sie für den Rückruf?"


async def test_number_of_another_message_is_not_reused(salon: Salon) -> None:
    hidden = call("call_4", None)
    await leave_message(salon.booking, hidden, ARGS | {"phone": "0170 1234567"})
    answer = await leave_message(salon.booking, hidden, {"customer_name": "Otto Kurz", "message": "Bitte melden"})
    assert answer.message.endswith("Eine Telefonnummer ist dazu nicht notiert."), answer.message


@pytest.mark.parametrize(
    ("recipient", "whom"), [("Anna", " für Anna"), ("die Anna", " für Anna"), ("die Chefin", ""), (None, "")]
)
async def test_message_answer_names_its_recipient(salon: Salon, recipient: str | None, whom: str) -> None:
    answer = await leave_message(salon.booking, call("call_5"), ARGS | {"recipient": recipient})
    as_said = " Als Empfänger ist notiert: die Chefin." if recipient == "die Chefin" else ""
    assert answer.message == f"Ich habe es{whom} notiert und richte es aus.{as_said}"


async def test_unparsable_phone_number_is_stored_verbatim(salon: Salon) -> None:
    await leave_message(salon.booking, call(), ARGS | {"phone": "die vom Büro, Durchwahl 7"})
    (row,) = await salon.rows(STORED)
    assert (row["caller"], row["phone"]) == ("+4915112345678", "die vom Büro, Durchwahl 7")


async def test_overlong_message_is_asked_for_again(salon: Salon) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {"message": "wort " * 100})
    assert not answer.success
    assert "das Wichtigste" in answer.message
    assert await salon.rows(STORED) == []


async def test_repeated_message_is_stored_once(salon: Salon) -> None:
    first = await leave_message(salon.booking, call(), ARGS)
    again = await leave_message(salon.booking, call(), ARGS | {"message": "ich komme zehn Minuten später"})
    assert first.fields == again.fields
    both = await asyncio.gather(*(leave_message(salon.booking, call("call_2"), ARGS) for _ in range(5)))
    assert len({answer.fields["message_id"] for answer in both}) == 1
    assert len(await salon.rows(STORED)) == 2


async def test_messages_per_call_and_number_are_limited(salon: Salon) -> None:
    for number in range(MESSAGES_PER_CALL):
        args = {"message": f"Nummer {number}", "customer_name": NAMES[number]}
        assert (await leave_message(salon.booking, call(), args)).success
    refused = await leave_message(salon.booking, call(), ARGS | {"message": "noch eine"})
    assert (refused.success, "nicht notiert" in refused.message) == (False, True)
    assert (await leave_message(salon.booking, call(), {"message": "Nummer 0", "customer_name": NAMES[0]})).success
    answers = [await leave_message(salon.booking, call(f"call_{n}x"), ARGS) for n in range(MESSAGES_PER_HOUR)]
    assert sum(answer.success for answer in answers) == MESSAGES_PER_HOUR - MESSAGES_PER_CALL
    assert (await leave_message(salon.booking, call("call_other", "+4915100000000"), ARGS)).success


@pytest.mark.parametrize(
    "said",
    [
        "null",
        "nein",
        "Nein, danke.",
        "false",
        "{{caller}}",
        "kein Rückruf nötig",
        "nicht gewünscht",
        "keine Angabe",
        "N/A",
        "-",
    ],
)
async def test_declined_call_back_is_not_noted(salon: Salon, said: str) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {"call_back": said, "recipient": said, "phone": said})
    assert answer.message == "Ich habe es notiert und richte es aus."
    (row,) = await salon.rows(STORED)
    assert (row["call_back"], row["recipient"], row["phone"]) == (None, None, None)
    alone = await leave_message(salon.booking, call("call_a"), {"customer_name": "Müller", "call_back": said})
    assert (alone.success, alone.message) == (False, "Was darf ich ausrichten?")


@pytest.mark.parametrize("said", ["ja", "Ja, bitte!", "true", True])
async def test_plain_yes_requests_a_call_back(salon: Salon, said: object) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {"call_back": said})
    assert answer.message == (
        "Ich habe es notiert und gebe Ihren Wunsch nach einem Rückruf weiter."
        " Notiert ist dazu die Nummer, von der Sie anrufen."
    )
    (row,) = await salon.rows(STORED)
    assert row["call_back"]


@pytest.mark.parametrize(("argument", "word"), [("call_back", "Wann"), ("recipient", "Für wen"), ("phone", "Nummer")])
async def test_overlong_detail_is_asked_for_again(salon: Salon, argument: str, word: str) -> None:
    answer = await leave_message(salon.booking, call(), ARGS | {argument: "wort " * 50})
    assert (answer.success, word in answer.message) == (False, True), answer.message
    assert await salon.rows(STORED) == []


@pytest.mark.parametrize("caller", [None, "+4915112345678"])
async def test_second_phone_number_is_stored_in_the_text(salon: Salon, caller: str | None) -> None:
    said = "mobil: 0171-5556677, Festnetz: 030/1234567"
    for _ in range(2):
        args = ARGS | {"call_back": "morgen", "phone": said}
        answer = await leave_message(salon.booking, replace(call(caller=caller), replies={}), args)
        assert (answer.success, answer.fields["number"]) == (True, "named"), answer.message
    (row,) = await salon.rows(STORED)
    assert (row["phone"], said in row["text"]) == ("+491715556677", True)


async def test_overlong_phone_text_is_stored_in_the_message(salon: Salon) -> None:
    """A caller without a number is asked for it twice, and the message is noted all the same."""
    words = "die von meiner Schwiegermutter in Potsdam, die haben Sie schon 030"
    asked = {PhoneQuestion.UNCLEAR.key: Reply.UNCLEAR, PhoneQuestion.CALL_BACK.key: Reply.UNCLEAR}
    for count, is_noted in ((0, False), (1, False), (2, True)):
        context = replace(call(caller=None), replies=dict(list(asked.items())[:count]))
        answer = await leave_message(salon.booking, context, ARGS | {"call_back": "morgen", "phone": words})
        assert answer.success is is_noted, answer.message
    (row,) = await salon.rows(STORED)
    assert (row["phone"], words in row["text"]) == (None, True)


async def test_later_plain_yes_keeps_the_callback_time(salon: Salon) -> None:
    spoken = "Montag, den 23. November, um 15 Uhr"
    for said in ("Montag um 15 Uhr", "ja", True, "Ja, bitte einen Rückruf"):
        answer = await leave_message(salon.booking, call(), ARGS | {"call_back": said})
        assert spoken in answer.message
        (row,) = await salon.rows(STORED)
        assert (row["call_back"], f"{row['call_back_from']:%a %H:%M}") == ("Montag um 15 Uhr", "Mon 14:00")
    answer = await leave_message(salon.booking, call(), ARGS | {"call_back": "Dienstag um 9 Uhr früh"})
    assert "Dienstag, den 24. November, um 9 Uhr" in answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == ["Dienstag um 9 Uhr früh"]


async def test_correction_to_the_calling_number_is_stored(salon: Salon) -> None:
    for named in ("0170 1234567", "+4915112345678"):
        assert (await leave_message(salon.booking, call(), ARGS | {"phone": named})).success
    assert [row["phone"] for row in await salon.rows(STORED)] == ["+4915112345678"]


@pytest.mark.parametrize(
    ("first", "second", "text"),
    [
        ({}, {"message": "", "call_back": "morgen"}, "Ich komme zehn Minuten später."),
        ({}, {"message": "", "recipient": "der Chef"}, "Ich komme zehn Minuten später."),
        ({}, {"message": "Bittet um Rückruf.", "call_back": "morgen"}, "Ich komme zehn Minuten später."),
        ({}, {"message": "Ich komme zehn Minuten später, wegen Stau."}, "Ich komme zehn Minuten später, wegen Stau."),
        ({}, {"message": "Und ich bringe Mia mit"}, "Ich komme zehn Minuten später. Und ich bringe Mia mit"),
        ({"message": "", "call_back": "morgen"}, {"message": "Es geht um Mia"}, "Es geht um Mia"),
        ({"customer_name": "Müller"}, {"message": ""}, "Ich komme zehn Minuten später."),
        ({}, {"message": "", "customer_name": ""}, "Ich komme zehn Minuten später."),
    ],
)
async def test_second_message_amends_the_first(
    salon: Salon, first: dict[str, str], second: dict[str, str], text: str
) -> None:
    noted = await leave_message(salon.booking, call(), ARGS | first)
    for _ in range(2):
        again = await leave_message(salon.booking, call(), ARGS | {"phone": "030 23125447"} | second)
        assert again.fields == noted.fields | {"number": "named"}, again.message
    (row,) = await salon.rows(STORED)
    assert (row["text"], row["phone"], row["name"]) == (text, "+493023125447", "Petra Müller")
    assert row["recipient"] == second.get("recipient")
    assert row["call_back"] == (first | second).get("call_back")


async def test_amended_message_is_said_with_its_number(salon: Salon) -> None:
    await leave_message(salon.booking, call(), ARGS)
    args = ARGS | {"message": "", "call_back": "Montag um 15 Uhr", "phone": "030 23125447"}
    answer = await leave_message(salon.booking, call(), args)
    for part in ("Montag, den 23. November, um 15 Uhr", "0 3 0, ", f"Die Nachricht lautet jetzt: {ARGS['message']}"):
        assert part in answer.message, answer.message


@pytest.mark.parametrize(
    "more", ["Und bitte den Spiegel für die Kleine mitbringen, sie wartet darauf.", "<b>und: Spiegel</b>"]
)
async def test_long_amended_message_is_not_repeated(salon: Salon, more: str) -> None:
    await leave_message(salon.booking, call(), ARGS)
    answer = await leave_message(salon.booking, call(), ARGS | {"message": more})
    assert answer.message == "Ich habe es notiert und richte es aus. Alles steht in einer Nachricht."


PETRA = {"message": "", "customer_name": "Petra Müller", "phone": "0151 22334455", "call_back": "morgen um 10"}
OTTO = PETRA | {"customer_name": "Otto Kurz", "phone": "0151 99887766", "call_back": "morgen um 14 Uhr"}


@pytest.mark.parametrize(
    ("said", "noted"),
    [
        ([PETRA, OTTO], [("Bittet um Rückruf.", "Petra Müller", "55"), ("Bittet um Rückruf.", "Otto Kurz", "66")]),
        ([ARGS, ARGS | {"customer_name": "Otto Kurz"}],
         [(ARGS["message"], "Petra Müller", ""), (ARGS["message"], "Otto Kurz", "")]),
        ([ARGS, ARGS | {"message": "Rezept"}, OTTO | {"message": ARGS["message"]}],
         [(f"{ARGS['message']} Rezept", "Petra Müller", ""), (ARGS["message"], "Otto Kurz", "66")]),
        ([PETRA | {"message": "Befund"}, PETRA | {"message": "Rechnung", "phone": OTTO["phone"]}],
         [("Befund", "Petra Müller", "55"), ("Rechnung", "Petra Müller", "66")]),
        ([PETRA | {"message": "Befund"}, PETRA | {"message": "Rechnung", "call_back": "Montag um 15 Uhr"}],
         [("Befund", "Petra Müller", "55"), ("Rechnung", "Petra Müller", "55")]),
        ([ARGS | {"recipient": "Anna"}, ARGS | {"message": "Anna war grob"}],
         [(ARGS["message"], "Petra Müller", ""), ("Anna war grob", "Petra Müller", "")]),
        ([ARGS, ARGS | {"message": "Nur für Anna", "recipient": "Anna"}],
         [(ARGS["message"], "Petra Müller", ""), ("Nur für Anna", "Petra Müller", "")]),
        ([ARGS | {"message": "Nicht vor 10 Uhr anrufen"}, ARGS | {"message": "vor 10 Uhr anrufen"}],
         [("Nicht vor 10 Uhr anrufen. vor 10 Uhr anrufen", "Petra Müller", "")]),
        ([PETRA | {"call_back": "ja"}, PETRA | {"message": "Befund"}], [("Befund", "Petra Müller", "55")]),
        ([ARGS | {"recipient": "Anna"}, ARGS | {"message": "Bitte melden.", "recipient": "Mehmet"}],
         [(ARGS["message"], "Petra Müller", ""), ("Bitte melden.", "Petra Müller", "")]),
        ([ARGS | {"recipient": "Anna"}, ARGS | {"recipient": "Mehmet"}],
         [(ARGS["message"], "Petra Müller", ""), (ARGS["message"], "Petra Müller", "")]),
    ],
)  # fmt: skip
async def test_messages_of_two_people_are_stored_separately(
    salon: Salon, said: list[dict[str, str]], noted: list[tuple[str, str, str]]
) -> None:
    for _ in range(2):
        for args in said:
            answer = await leave_message(salon.booking, call(), args)
            assert answer.success, answer.message
        rows = await salon.rows(STORED)
        assert [(row["text"], row["name"], (row["phone"] or "")[-2:]) for row in rows] == noted


async def test_second_name_corrects_the_messages_name(salon: Salon) -> None:
    for args in (ARGS, {"customer_name": "Petra Lenz"}):
        assert (await leave_message(salon.booking, call(), args)).success
    assert [row["name"] for row in await salon.rows(STORED)] == ["Petra Lenz"]


async def test_unclear_words_never_replace_a_number(salon: Salon) -> None:
    for phone in (PETRA["phone"], "lieber auf dem Handy", "lieber auf dem Handy"):
        answer = await leave_message(salon.booking, call(), ARGS | {"phone": phone})
        assert answer.success, answer.message
    assert "0 1 5, 1 2, 2 3 3, 4 4 5, 5" in answer.message
    (row,) = await salon.rows(STORED)
    assert row["phone"] == "+4915122334455"
    assert row["text"] == f"{ARGS['message']} Telefon, wie verstanden: lieber auf dem Handy"


async def test_anonymous_persons_number_is_not_used_for_others(salon: Salon) -> None:
    hidden, again = call("call_2", None), {"message": "Rezept", "call_back": "Montag um 15 Uhr", "phone": ""}
    assert (await leave_message(salon.booking, hidden, PETRA | {"message": "Befund"})).success
    other = await leave_message(salon.booking, hidden, OTTO | again)
    assert (other.success, other.message) == (False, "Unter welcher Nummer erreichen wir Sie für den Rückruf?")
    same = await leave_message(salon.booking, hidden, PETRA | again)
    assert "0 1 5, 1 2, 2 3 3, 4 4 5, 5" in same.message
    assert [row["phone"] for row in await salon.rows(STORED)] == ["+4915122334455"] * 2


async def test_concurrent_messages_of_several_people_are_stored(salon: Salon) -> None:
    names = ("Petra Müller", "Otto Kurz", "Mia Braun")
    answers = await asyncio.gather(
        *(leave_message(salon.booking, call(), ARGS | {"customer_name": name}) for name in names)
    )
    assert all(answer.success for answer in answers)
    assert {row["name"] for row in await salon.rows(STORED)} == set(names)


@pytest.mark.parametrize(
    ("more", "number"), [({"message": "", "call_back": "morgen"}, None), ({"phone": "0151 22334455"}, "+4915122334455")]
)
async def test_done_message_is_never_amended(salon: Salon, more: dict[str, str], number: str | None) -> None:
    await leave_message(salon.booking, call(), ARGS)
    await salon.rows("UPDATE messages SET done_at = clock_timestamp(), done_by = 'anna'")
    for _ in range(2):
        assert (await leave_message(salon.booking, call(), ARGS | more)).success
    done, still_open = await salon.rows(STORED)
    assert (done["call_back"], done["phone"], still_open["done_at"]) == (None, None, None)
    assert (still_open["call_back"], still_open["phone"]) == (more.get("call_back"), number)


async def test_concurrent_messages_of_one_person_are_one(salon: Salon) -> None:
    texts = [ARGS["message"], "Bitte den Spiegel mitbringen."]
    both = await asyncio.gather(*(leave_message(salon.booking, call(), ARGS | {"message": text}) for text in texts))
    assert len({answer.fields["message_id"] for answer in both}) == 1
    (row,) = await salon.rows(STORED)
    assert all(text in row["text"] for text in texts)
