"""How many come is read under each name of a count, and only where it counts people."""

from typing import Any

import pytest

from askproai_core.tenant_config import Function
from askproai_runtime.conversation.arguments.reading import read_arguments
from askproai_runtime.conversation.understood_before import count_people

CHECK, BOOK, WAIT = Function.CHECK_AVAILABILITY, Function.BOOK_APPOINTMENT, Function.JOIN_WAITLIST
KEYS = (
    "quantity", "count", "persons", "party_size", "guests", "number_of_people", "anzahl", "anzahl_personen", "personenzahl",
    "numGuests", "headcount", "how_many_people", "pax", "number_of_appointments",
)  # fmt: skip


def count(function: Function, **args: Any) -> dict[str, Any]:
    return count_people(read_arguments(function.name.lower(), args), function).values


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [2, "2", "zwei", "two people"])
def test_a_count_is_one_companion(key: str, value: Any) -> None:
    for function in (CHECK, WAIT):
        assert count(function, **{key: value})["companions"] == [{}]
    assert count(BOOK, **{key: value})["party_size"] == 2
    named = [{"customer_name": "Mia Lange"}]
    assert count(BOOK, **{key: value}, companions=named) == {"companions": named}


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", [1, "1", "viel", True])
def test_one_is_no_group(key: str, value: Any) -> None:
    assert not count(BOOK, **{key: value}).get("party_size")


@pytest.mark.parametrize(
    "args",
    [
        {"product": {"name": "Shampoo", "quantity": 2}}, {"age": 8}, {"packs": 2}, {"duration": 45}, {"size": 2}, {"total": 2},
        {"children": 2}, {"notes": "zwei Kinder zu Hause, 2 cm kürzen"},
    ],
)  # fmt: skip
def test_another_number_counts_nobody(args: dict[str, Any]) -> None:
    assert "party_size" not in count(BOOK, **args)


@pytest.mark.parametrize(
    ("notes", "size"),
    [("für zwei Personen", 2), ("2 Pers.", 2), ("wir sind zu dritt", 3), ("for two people", 2), ("a party of 4", 4)],
)
def test_notes_count_people(notes: str, size: int) -> None:
    assert count(BOOK, notes=notes) == {"notes": notes, "party_size": size}


def test_a_greater_count_leaves_somebody_out() -> None:
    assert count(BOOK, party_size=3, companions=["Mia Lange"])["party_size"] == 3
    assert count(CHECK, party_size=3, companions=["Mia Lange"])["companions"] == [{"customer_name": "Mia Lange"}, {}]
