"""`call_back: false` withdraws a call-back. Any other words for it are noted, and repeated as they were said."""

from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_fields

from askproai_runtime.sentences import say
from tests.worlds.booking_environment import Salon, call, leave_message

PETRA = {"customer_name": "Petra Müller", "message": "Farbe", "call_back": "morgen"}
STORED = "SELECT text, call_back, call_back_from, phone, recipient FROM messages ORDER BY created_at"
HANNA = {"mehmet": "Hanna"}  # a name that sounds like that of the other staff member
# Words that refuse a call-back, and words that want one: which of both, a person reads.
WORDS = (
    "hat sich erledigt", "kein Anruf", "keine Rückmeldung nötig", "kein Bedarf", "Nein, ich rufe wieder an.",
    "vergessen Sie den Rückruf", "nicht anrufen", "lieber nicht", "never mind", "I'll call back myself", "don't call",
    "Sie müssen nicht anrufen", "nicht jetzt", "rufen Sie mich selbst an", "Anna soll selbst anrufen", "nein, lieber anders",
    "jetzt nicht", "kein Anruf vor zehn", "ich bin selbst am Telefon", "nur wenn nötig", "falls nötig", "keine Eile",
)  # fmt: skip


@pytest.mark.parametrize("said", [False, "false", "False", "nein", "Nein.", "no"])
@pytest.mark.parametrize(
    "more",
    [{}, {"message": ""}, {"message": "Die Kundin möchte nun doch keinen Rückruf, sie meldet sich."}, {"phone": "+4915112345678"}],
)  # fmt: skip
async def test_call_back_false_withdraws_the_call_back(salon: Salon, said: object, more: dict[str, str]) -> None:
    assert (await leave_message(salon.booking, call(), PETRA)).success
    for _ in range(2):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said} | more)
        assert (answer.success, say().no_call_back in answer.message) == (True, True), answer.message
        assert "Zum Rückruf" not in answer.message
    (row,) = await salon.rows(STORED)
    assert (row["call_back"], row["call_back_from"], say().no_call_back in row["text"]) == (None, None, True)


@pytest.mark.parametrize("said", [False, "false", "nein", "no"])
async def test_call_back_false_without_request_stores_none(salon: Salon, said: object) -> None:
    for _ in range(2):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
        assert "Rückruf" not in answer.message
    assert [(row["text"], row["call_back"]) for row in await salon.rows(STORED)] == [("Farbe", None)]


@pytest.mark.parametrize("said", WORDS)
@pytest.mark.parametrize("caller", [None, "+4915112345678"])
async def test_callback_words_are_noted_as_said(salon: Salon, said: str, caller: str | None) -> None:
    hidden, phone = replace(call(caller=caller), replies={}), {"phone": "0151 22334455"}
    for first in ([], ["morgen"]):
        context = replace(hidden, call_id=f"call_{len(first)}")
        for each in [*first, said]:
            answer = await leave_message(salon.booking, context, PETRA | phone | {"call_back": each})
        assert f"Zum Rückruf ist notiert: {said.rstrip('.')}." in answer.message
        assert "Wunsch" not in answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == [said, said]


@pytest.mark.parametrize("said", ["<b>kein Anruf</b>", "auf keinen Fall anrufen, " * 5])
async def test_unspeakable_call_back_words_are_stored_verbatim(salon: Salon, said: str) -> None:
    answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
    assert answer.message.startswith("Ich habe es notiert, auch Ihre Worte zum Rückruf. Notiert ist dazu die Nummer")
    assert [row["call_back"] for row in await salon.rows(STORED)] == [said.strip()]


