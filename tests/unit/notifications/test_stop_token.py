"""Only a token of this tenant and its present key names an appointment, and none names an address."""

from uuid import UUID

import pytest

from askproai_runtime.notifications.stop_link import is_stop_token, read_token, stop_url
from tests.worlds.rows import each_row

TENANT, KEY, EMAIL = "salon.salon", "admin-token", "petra@example.com"
APPOINTMENT = UUID("00000000-0000-4000-8000-000000000001")
TOKEN = stop_url("https://salon.example", KEY, TENANT, APPOINTMENT, EMAIL).rpartition("/")[2]


def test_opt_out_token_names_appointment_without_address() -> None:
    assert is_stop_token(TOKEN)
    assert read_token(KEY, TENANT, TOKEN) == APPOINTMENT
    assert "petra" not in TOKEN


@pytest.mark.parametrize(("key", "tenant"), [("another", TENANT), (KEY, "salon.other"), (KEY, "salon.salo")])
def test_foreign_or_outdated_opt_out_token_is_invalid(key: str, tenant: str) -> None:
    assert read_token(key, tenant, TOKEN) is None


@each_row("position", range(len(TOKEN) - 1))
def test_opt_out_token_with_changed_character_is_refused(position: int) -> None:
    """The last character is not changed: some of its bits have no meaning."""
    changed = "A" if TOKEN[position] != "A" else "B"
    assert read_token(KEY, TENANT, TOKEN[:position] + changed + TOKEN[position + 1 :]) is None


@pytest.mark.parametrize("text", ["", "A", "AAAA", "ä" * 54, " " * 54, "A" * 54, TOKEN + "AAAA", TOKEN[4:], "=" * 54])
def test_malformed_opt_out_token_is_refused(text: str) -> None:
    assert read_token(KEY, TENANT, text) is None
