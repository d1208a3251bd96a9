"""The addresses to which a mail can be sent."""

import pytest

from askproai_runtime.notifications.recipients import is_made_up, real_email


@pytest.mark.parametrize("address", ["petra@example.com", "p.m+salon@sub.example.de", "o'neill@web.de"])
def test_real_email_address_is_unchanged(address: str) -> None:
    assert real_email(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "a..b@c.de", ".a@c.de", "a@-c.de", "a@b", "a b@c.de", "a@c.de\r\nBcc: x@y.de", "", None,
        "anruf-4915112345678@salon.de",
    ],
)  # fmt: skip
def test_invalid_or_invented_address_gets_no_mail(address: str | None) -> None:
    assert real_email(address) is None


def test_only_our_generated_address_counts_as_made_up() -> None:
    assert is_made_up("anruf-4915112345678@anrufer.invalid")
    assert not is_made_up("petra@example.invalid")