@pytest.mark.parametrize(
    "text",
    [
        "Kundin möchte doch keinen Rückruf.", "Caller does not need a callback anymore", "Rückrufwunsch streichen",
        "Kommt zehn Minuten später. Kein Rückruf nötig.", "Anna soll mich nicht zurückrufen, sondern Mehmet",
        "Bitte nicht vor zehn zurückrufen",
    ],
)  # fmt: skip
async def test_message_text_does_not_withdraw_the_call_back(salon: Salon, text: str) -> None:
    """Both are noted, and the answer says both."""
    assert (await leave_message(salon.booking, call(), PETRA)).success
    answer = await leave_message(salon.booking, call(), {"customer_name": "Petra Müller", "message": text})
    assert "Zum Rückruf ist notiert: Samstag, den 21. November" in answer.message
    (row,) = await salon.rows(STORED)
    assert (row["call_back"], text in row["text"]) == ("morgen", True)


@pytest.mark.parametrize(
    "said", ["nein danke", "nicht nötig", "kein Rückruf", "no callback", "keiner", "keine Präferenz"]
)
async def test_plain_negation_keeps_the_callback_time(salon: Salon, said: str) -> None:
    assert (await leave_message(salon.booking, call(), PETRA)).success
    for _ in range(2):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
        assert f"Zum Rückruf ist notiert: Samstag, den 21. November; {said}." in answer.message
    (row,) = await salon.rows(STORED)
    assert (row["call_back"], row["call_back_from"] is not None) == (f"morgen; {said}", True)


@pytest.mark.parametrize("said", ["no preference", "keine Präferenz", "no specific time", "kein Rückruf nötig"])
async def test_discussed_call_back_is_noted(salon: Salon, said: str) -> None:
    spoken = replace(call(), said="Bitte um Rückruf. Wann denn?")
    answer = await leave_message(salon.booking, spoken, PETRA | {"call_back": said})
    assert f"Zum Rückruf ist notiert: {said}." in answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == [said]


@pytest.mark.parametrize(
    ("args", "call_back"),
    [
        ({"call_back": "no", "phone": "0151 22334455"}, "morgen"),
        ({"call_back": "N/A"}, "morgen"),
        ({"call_back": "None"}, "morgen"),
        ({"message": "Es geht um Rot", "call_back": "none"}, "morgen"),
        ({"recipient": "Anna", "call_back": "None"}, "morgen"),
        ({"call_back": "mir egal"}, "morgen"),
        ({"message": "Farbe. Termin absagen.", "call_back": ""}, "morgen"),
    ],
)
async def test_call_back_stays_without_a_withdrawal(salon: Salon, args: dict[str, object], call_back: str) -> None:
    for each in (PETRA, PETRA | args):
        answer = await leave_message(salon.booking, call(), each)
        assert "Zum Rückruf ist notiert: Samstag, den 21. November" in answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == [call_back]


async def test_withdrawal_in_a_long_message_is_said(salon: Salon) -> None:
    text = "Die Farbe ist schon wieder draußen. " * 8
    for said in ("morgen", False):
        answer = await leave_message(salon.booking, call(), PETRA | {"message": text, "call_back": said})
    assert answer.message.endswith("Alles steht in einer Nachricht. Doch kein Rückruf."), answer.message


async def test_call_back_false_affects_only_its_recipient(salon: Salon) -> None:
    for args in (PETRA, PETRA | {"message": "Danke", "recipient": "Anna", "call_back": "nein"}):
        assert (await leave_message(salon.booking, call(), args)).success
    assert [row["call_back"] for row in await salon.rows(STORED)] == ["morgen", None]


async def test_withdrawing_the_call_back_leaves_the_message_stored(salon: Salon) -> None:
    text = "Die Farbe ist schon wieder draußen. " * 8
    for args in ({"message": text, "call_back": "morgen"}, {"message": "", "call_back": "no"}):
        answer = await leave_message(salon.booking, call(), {"customer_name": "Petra Müller"} | args)
    assert answer.message == "Die Nachricht bleibt notiert, mit dem Zusatz: Doch kein Rückruf."


async def test_call_back_can_be_requested_again(salon: Salon) -> None:
    for said in ("morgen", False, "Montag"):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
    assert "Montag" in answer.message
    assert [(row["text"], row["call_back"]) for row in await salon.rows(STORED)] == [("Farbe.", "Montag")]


