"""Arguments of another caller's function that name the person to be erased."""

from datetime import UTC, datetime
from typing import Any

import pytest

from askproai_runtime.privacy.traces import Traces, names_person
from tests.worlds.rows import each_row


def traces(number: str, emails: tuple[str, ...], regions: tuple[str, ...]) -> Traces:
    return Traces(number, datetime.now(UTC), None, emails, (), (), (), (), (), regions)


NUMBER, NAMES, EMAILS = "+4915144400001", {"anna adler"}, ("anna@example.com",)


@each_row(
    ("arguments", "is_named"),
    [
        *((arguments, True) for arguments in (
            {"phone": "0151 44400001"}, {"phone": "+49 151 444 000 01"}, {"phone": "0049 (151) 44400001"},
            {"notes": "bitte unter 4915144400001 melden"}, {"customer_name": "Anna  Adler"}, {"email": "Anna@Example.com"},
            {"companions": "ANNA ADLER"}, {"companions.phone": "015144400001"},
            {"phone": "null eins fünf eins vier vier vier null null null null eins"},
            {"phone": "0151 444 000 01 (Anna)"}, {"phone": "15144400001"}, {"phone": "mobil +49 (0)151/444-000-01, abends"},
            {"phone": "ihre ist null eins fünf eins, vier vier vier, null null null, null eins (Anna)"},
            {"notes": "Her number is oh one five one, triple four, double zero, double zero, one."},
            {"notes": "Seit 3.12. die ０１５１ 444 00 00 1, für 2 Personen"},
            {"email": "anna@example.com (ihre)"}, {"notes": "Bitte an: Anna@example.com."}, {"email": "anna at example punkt com"},
        )),
        *((arguments, False) for arguments in (
            None, {}, {"phone": "0151 444000012"}, {"phone": "0151 4440000"}, {"customer_name": "Anna Adlerhorst"},
            {"email": "johanna@example.com"}, {"confirmed": True, "party": 2, "price": 1.5}, {"phone": None},
            {"phone": "0171 44400001"}, {"notes": "3 mal 0151 4440000, 15 Uhr"}, {"notes": "Termin 20151 44400001"},
            {"notes": "anna@example.com.au"}, {"email": "hanna at example punkt com"}, {"notes": "Anna Adler kommt mit"},
        )),
    ],
)  # fmt: skip
def test_arguments_naming_the_person_are_found(arguments: Any, is_named: bool) -> None:
    assert names_person(arguments, traces(NUMBER, EMAILS, ("DE",)), NAMES) is is_named


@pytest.mark.parametrize(
    ("regions", "said", "is_named"),
    [
        (("AT",), "0664 1234567", True),
        (("DE", "AT"), "null sechs sechs vier eins zwei drei vier fünf sechs sieben", True),
        (("DE",), "0664 1234567", False),
    ],
)
def test_national_number_uses_the_tenants_country(regions: tuple[str, ...], said: str, is_named: bool) -> None:
    assert names_person({"phone": said}, traces("+436641234567", (), regions), ()) is is_named


@pytest.mark.parametrize(
    ("arguments", "is_named"),
    [
        ({"customer_name": "Anna Adler"}, False),
        ({"customer_name": "Anna Adler", "email": "a@example.com"}, True),
        ({"contact": "0151 44400001"}, True),
        ({"phone": "null eins fünf eins vier vier vier null null null null eins"}, True),
        ({"email": "anna at example punkt com"}, True),
    ],
)
def test_name_alone_does_not_lead_to_other_calls(arguments: Any, is_named: bool) -> None:
    assert names_person(arguments, traces(NUMBER, EMAILS, ("DE",)), NAMES, concerns=False) is is_named
