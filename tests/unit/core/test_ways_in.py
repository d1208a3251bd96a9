"""Every entry point reads a phone number alike, by the country of the business."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import phonenumbers
import pytest

from askproai_cli.call_command import parse_number
from askproai_core.phone_numbers import e164_or_none
from askproai_core.tenant_config import TenantConfig
from askproai_core.tenant_config.branches import PhoneNumber
from askproai_operator.controllers.branch.phone_numbers import read_phone_numbers
from askproai_operator.grants import requested_subjects
from askproai_runtime.admin_api.calls import _number as _number_of_calls
from askproai_runtime.admin_api.notifications import _parse_address
from askproai_runtime.admin_api.privacy import _number
from askproai_runtime.book.actor import DeskRequest
from askproai_runtime.branch_numbers import region_of
from askproai_runtime.call_routes import Routing
from askproai_runtime.caller_identity import identify_caller
from askproai_runtime.calls.payload import RetellCall, find_route, identify_other_side, read_numbers
from askproai_runtime.conversation.phone_argument import read_phone
from askproai_runtime.desk.booking import Customer, _to_request
from tests.worlds.booking_environment import call
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row
from tests.worlds.salon_models import branch

OWN = {"DE": "+49775591155", "AT": "+4315871234", "CH": "+41446681800"}


def config_in(country: str, *numbers: str) -> TenantConfig:
    """Return the salon in a country, with one number in its branch, or with others."""
    config = salon_config()
    phones = tuple(PhoneNumber(number=each, did=each) for each in numbers or (OWN[country],))
    return msgspec.structs.replace(
        config, branches=(msgspec.structs.replace(config.branches[0], phone_numbers=phones),)
    )


def read_called(text: str, country: str, number: str) -> str | None:
    config = config_in(country, OWN[country], number)
    assert find_route(RetellCall(call_id="c", to_number=text), config) is not None
    return Routing(config).find_number(text)


def call_out(text: str, country: str) -> RetellCall:
    return RetellCall(call_id="c", direction="outbound", from_number=OWN[country], to_number=text)


def read_manifest(text: str, country: str) -> str | None:
    (number,) = read_phone_numbers(branch(phoneNumbers=[{"number": text}], holidays={"country": country})).usable
    return number.number


def read_claim(text: str, country: str) -> str | None:
    (subject,) = requested_subjects(branch(phoneNumbers=[{"number": text}], holidays={"country": country}))
    return subject.value


def read_at_desk(text: str, country: str) -> str | None:
    """Return the number of a customer for whom the desk books."""
    service: Any = None
    desk, region = DeskRequest(UUID(int=1), "karin@laptop"), region_of(config_in(country), "mitte")
    return _to_request(service, datetime(2026, 11, 27, 9, tzinfo=UTC), Customer("Petra", text), desk, region).phone


def read_search(text: str, country: str) -> str | None:
    return _number_of_calls(text, config_in(country))


WAYS: dict[str, Callable[[str, str, str], str | None]] = {
    "caller": lambda text, country, _: identify_caller(text, config_in(country), "mitte").number,
    "called": read_called,
    "event": lambda text, country, _: read_numbers(
        RetellCall(call_id="c", from_number=text), config_in(country), "mitte"
    )[0],
    "callee": lambda text, country, _: identify_other_side(call_out(text, country), config_in(country), "mitte").number,
    "event of a call that goes out": lambda text, country, _: read_numbers(
        call_out(text, country), config_in(country), "mitte"
    )[1],
    "dictated": lambda text, country, _: (
        read_phone(text, config_in(country), replace(call(caller=None), branch="mitte")).number
    ),
    "manifest": lambda text, country, _: read_manifest(text, country),
    "claim": lambda text, country, _: read_claim(text, country),
    "erasure and export": lambda text, country, _: _number(text, config_in(country)),
    "desk": lambda text, country, _: read_at_desk(text, country),
    "calls list --from": lambda text, country, _: read_search(text, country),
    "notifications": lambda text, country, _: _parse_address(text, country),
}
NUMBERS = [
    ("DE", "491701234567", "+491701234567"),
    ("DE", "4915112345678", "+4915112345678"),
    ("DE", "49 7755 91156", "+49775591156"),
    ("DE", "41791234567", "+41791234567"),
    ("DE", "0041 44 668 18 01", "+41446681801"),
    ("DE", "0151 12345678", "+4915112345678"),
    ("AT", "0664 1234567", "+436641234567"),
    ("AT", "436641234567", "+436641234567"),
    ("AT", "01 5871235", "+4315871235"),
    ("AT", "4915112345678", "+4915112345678"),
    ("CH", "079 123 45 67", "+41791234567"),
    ("CH", "41791234567", "+41791234567"),
    ("CH", "0049 151 12345678", "+4915112345678"),
]


@each_row("way", WAYS.values())
@each_row(("country", "text", "number"), NUMBERS)
def test_every_input_path_parses_a_phone_number_alike(
    way: Callable[[str, str, str], str | None], country: str, text: str, number: str
) -> None:
    assert way(text, country, number) == number


def test_outbound_call_is_routed_by_the_calling_number() -> None:
    config = config_in("DE")
    assert find_route(call_out("0151 12345678", "DE"), config) == Routing(config).route(None, OWN["DE"])
    assert find_route(RetellCall(call_id="c", direction="outbound", to_number=OWN["DE"]), config) is None


EXAMPLES = [
    (region, example)
    for region in ("DE", "AT", "CH", "LI", "LU", "FR", "IT", "ES", "NL", "BE", "GB", "PL", "CZ", "DK", "SE", "US", "TR")
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE)
    if (example := phonenumbers.example_number_for_type(region, kind)) is not None
    and "123456789" not in str(example.national_number)  # counted up: made up, as it is
]


@each_row(("region", "example"), EXAMPLES)
def test_national_and_international_phone_numbers_are_parsed_alike(
    region: str, example: phonenumbers.PhoneNumber
) -> None:
    """In another country, its digits without + give this number, a refusal (two valid readings), or none: never another number."""
    national, e164 = (
        phonenumbers.format_number(example, form)
        for form in (phonenumbers.PhoneNumberFormat.NATIONAL, phonenumbers.PhoneNumberFormat.E164)
    )
    spellings = [(national, region), (e164.removeprefix("+"), region)]
    spellings += [(text, "DE") for text in (e164, e164.replace("+", "00"), f"sip:{e164}@host")]
    assert {e164_or_none(*each) for each in spellings} == {e164}
    for elsewhere in ("DE", "AT", "CH"):
        assert e164_or_none(e164.removeprefix("+"), elsewhere) in {e164, None}


@pytest.mark.parametrize("text", ["491701234567", "49 170 1234567", "0170 1234567", "+49 (0)170 1234567"])
def test_command_line_parses_a_phone_number_alike(text: str) -> None:
    assert parse_number(text) == "+491701234567"
