"""The identity of a logged-in person, read from the claims of an issuer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_EMAIL: Final = "email"
_NAMES: Final = ("preferred_username", _EMAIL, "name")


@dataclass(frozen=True, slots=True)
class Identity:
    """A logged-in person. `subject` identifies the person at the issuer and never changes; `name` is for people and may change."""

    subject: str
    name: str
    groups: frozenset[str]


def identity_of(claims: Mapping[str, Any], roles_claim: str) -> Identity:
    """Return the person whom the claims describe, with the groups in `roles_claim`."""
    subject = str(claims["sub"])
    return Identity(subject, _name_of(claims) or subject, groups_of(claims, roles_claim))


def groups_of(claims: Mapping[str, Any], roles_claim: str) -> frozenset[str]:
    """Return the groups in a claim, which is a text or a list of texts. The claim may be nested, such as `realm_access.roles`.

    An e-mail address counts only if the issuer has verified it: a person who may enter any address would choose their groups.
    """
    if roles_claim == _EMAIL and claims.get("email_verified") is not True:
        return frozenset()
    value = find_claim(claims, roles_claim)
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(each for each in values if isinstance(each, str) and each)


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, or None. The name may contain dots, as in `https://salon.example/groups`."""
    if name in claims:
        return claims[name]
    head, _, rest = name.partition(".")
    inner = claims.get(head)
    return find_claim(inner, rest) if rest and isinstance(inner, dict) else None


def _name_of(claims: Mapping[str, Any]) -> str:
    names = [claims.get(each) for each in _NAMES if each != _EMAIL or claims.get("email_verified") is True]
    return next((each for each in names if isinstance(each, str) and each.strip()), "")
