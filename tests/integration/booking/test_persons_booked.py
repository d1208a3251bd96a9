"""Two people never share one appointment or one entry of the waiting list, however the name is written."""

from dataclasses import replace
from typing import Any

import pytest

from askproai_core.languages import Language
from askproai_runtime.conversation.types import AskedChoice
from askproai_runtime.sentences import say, speaking
from tests.worlds.booking_environment import MORNING, Salon, call, join_waitlist
from tests.worlds.full_calendar import nothing_free
from tests.worlds.waitlist_environment import FIRST, FRIDAY, SECOND, join

pytestmark = pytest.mark.nightly


async def booked(salon: Salon) -> list[str]:
    return sorted(row["customer_name"] for row in await salon.live())


async def waiting(salon: Salon) -> list[str]:
    rows = await salon.rows("SELECT name FROM waitlist WHERE state = 'waiting' ORDER BY name")
    return [row["name"] for row in rows]


@pytest.mark.parametrize(
    "name",
    [
        "Ehepaar Lange", "Familie Lange", "Frau und Herr Lange", "Petra Lange (2 Personen)", "Mann von Petra Lange", "mein Mann",
        "Petra Lange bei Julia", "wie immer",
    ],
)  # fmt: skip
async def test_description_of_people_is_never_a_name(salon: Salon, name: str) -> None:
    for _ in range(3):
        assert not (await salon.book(name=name)).success
        assert not (await join(salon, "call_1", FIRST, customer_name=name)).success
    assert (await booked(salon), await waiting(salon)) == ([], [])


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("Petra Lange (Otto Lange)", ["Petra Lange"]),
        ("Emma Lange, Tochter von Petra Lange", ["Emma Lange"]),
        ("Petra S-C-H-M-I-T-T", ["Petra Schmitt"]),
        ("Petra u. Otto Lange", ["Otto Lange", "Petra Lange"]),
        ("ich heiße Petra Lange", ["Petra Lange"]),
        ("Petra Lange, Haarschnitt", ["Petra Lange"]),
        ("Schmidt & Söhne GmbH", ["Schmidt & Söhne GmbH"]),
        ("Otto Lange junior", ["Otto Lange junior"]),
    ],
)
async def test_each_named_person_is_booked(salon: Salon, name: str, names: list[str]) -> None:
    answer = await salon.book(MORNING, name=name)
    if len(names) > 1 and not answer.success:  # the time for two is offered first
        answer = await salon.book(MORNING, name=name)
    assert (answer.success, await booked(salon)) == (True, names), answer.message


async def test_companion_within_a_name_is_asked_for(salon: Salon) -> None:
    for name in ("Petra Lange + 1", "Mein Mann und Petra Lange", "Schwestern Lange", "Petra Lange und Sohn"):
        answer = await salon.book(name=name)
        assert (answer.message, await booked(salon)) == (say().who_comes_along, [])


@pytest.mark.parametrize("said", ["Herr Lange", "Mann von Frau Lange"])
async def test_husband_counts_as_another_person(salon: Salon, said: str) -> None:
    await salon.book(name="Frau Lange")
    answer = await salon.book(name=said)
    assert (answer.success, await booked(salon)) == (False, ["Frau Lange"])


@pytest.mark.parametrize("companion", [{}, {"customer_name": "unbekannt"}, {"customer_name": "Otto Lange"}])
async def test_waiting_list_answer_names_the_single_waiting_person(salon: Salon, companion: dict[str, str]) -> None:
    answer = await join(salon, "call_1", FIRST, customer_name="Petra Lange", companions=[companion])
    assert answer.success
    assert answer.message.endswith(say().one_person_waits.format(name="Petra Lange"))
    assert await waiting(salon) == ["Petra Lange"]


async def choose(salon: Salon, asked: Any, name: str, choice: str) -> Any:
    """Repeat a request that was asked about, with what the caller has chosen."""
    question = AskedChoice(
        asked.fields["waitlist_id"], frozenset(asked.fields["choices"]), asked.fields["customer_name"]
    )
    answered = replace(call("call_1", FIRST), replies={}, asked_choices=(question,))
    async with nothing_free(salon):
        return await join_waitlist(salon.booking, answered, FRIDAY | {"customer_name": name, "choice": choice})


@pytest.mark.parametrize(
    ("name", "choice", "names"),
    [
        ("Petra Langer", "rename", ["Petra Langer"]),
        ("Petra Langer", "further", ["Petra Lange", "Petra Langer"]),
        ("Petra Maria Lange", "rename", ["Petra Maria Lange"]),
    ],
)
async def test_corrected_waitlist_name_is_asked_about(salon: Salon, name: str, choice: str, names: list[str]) -> None:
    first = await join(salon, "call_1", FIRST, customer_name="Petra Lange")
    asked: Any = await join(salon, "call_1", FIRST, customer_name=name)
    assert (asked.success, await waiting(salon)) == (False, ["Petra Lange"])
    assert asked.fields["waitlist_id"] == first.fields["waitlist_id"]
    again = await choose(salon, asked, name, choice)
    assert (again.success, await waiting(salon)) == (True, names), again.message


