"""The identity of a user by the claims of an issuer."""

from typing import Any

import pytest

from askproai_runtime.oidc.identity import groups_of, identity_of

KEYCLOAK = {"realm_access": {"roles": ["bosses"]}}


@pytest.mark.parametrize(
    ("claims", "claim", "groups"),
    [
        ({"groups": ["a", "b"]}, "groups", {"a", "b"}),
        ({"groups": "a"}, "groups", {"a"}),
        ({"groups": ["a", 7, None, {"b": 1}, ""]}, "groups", {"a"}),
        ({"groups": {"a": True}}, "groups", set()),
        ({"groups": None}, "groups", set()),
        ({}, "groups", set()),
        (KEYCLOAK, "realm_access.roles", {"bosses"}),
        (KEYCLOAK, "realm_access.roles.more", set()),
        (KEYCLOAK, "other.roles", set()),
        ({"https://salon.example/groups": ["a"]}, "https://salon.example/groups", {"a"}),
        ({"email": "a@b.example", "email_verified": True}, "email", {"a@b.example"}),
        ({"email": "a@b.example", "email_verified": False}, "email", set()),
        ({"email": "a@b.example", "email_verified": "true"}, "email", set()),
        ({"email": "a@b.example"}, "email", set()),
    ],
)
def test_groups_are_claim_texts_and_address_needs_verification(
    claims: dict[str, Any], claim: str, groups: set[str]
) -> None:
    assert groups_of(claims, claim) == groups


@pytest.mark.parametrize(
    ("claims", "name"),
    [
        ({"preferred_username": "anna", "email": "a@b.example", "email_verified": True}, "anna"),
        ({"email": "a@b.example", "email_verified": True, "name": "Anna"}, "a@b.example"),
        ({"email": "boss@b.example", "name": "Anna"}, "Anna"),
        ({"email": "boss@b.example"}, "u-1"),
        ({"preferred_username": ["boss"], "name": " "}, "u-1"),
    ],
)
def test_persons_name_comes_from_the_issuer(claims: dict[str, Any], name: str) -> None:
    identity = identity_of(claims | {"sub": "u-1"}, "groups")
    assert (identity.subject, identity.name) == ("u-1", name)
