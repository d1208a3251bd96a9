"""German spellings of phone numbers, in E.164."""

import pytest

from askproai_core.phone_numbers import InvalidNumber, caller_number_or_none, to_e164


@pytest.mark.parametrize(
    "text",
    ["030 1234567", "0049 30 1234567", "+49 (0)30 1234567", "030/123 45 67", "(030) 1234567", "+49301234567"],
)
def test_every_german_spelling_is_the_same_number(text):
    assert to_e164(text) == "+49301234567"


@pytest.mark.parametrize("text", ["110", "112", "0900 1234567", "anonymous", "", "030 12345678901234567"])
def test_a_number_that_no_customer_can_have_is_refused_with_its_reason(text):
    with pytest.raises(InvalidNumber, match=r"number|digits"):
        to_e164(text)


@pytest.mark.parametrize("withheld", ["anonymous", "", None, "unknown"])
def test_a_withheld_number_is_none(withheld):
    assert caller_number_or_none(withheld) is None
