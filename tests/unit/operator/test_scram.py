"""Password verifiers as PostgreSQL keeps them."""

import base64

import pytest

from askproai_operator.store.login_roles import scram_verifier


def test_scram_verifier_matches_the_rfcs_example() -> None:
    """RFC 7677 §3 gives user "pencil" with this salt, and the exchange; the keys follow from it by RFC 5802."""
    verifier = scram_verifier("pencil", base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="))
    assert verifier == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )


def test_each_scram_verifier_has_its_own_salt() -> None:
    assert scram_verifier("pencil") != scram_verifier("pencil")


@pytest.mark.parametrize("password", ["", "naïve", "tab\t"])
def test_password_needing_saslprep_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        scram_verifier(password)