async def test_later_callback_time_replaces_the_first_recipients_time(salon: Salon) -> None:
    first = PETRA | {"phone": "0171 5556677"}
    compliment = {"customer_name": "Petra Müller", "message": "Anna war super", "recipient": "Anna"}
    later = {"customer_name": "Petra Müller", "call_back": "Montag"}
    for args in (first, compliment, later):
        answer = await leave_message(salon.booking, call(), args)
        assert answer.success, answer.message
    assert ("für Anna" in answer.message, "0 1 7 1" in answer.message) == (False, True)
    rows = [(row["text"], row["call_back"], row["recipient"]) for row in await salon.rows(STORED)]
    assert rows == [("Farbe", "Montag", None), ("Anna war super", None, "Anna")]


async def test_declined_call_back_needs_no_number(salon: Salon) -> None:
    hidden = replace(call(caller=None), said="Möchten Sie einen Rückruf?")
    answer = await leave_message(salon.booking, hidden, PETRA | {"call_back": "kein Rückruf nötig"})
    assert answer.success, answer.message


@pytest.mark.parametrize("text", ["", "Farbe", "Die Farbe ist heraus."])
@pytest.mark.parametrize(
    ("first", "second", "recipient"),
    [
        ({"recipient": "Frau Annah"}, {"recipient": "Anna"}, "Anna"),
        ({"recipient": "Anna"}, {"recipient": "die Frau Annah"}, "Anna"),
        ({"recipient": "Frau Doktor Ossi"}, {"recipient": "Doktor Osei"}, "Doktor Osei"),
        ({"recipient": "Anna"}, {}, "Anna"),
        ({"customer_name": "Petra Milke"}, {"customer_name": "Frau Mülke", "message": "Farbe"}, None),
    ],
)
async def test_withdrawal_finds_its_misheard_message(
    salon: Salon, text: str, first: dict[str, str], second: dict[str, str], recipient: str | None
) -> None:
    assert (await leave_message(salon.booking, call(), PETRA | first)).success
    answer = await leave_message(salon.booking, call(), PETRA | {"message": text, "call_back": "nein"} | second)
    assert (answer.success, say().no_call_back in answer.message) == (True, True), answer.message
    assert [(row["call_back"], row["recipient"]) for row in await salon.rows(STORED)] == [(None, recipient)]


async def test_empty_withdrawal_takes_the_only_call_back(salon: Salon) -> None:
    for args in (
        PETRA | {"recipient": "Anna"},
        PETRA | {"recipient": "die Chefin", "message": "", "call_back": "nein"},
    ):
        answer = await leave_message(salon.booking, call(), args)
    assert "Doch kein Rückruf" in answer.message, answer.message
    assert [(row["call_back"], row["recipient"]) for row in await salon.rows(STORED)] == [(None, "Anna")]


async def test_withdrawal_of_another_person_leaves_the_call_back(salon: Salon) -> None:
    second = {"customer_name": "Peter Müller", "message": "Ich komme am Freitag", "call_back": "nein"}
    for args in (PETRA, second, PETRA | {"recipient": "Mehmet", "message": "", "call_back": "nein"}):
        await leave_message(salon.booking, call(), args | {"recipient": args.get("recipient", "Anna")})
    rows = [(row["text"], row["call_back"]) for row in await salon.rows(STORED)]
    assert rows[0] == (PETRA["message"], PETRA["call_back"])


@pytest.mark.parametrize(
    ("second", "is_one"), [("Annah", True), ("Hanna", False), ("Mehmet", False), ("Frau Kurz", False)]
)
async def test_same_text_for_misheard_recipient_is_stored_once(salon: Salon, second: str, is_one: bool) -> None:
    config = salon.configs[-1]
    (branch, *others) = config.branches
    staff = tuple(replace_fields(each, display_name=HANNA.get(each.id, each.display_name)) for each in branch.staff)
    salon.apply_config(replace_fields(config, branches=(replace_fields(branch, staff=staff), *others)))
    for recipient in ("Anna", second):
        assert (await leave_message(salon.booking, call(), PETRA | {"recipient": recipient})).success
    assert len(await salon.rows(STORED)) == 1 + (not is_one)
