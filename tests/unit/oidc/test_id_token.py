"""ID tokens that prove a person's identity, and others that do not."""

from datetime import UTC, datetime
from typing import Any

import pytest
from joserfc.jwk import ECKey, RSAKey

from askproai_runtime.oidc import Failure, LoginFailed
from askproai_runtime.oidc.id_token import LEEWAY_SECONDS, UnknownKey, read_keys, verify_id_token
from tests.worlds.oidc_issuer import OidcIssuer, without
from tests.worlds.rows import each_row

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
SECONDS = int(NOW.timestamp())
CLAIMS: dict[str, Any] = {
    "iss": "https://login.example", "aud": "salon", "sub": "u-1", "nonce": "n", "iat": SECONDS, "exp": SECONDS + 300,
}  # fmt: skip
ISSUER = OidcIssuer()


def verify(token: str, issuer: OidcIssuer = ISSUER) -> Any:
    document = {"keys": [key.as_dict(private=False) for key in issuer._keys.values()]}
    return verify_id_token(
        token, read_keys(document), issuer="https://login.example", client_id="salon", nonce="n", now=NOW
    )


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_issuers_token_for_client_and_login_is_valid(algorithm: str) -> None:
    issuer = OidcIssuer(algorithm=algorithm)
    assert verify(issuer.sign(CLAIMS), issuer) == CLAIMS
    assert verify(issuer.sign(CLAIMS | {"aud": ["salon", "other"], "azp": "salon"}), issuer)["aud"] == [
        "salon",
        "other",
    ]
    assert verify(issuer.sign(CLAIMS | {"exp": SECONDS - LEEWAY_SECONDS + 1, "iat": SECONDS + LEEWAY_SECONDS}), issuer)


@each_row(
    "claims",
    [
        CLAIMS | {"iss": "https://login.example/"}, CLAIMS | {"iss": None}, without(CLAIMS, ["iss"]),
        CLAIMS | {"aud": "other"}, CLAIMS | {"aud": []}, CLAIMS | {"aud": ["salon", "other"]}, without(CLAIMS, ["aud"]),
        CLAIMS | {"azp": "other"}, CLAIMS | {"aud": ["salon", "other"], "azp": "other"}, CLAIMS | {"aud": {"salon": 1}},
        CLAIMS | {"nonce": "of another login"}, CLAIMS | {"nonce": ""}, without(CLAIMS, ["nonce"]),
        CLAIMS | {"exp": SECONDS - LEEWAY_SECONDS}, CLAIMS | {"exp": "soon"}, without(CLAIMS, ["exp"]),
        CLAIMS | {"iat": SECONDS + LEEWAY_SECONDS + 1}, without(CLAIMS, ["iat"]), CLAIMS | {"nbf": SECONDS + 300},
        CLAIMS | {"sub": ""}, CLAIMS | {"sub": 7}, CLAIMS | {"sub": "x" * 256}, without(CLAIMS, ["sub"]),
    ],
)  # fmt: skip
def test_id_token_with_a_wrong_claim_is_refused(claims: dict[str, Any]) -> None:
    assert_not_valid(ISSUER.sign(claims))


def test_a_token_that_was_changed_is_refused() -> None:
    head, claims, signed = (token := ISSUER.sign(CLAIMS)).split(".")
    other = ISSUER.sign(CLAIMS | {"sub": "boss"}).split(".")[1]
    for changed in (
        "", "a.b.c", token + "x" * 40_000, f"{head}.{claims}.", f"{head}.{claims}.{signed[::-1]}", f"{head}.{other}.{signed}",
    ):  # fmt: skip
        assert_not_valid(changed)


def assert_not_valid(token: str) -> None:
    with pytest.raises(LoginFailed) as failed:
        verify(token)
    assert failed.value.failure is Failure.NOT_VALID


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_that_anybody_can_make_is_refused(algorithm: str) -> None:
    """Unsigned, and signed with the public key as if it were a secret."""
    forged = OidcIssuer(algorithm=algorithm)
    for kid in ("", None, ISSUER._keys["RS256"].kid):
        forged.kid = kid
        with pytest.raises((LoginFailed, UnknownKey)) as failed:
            verify(forged.sign(CLAIMS), forged if kid != ISSUER._keys["RS256"].kid else ISSUER)
        assert not isinstance(failed.value, UnknownKey), "it is refused by its algorithm, before its key is looked for"


def test_foreign_or_differently_used_key_is_not_used() -> None:
    stranger = OidcIssuer()
    with pytest.raises(UnknownKey):
        verify(stranger.sign(CLAIMS))
    stranger.kid = ISSUER._keys["RS256"].kid
    with pytest.raises(LoginFailed):
        verify(stranger.sign(CLAIMS))
    stranger.kid = ISSUER._keys["ES256"].kid
    with pytest.raises(LoginFailed):
        verify(stranger.sign(CLAIMS))
    stranger.kid = None
    with pytest.raises(UnknownKey):
        verify(stranger.sign(CLAIMS))


@pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")
def test_key_that_cannot_verify_signatures_is_omitted() -> None:
    usable = ECKey.generate_key("P-256", {"kid": "good"}).as_dict(private=False)
    weak = RSAKey.generate_key(1024, {"kid": "weak"}).as_dict(private=False)
    for keys in (
        [{"kty": "oct", "k": "c2VjcmV0"}, {"kty": "AKP"}, {"kty": "RSA"}, {}, "key", None, usable | {"use": "enc"}, weak],
        {"kty": "EC"}, None, "keys",
    ):  # fmt: skip
        assert list(read_keys({"keys": keys})) == []
    assert [key.kid for key in read_keys({"keys": [weak, usable]})] == ["good"]
    assert list(read_keys({})) == []
