"""A call-back that is no longer wanted is taken back, and a corrected one stays with its message."""

import pytest

from askproai_runtime.booking import leave_message
from tests.worlds.booking_environment import Salon, call

PETRA = {"customer_name": "Petra Müller", "message": "Farbe", "call_back": "morgen"}
STORED = "SELECT text, call_back, call_back_from, phone, recipient FROM messages ORDER BY created_at"


@pytest.fixture
async def salon(new_salon) -> Salon:
    return await new_salon()


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ({"call_back": "kein Rückruf"}, "Farbe. Doch kein Rückruf."),
        ({"call_back": "no"}, "Farbe. Doch kein Rückruf."),
        ({"call_back": "keiner"}, "Farbe. Doch kein Rückruf."),
        *(
            ({"call_back": said}, "Farbe. Doch kein Rückruf.")
            for said in (
                "nein danke", "no call", "nicht anrufen", "bitte nicht anrufen", "doch nicht", "lieber nicht", "no need",
                "cancelled", "abgesagt", "storniert", "entfällt", "never mind", "ich rufe selbst an",
                "kein Rückruf, meldet sich selbst", "ich brauche keinen", "I'll call back myself",
                "nein", "none", "kein", "no, thanks", "kein Rückruf mehr nötig", "Nicht nötig, danke!", "no callback",
                "no call back",
                "No call-back needed.", "don't call", "please don't call back", "ich rufe selbst wieder an",
                "Sie müssen nicht anrufen",
            )
        ),
        ({"call_back": "nicht mehr nötig", "message": ""}, "Farbe. Doch kein Rückruf."),
        ({"call_back": "no longer needed", "message": ""}, "Farbe. Doch kein Rückruf."),
        ({"call_back": "", "message": "Doch kein Rückruf, ich melde mich"}, "Farbe. Doch kein Rückruf, ich melde mich"),
        ({"call_back": "", "message": "Bitte nicht zurückrufen."}, "Farbe. Bitte nicht zurückrufen."),
    ],
)  # fmt: skip
async def test_a_withdrawn_call_back_is_gone(salon: Salon, args: dict[str, str], text: str) -> None:
    assert (await leave_message(salon.booking, call(), PETRA)).success
    for _ in range(2):
        answer = await leave_message(salon.booking, call(), PETRA | args)
        assert answer.message.endswith(f"Die Nachricht lautet jetzt: {text}"), answer.message
        assert "Wunsch" not in answer.message
    (row,) = await salon.rows(STORED)
    assert (row["text"], row["call_back"], row["call_back_from"]) == (text, None, None)


@pytest.mark.parametrize("said", [
    "Kundin möchte doch keinen Rückruf.", "Caller does not need a callback anymore", "Rückrufwunsch streichen",
    "Kundin ruft selbst noch einmal an, kein Rückruf nötig", "Please cancel the callback.", "Farbe. Doch kein Rückruf nötig.",
])  # fmt: skip
async def test_a_withdrawal_in_the_text_is_said(salon: Salon, said: str) -> None:
    assert (await leave_message(salon.booking, call(), PETRA)).success
    answer = await leave_message(salon.booking, call(), {"customer_name": "Petra Müller", "message": said})
    assert answer.message.endswith(("Doch kein Rückruf.", said)), answer.message
    assert [row["call_back"] for row in await salon.rows(STORED)] == [None]


@pytest.mark.parametrize(
    ("args", "call_back"),
    [
        ({"message": "Und Anna danke", "call_back": "not needed"}, "morgen"),
        ({"call_back": "keine Angabe"}, "morgen"),
        ({"message": "Kommt zehn Minuten später. Kein Rückruf nötig.", "call_back": ""}, "morgen"),
        ({"call_back": "nicht vor zehn"}, "nicht vor zehn"),
        ({"call_back": "nicht jetzt"}, "nicht jetzt"),
        ({"call_back": "nicht auf dem Handy"}, "nicht auf dem Handy"),
        *(({"call_back": said}, "morgen") for said in ("I don't mind", "doesn't mind", "mir egal", "noch nicht")),
        *(
            ({"call_back": said}, said)
            for said in (
                "nicht jetzt anrufen", "rufen Sie mich selbst an",
                "call me myself", "don't call now", "Anna soll selbst anrufen", "nein, lieber Montag", "not needed before Monday",
                "muss nicht heute sein", "ich bin selbst am Telefon", "no, call me", "jetzt nicht", "kein Anruf vor zehn",
            )
        ),
        ({"message": "Farbe. Termin absagen.", "call_back": ""}, "morgen"),
        ({"message": "Anna soll mich nicht zurückrufen, sondern Mehmet", "call_back": ""}, "morgen"),
        ({"message": "Bitte nicht vor zehn zurückrufen", "call_back": ""}, "morgen"),
        ({"call_back": "no", "phone": "0151 22334455"}, "morgen"),
    ],
)  # fmt: skip
async def test_a_call_back_stays_without_a_withdrawal(salon: Salon, args: dict[str, str], call_back: str) -> None:
    for each in (PETRA, PETRA | args):
        assert (await leave_message(salon.booking, call(), each)).success
    assert [row["call_back"] for row in await salon.rows(STORED)] == [call_back]


@pytest.mark.parametrize("call_back", ["", "n/a", "false", None])
async def test_a_repeated_message_names_its_call_back(salon: Salon, call_back: str | None) -> None:
    for said in ("morgen", call_back):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
        assert "Rückruf weiter: Samstag, den 21. November" in answer.message


async def test_a_withdrawal_in_a_long_text_is_said(salon: Salon) -> None:
    text = "Die Farbe ist schon wieder draußen. " * 8
    for said in ("morgen", "kein Rückruf"):
        answer = await leave_message(salon.booking, call(), PETRA | {"message": text, "call_back": said})
    assert answer.message.endswith("Alles steht in einer Nachricht. Doch kein Rückruf."), answer.message


async def test_a_call_back_is_wanted_after_all(salon: Salon) -> None:
    for said in ("morgen", "kein Rückruf", "Montag"):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
    assert "Montag" in answer.message
    assert [(row["text"], row["call_back"]) for row in await salon.rows(STORED)] == [("Farbe.", "Montag")]


async def test_a_later_call_back_corrects_the_first(salon: Salon) -> None:
    first = PETRA | {"phone": "0171 5556677"}
    compliment = {"customer_name": "Petra Müller", "message": "Anna war super", "recipient": "Anna"}
    later = {"customer_name": "Petra Müller", "call_back": "Montag"}
    for args in (first, compliment, later):
        answer = await leave_message(salon.booking, call(), args)
        assert answer.success, answer.message
    assert ("für Anna" in answer.message, "0 1 7 1" in answer.message) == (False, True)
    rows = [(row["text"], row["call_back"], row["recipient"]) for row in await salon.rows(STORED)]
    assert rows == [("Farbe", "Montag", None), ("Anna war super", None, "Anna")]


@pytest.mark.parametrize("said", ["nein", "kein Rückruf", "nicht nötig"])
async def test_no_wish_is_nothing_to_withdraw(salon: Salon, said: str) -> None:
    for _ in range(2):
        answer = await leave_message(salon.booking, call(), PETRA | {"call_back": said})
        assert "Rückruf" not in answer.message
    assert [(row["text"], row["call_back"]) for row in await salon.rows(STORED)] == [("Farbe", None)]
