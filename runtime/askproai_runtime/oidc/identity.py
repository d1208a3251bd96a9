"""A person's identity by the claims of an issuer. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_EMAIL: Final = "email"
_NAMES: Final = ("preferred_username", _EMAIL, "name")


@dataclass(frozen=True, slots=True)
class Identity:
    """A logged-in person. `subject` identifies them at the issuer for good; `name` is for people, and may change."""

    subject: str
    name: str
    groups: frozenset[str]


def identity_of(claims: Mapping[str, Any], roles_claim: str) -> Identity:
    """Return who the claims are about; `roles_claim` has their groups."""
    subject = str(claims["sub"])
    return Identity(subject, _name_of(claims) or subject, groups_of(claims, roles_claim))


def groups_of(claims: Mapping[str, Any], roles_claim: str) -> frozenset[str]:
    """Return the values of a claim, a text or a list of texts: `groups`, or `realm_access.roles` for a claim within another.

    An address of e-mail counts only if the issuer has verified it: whoever may enter any address would choose their groups.
    """
    if roles_claim == _EMAIL and claims.get("email_verified") is not True:
        return frozenset()
    value = find_claim(claims, roles_claim)
    values = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    return frozenset(each for each in values if isinstance(each, str) and each)


def find_claim(claims: Mapping[str, Any], name: str) -> Any:
    """Return a claim by its name, which may have dots of its own (`https://salon.example/groups`); None without it."""
    if name in claims:
        return claims[name]
    head, _, rest = name.partition(".")
    inner = claims.get(head)
    return find_claim(inner, rest) if rest and isinstance(inner, dict) else None


def _name_of(claims: Mapping[str, Any]) -> str:
    names = [claims.get(each) for each in _NAMES if each != _EMAIL or claims.get("email_verified") is True]
    return next((each for each in names if isinstance(each, str) and each.strip()), "")
