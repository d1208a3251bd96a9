"""The answer to "Soll das ein weiterer sein, oder soll ich diesen absagen?" is carried out by the same request."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from askproai_sandbox.databases import Database
from tests.worlds.spoken_calls import BEARD, COLOR, SpokenCall, empty_book, friday_at, open_spoken_salon
from tests.worlds.tenant_pod import TenantPod

pytestmark = pytest.mark.nightly

BOOK, CANCEL = "book_appointment", "cancel_appointment"
PETRA = "Petra Lange"
CUT_AT_TWO = ("haarschnitt", "14:00", "anna", PETRA)
NOTES = "SELECT notes FROM appointments WHERE customer_name = $1 AND status = 'confirmed'"
COLOR_INSTEAD = ("faerben", "14:00", "anna", PETRA)
COLOR_BESIDE = ("faerben", "14:00", "mehmet", PETRA)


@pytest.fixture(scope="module")
async def pod(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TenantPod]:
    async with open_spoken_salon(module_database, tmp_path_factory.mktemp("further")) as pod:
        yield pod


@pytest.fixture
async def call(pod: TenantPod) -> AsyncIterator[SpokenCall]:
    call = SpokenCall(pod)
    assert (await call.ask(BOOK, friday_at(pod, staff="Anna")))["success"]
    yield call
    await empty_book(pod)


async def answer_question(call: SpokenCall, words: str, **changes: Any) -> dict[str, Any]:
    """Have a changed booking asked about, say words, and return the answer to the same request."""
    changed = friday_at(call.pod, **changes)
    asked = await call.ask(BOOK, changed)
    assert "further_choice" in asked, asked
    call.say(words)
    return await call.ask(BOOK, changed)


@pytest.mark.parametrize(
    ("words", "booked"),
    [
        ("Stattdessen.", [COLOR_INSTEAD]),
        ("Ja, stattdessen Färben.", [COLOR_INSTEAD]),
        ("Cancel that one, please.", [COLOR_INSTEAD]),
        ("Ja, absagen und Färben eintragen.", [COLOR_INSTEAD]),
        ("Können Sie den absagen?", [COLOR_INSTEAD]),
        ("Ein weiterer.", [CUT_AT_TWO, COLOR_BESIDE]),
        ("Das ist für meinen Mann.", [CUT_AT_TWO, COLOR_BESIDE]),
        ("Another one, please.", [CUT_AT_TWO, COLOR_BESIDE]),
    ],
)
async def test_the_chosen_one_is_carried_out(call: SpokenCall, words: str, booked: list[tuple[str, ...]]) -> None:
    done = await answer_question(call, words, service=COLOR)
    assert done["success"], done
    assert await call.live() == booked
    assert ("abgesagt" in done["message"]) is (len(booked) == 1)
    again = await call.ask(BOOK, friday_at(call.pod, service=COLOR))
    assert again["message"].startswith("Der Termin steht schon"), again
    assert await call.live() == booked


@pytest.mark.parametrize(
    "words", ["Ja.", "Nein.", "Was kostet das?", "Den bitte nicht absagen.", "Vielleicht stattdessen.", "Moment."]
)
async def test_other_words_change_nothing(call: SpokenCall, words: str) -> None:
    assert not (await answer_question(call, words, service=COLOR))["success"]
    assert await call.live() == [CUT_AT_TWO]


async def test_a_mere_yes_hears_both_words(call: SpokenCall) -> None:
    plainly = await answer_question(call, "Ja.", service=COLOR)
    assert plainly["message"] == "Sagen Sie bitte: ein weiterer, oder: stattdessen."
    call.say("Stattdessen.")
    assert (await call.ask(BOOK, friday_at(call.pod, service=COLOR)))["success"]
    assert await call.live() == [COLOR_INSTEAD]


async def test_the_one_instead_has_the_full_name(call: SpokenCall) -> None:
    assert (await answer_question(call, "Stattdessen.", service=COLOR, customer_name="Lange"))["success"]
    assert await call.live() == [COLOR_INSTEAD]


async def test_what_cannot_be_replaced_stays(call: SpokenCall) -> None:
    """The coloring would last into the next appointment of Anna."""
    other = SpokenCall(call.pod)
    assert (await other.ask(BOOK, friday_at(call.pod, "15:00", staff="Anna", customer_name="Otto Kurz")))["success"]
    failed = await answer_question(call, "Stattdessen.", service=COLOR, staff="Anna", time="14:15")
    assert not failed["success"]
    assert "bleibt bestehen" in failed["message"]
    assert await call.live() == [CUT_AT_TWO]


@pytest.mark.parametrize(
    ("words", "at"), [("Verschieben!", ["16:00"]), ("Move it.", ["16:00"]), ("Ein weiterer.", ["14:00", "16:00"])]
)
async def test_the_booked_one_is_moved(call: SpokenCall, words: str, at: list[str]) -> None:
    done = await answer_question(call, words, time="16:00")
    assert done["success"], done
    assert [each[1] for each in await call.live()] == at
    again = await call.ask(BOOK, friday_at(call.pod, "16:00"))
    assert again["message"].startswith("Der Termin steht schon"), again
    assert [each[1] for each in await call.live()] == at


@pytest.mark.parametrize(("words", "count"), [("Nein.", 1), ("Kein weiterer.", 1), ("Ja.", 2), ("Noch einer.", 2)])
async def test_a_later_call_asks_whether_it_is_further(call: SpokenCall, words: str, count: int) -> None:
    later = SpokenCall(call.pod, call.number)
    done = await answer_question(later, words)
    assert done["success"], done
    assert len([*await call.live(), *await later.live()]) == count


async def test_a_chosen_cancellation_needs_no_second_yes(call: SpokenCall) -> None:
    changed = friday_at(call.pod, service=COLOR)
    asked = await call.ask(BOOK, changed)
    call.say("Ja, absagen und Färben eintragen.")
    cancelled = await call.ask(CANCEL, {"appointment_id": asked["appointment_id"], "confirmed": True})
    assert cancelled["success"], cancelled
    assert (await call.ask(BOOK, changed))["success"]
    assert await call.live() == [COLOR_INSTEAD]


async def test_an_overlapping_service_is_asked_likewise(call: SpokenCall) -> None:
    done = await answer_question(call, "Stattdessen bitte.", service=BEARD, time="14:30")
    assert done["success"], done
    assert [each[:2] for each in await call.live()] == [("bart", "14:30")]


@pytest.mark.parametrize("words", ["Um vier.", "Zwei Uhr, bitte.", "Um zwei.", "At two.", "Der Otto kommt mit."])
async def test_a_repeated_time_chooses_nothing(call: SpokenCall, words: str) -> None:
    assert not (await answer_question(call, words, time="16:00"))["success"]
    assert await call.live() == [CUT_AT_TWO]


async def test_a_choice_counts_until_it_is_done(call: SpokenCall) -> None:
    moved = await answer_question(call, "Verschieben.", time="16:00")
    assert moved["success"], moved
    call.say("Und für Otto Kurz auch um vier.")
    otto = await call.ask(BOOK, friday_at(call.pod, time="16:00", customer_name="Otto Kurz"))
    assert "steht schon" not in otto["message"], otto
    call.say("Meine Allergie bitte notieren.")
    await call.ask(BOOK, friday_at(call.pod, time="16:00", notes="Allergie"))
    assert await call.pod.db.fetchval(NOTES, PETRA) == "Allergie"


async def test_details_beside_a_choice_are_kept(call: SpokenCall) -> None:
    changed = friday_at(call.pod, time="16:00")
    await call.ask(BOOK, changed)
    call.say("Verschieben.")
    assert (await call.ask(BOOK, changed | {"notes": "Allergie"}))["success"]
    assert await call.pod.db.fetchval(NOTES, PETRA) == "Allergie"
