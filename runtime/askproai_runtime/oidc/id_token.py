"""Verification of ID tokens by the issuer's keys, for this client only. Pure. Imported with joserfc at the first login."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import InvalidKeyIdError, JoseError
from joserfc.jwk import ECKey, GuestProtocol, KeySet, RSAKey

from askproai_runtime.oidc.failures import Failure, LoginFailed

# Signatures of the issuer's own keys. `none` and shared secrets (HS256) are excluded: with HS256 anybody could use a public key
# as the secret.
ALGORITHMS: Final = ("RS256", "PS256", "ES256", "ES384")
LEEWAY_SECONDS: Final = 60  # that two clocks may differ
_MAX_TOKEN: Final = 32_768
_MAX_SUBJECT: Final = 255  # OpenID Connect Core 1.0, section 2
_MIN_RSA_BITS: Final = 2048
_KINDS: Final[Mapping[str, type[ECKey] | type[RSAKey]]] = {"EC": ECKey, "RSA": RSAKey}


class UnknownKey(Exception):
    """The token is signed with none of the issuer's known keys. The caller should fetch the keys again."""


def read_keys(document: Mapping[str, Any]) -> KeySet:
    """Return the keys of a JWKS that can verify signatures. Keys of other kinds and for other uses are left out."""
    listed = document.get("keys")
    found = (_read_key(each) for each in (listed if isinstance(listed, list) else ()) if isinstance(each, dict))
    return KeySet([key for key in found if key is not None])


def _read_key(document: dict[str, Any]) -> ECKey | RSAKey | None:
    kind = _KINDS.get(str(document.get("kty")))
    if kind is None or document.get("use", "sig") != "sig":
        return None
    try:
        key = kind.import_key(document)
    except (JoseError, ValueError, TypeError, KeyError):
        return None
    return None if isinstance(key, RSAKey) and key.raw_value.key_size < _MIN_RSA_BITS else key


def verify_id_token(
    token: str, keys: KeySet, *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a token that the issuer has signed for this client and this login (OpenID Connect Core, 3.1.3.7).

    Raises `UnknownKey` if the keys do not contain the token's key, and `LoginFailed` for any other fault.
    """
    if len(token) > _MAX_TOKEN:
        raise LoginFailed(Failure.NOT_VALID, "the ID token is too long")

    def find_key(signature: GuestProtocol) -> ECKey | RSAKey:
        header = signature.headers()
        try:
            key = keys.get_by_kid(header.get("kid"), {"alg": str(header.get("alg"))})
        except InvalidKeyIdError:
            raise UnknownKey from None
        assert isinstance(key, ECKey | RSAKey), "read_keys leaves out all others"
        return key

    required = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_SECONDS,
        iss={"essential": True, "value": issuer},
        sub={"essential": True},
        exp={"essential": True},
        iat={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, find_key, algorithms=ALGORITHMS).claims
        required.validate(claims)
    except (JoseError, ValueError, TypeError) as error:
        raise LoginFailed(Failure.NOT_VALID, f"the ID token is not valid: {type(error).__name__}") from None
    _require_audience(claims, client_id)
    if not 0 < len(claims["sub"]) <= _MAX_SUBJECT:
        raise LoginFailed(Failure.NOT_VALID, "the ID token has no subject")
    return claims


def _require_audience(claims: Mapping[str, Any], client_id: str) -> None:
    """Raise `LoginFailed` if a token is meant for another client, or was issued to another client."""
    audience = claims.get("aud")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    presented = claims.get("azp", client_id if len(audiences) == 1 else None)
    if client_id not in audiences or presented != client_id:
        raise LoginFailed(Failure.NOT_VALID, "the ID token is for another client")
