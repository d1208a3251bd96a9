"""The values of a Secret as `askproai plan` reads them."""

import pytest

from askproai_cli.plan.secrets import read_values


@pytest.mark.parametrize("field", ["data", "stringData"])
def test_a_key_without_a_value_is_empty(field: str) -> None:
    """`api-key:` in YAML is null, which the API server takes as an empty value."""
    assert read_values({field: {"api-key": None}}) == {"api-key": ""}


def test_values_that_are_no_text_are_left_out() -> None:
    secret = {"data": {"binary": "/w==", "text": "Z2VoZWlt"}, "stringData": {"plain": "offen"}}
    assert read_values(secret) == {"text": "geheim", "plain": "offen"}
