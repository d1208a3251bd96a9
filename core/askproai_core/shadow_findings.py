"""The findings of a shadow's replays. The shadow's worker writes them into its audit log, and the operator reads them."""

from typing import Final

import msgspec

SHADOW_COMPARED: Final = "shadow.compared"  # action in the audit log of a shadow, with a `ShadowFindings`


class ShadowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A difference between the bookings of one call in the live book and in the shadow's book. The texts name services, staff,
    times and states, but no caller.

    `answers_live` and `answers_shadow` are the outcomes of the call functions that change bookings.
    """

    call_id: str
    only_live: tuple[str, ...] = ()
    only_shadow: tuple[str, ...] = ()
    answers_live: tuple[str, ...] = ()
    answers_shadow: tuple[str, ...] = ()


class ShadowFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The result of comparing the live book with the shadow's. `compared` and `not_compared` are numbers of replayed requests."""

    compared: int = 0
    not_compared: int = 0
    differences: tuple[ShadowDifference, ...] = ()
