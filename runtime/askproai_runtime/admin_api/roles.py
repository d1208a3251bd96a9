"""The roles and their rights, for the private API and the page. Pure."""

from enum import StrEnum
from typing import Final


class Role(StrEnum):
    """The role of a person at a tenant. The admin token has the role owner, the reader token the role reader."""

    OWNER = "owner"
    STAFF = "staff"
    READER = "reader"


class Right(StrEnum):
    """The rights that a role can have. Reading data that name nobody needs no right."""

    NAMES = "names"  # see who customers are, and what they have entered
    CANCEL = "cancel"
    MOVE = "move"
    BLOCK = "block"  # and take a block away
    MARK = "mark"  # who did not come
    ANSWER = "answer"
    LISTEN = "listen"  # read who called and what was said in a call, which the audit log then has
    REDRIVE = "redrive"
    ADMINISTER = "administer"  # all other changes of the private API


# A redriven event may book, cancel or notify at once, and callers have entrusted a transcript to the business.
_OF_STAFF: Final = frozenset({Right.NAMES, Right.CANCEL, Right.MOVE, Right.BLOCK, Right.MARK, Right.ANSWER})
_RIGHTS: Final = {Role.OWNER: frozenset(Right), Role.STAFF: _OF_STAFF, Role.READER: frozenset[Right]()}


def rights_of(role: Role) -> frozenset[Right]:
    """Return the rights of a role."""
    return _RIGHTS[role]
