"""Which arguments of another caller's function name the person who is erased."""

from typing import Any

import pytest

from askproai_runtime.privacy.traces import names_person

NUMBER, NAMES, EMAILS = "+4915144400001", {"anna adler"}, ("anna@example.com",)


@pytest.mark.parametrize(
    "arguments",
    [
        {"phone": "0151 44400001"},
        {"phone": "+49 151 444 000 01"},
        {"phone": "0049 (151) 44400001"},
        {"notes": "bitte unter 4915144400001 melden"},
        {"customer_name": "Anna  Adler"},
        {"email": "Anna@Example.com"},
        {"companions": [{"customer_name": "ANNA ADLER"}]},
        {"customer": {"phone": ["015144400001"]}},
    ],
)
def test_person_is_named(arguments: Any) -> None:
    assert names_person(arguments, NUMBER, NAMES, EMAILS)


@pytest.mark.parametrize(
    "arguments",
    [
        None,
        {},
        {"phone": "0151 444000012"},
        {"phone": "0151 4440000"},
        {"customer_name": "Anna Adlerhorst"},
        {"email": "johanna@example.com"},
        {"confirmed": True, "party": 2, "price": 1.5},
        {"phone": None},
    ],
)
def test_somebody_else_is_not(arguments: Any) -> None:
    assert not names_person(arguments, NUMBER, NAMES, EMAILS)