@pytest.mark.parametrize(
    ("first", "second"), [("Petra Lange", "Otto Lange"), ("Frau Lange", "Herr Lange"), ("Otto Lange", "Petra Langer")]
)
async def test_different_person_joins_waiting_list_without_a_question(salon: Salon, first: str, second: str) -> None:
    for name in (first, second):
        assert (await join(salon, "call_1", FIRST, customer_name=name)).success
    assert await waiting(salon) == sorted((first, second))


@pytest.mark.parametrize("call_id", ["call_1", "call_2"])
@pytest.mark.parametrize("waits", ["Lange", "Frau Lange"])
@pytest.mark.parametrize(
    ("choice", "names"), [("rename", ["Otto Lange"]), ("further", ["Otto Lange", "Lange"]), (None, ["Lange"])]
)
async def test_waiting_surname_is_completed_after_agreement(
    salon: Salon, call_id: str, waits: str, choice: str | None, names: list[str]
) -> None:
    first = await join(salon, call_id, FIRST, customer_name=waits)
    asked: Any = await join(salon, "call_1", FIRST, customer_name="Otto Lange")
    assert (asked.success, asked.fields["waitlist_id"]) == (False, first.fields["waitlist_id"])
    assert asked.message == say().rename_or_another_waits.format(waiting=waits, name="Otto Lange")
    again = await choose(salon, asked, "Otto Lange", choice or "")
    assert again.success is (choice is not None)
    assert sorted(await waiting(salon)) == sorted(name.replace("Lange", waits, name == "Lange") for name in names)
    if choice:
        repeated = await join(salon, "call_1", FIRST, customer_name="Otto Lange")
        assert (repeated.success, len(await waiting(salon))) == (True, len(names))


@pytest.mark.parametrize("name", ["Langer", "nein, Lenz", "Langer mit r", "Lange", "Herr Lange", "Frau Langer"])
async def test_ambiguous_surname_asks_for_the_full_name(salon: Salon, name: str) -> None:
    """A surname alone may be that of either, or of both: the full name is asked for."""
    both = ["Otto Lange", "Petra Lange"]
    for known in both:
        await join(salon, "call_1", FIRST, customer_name=known)
    asked: Any = await join(salon, "call_1", FIRST, customer_name=name)
    assert (asked.success, await waiting(salon)) == (False, both)
    assert asked.message == "Auf der Warteliste: Otto Lange und Petra Lange. " + say().which_full_name.strip()
    assert (await choose(salon, asked, name, "rename")).message == asked.message
    assert (await choose(salon, asked, name, "further")).success
    assert len(await waiting(salon)) == len(both) + 1


async def test_full_name_answers_the_surname_question(salon: Salon) -> None:
    for known in ("Petra Lange", "Otto Lange"):
        await join(salon, "call_1", FIRST, customer_name=known)
    await join(salon, "call_1", FIRST, customer_name="Langer")
    asked = await join(salon, "call_1", FIRST, customer_name="Petra Langer")
    assert (await choose(salon, asked, "Petra Langer", "rename")).success
    assert await waiting(salon) == ["Otto Lange", "Petra Langer"]


async def test_herr_with_a_waiting_surname_is_asked_about(salon: Salon) -> None:
    await join(salon, "call_1", FIRST, customer_name="Lange")
    asked: Any = await join(salon, "call_1", FIRST, customer_name="Herr Lange")
    assert (asked.success, set(asked.fields["choices"])) == (False, {"rename", "further"})
    assert (await choose(salon, asked, "Herr Lange", "further")).success
    assert await waiting(salon) == ["Herr Lange", "Lange"]


async def test_dictated_number_does_not_reveal_a_waiting_name(salon: Salon) -> None:
    """Whoever names another's number hears nothing of who waits for it."""
    await join(salon, "call_1", FIRST, customer_name="Petra Lange")
    answer = await join(salon, "call_2", SECOND, phone=FIRST, customer_name="Lange")
    assert (answer.success, "Petra" in answer.message) == (True, False)
    assert await waiting(salon) == ["Lange", "Petra Lange"]


@pytest.mark.parametrize("others", [["Otto Lange"], ["Otto Lange", "Anna Kurz"]])
async def test_entry_with_the_most_similar_name_is_corrected(salon: Salon, others: list[str]) -> None:
    first = await join(salon, "call_1", FIRST, customer_name="Petra Lange")
    for other in others:
        assert (await join(salon, "call_1", FIRST, customer_name=other)).success
    asked: Any = await join(salon, "call_1", FIRST, customer_name="Petra Langer")
    assert asked.fields["waitlist_id"] == first.fields["waitlist_id"]
    assert (await choose(salon, asked, "Petra Langer", "rename")).success
    assert await waiting(salon) == sorted([*others, "Petra Langer"])


async def test_renamed_entry_frees_the_former_name(salon: Salon) -> None:
    await join(salon, "call_1", FIRST, customer_name="Petra Lange")
    for name, choice in (("Peter Lange", "rename"), ("Petra Lange", "further")):
        asked = await join(salon, "call_1", FIRST, customer_name=name)
        assert (await choose(salon, asked, name, choice)).success
    assert await waiting(salon) == ["Peter Lange", "Petra Lange"]


async def test_waiting_list_answers_in_english(salon: Salon) -> None:
    with speaking(Language.EN):
        answer = await join(salon, "call_1", FIRST, customer_name="Petra Lange", companions=[{}])
    assert answer.message.endswith("Whoever comes along needs an entry of their own: in which name?")
