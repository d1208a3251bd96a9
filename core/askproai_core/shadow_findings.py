"""The findings of a shadow's replays: its worker writes them into the audit log of the shadow, and the operator reads them."""

from typing import Final

import msgspec

SHADOW_COMPARED: Final = "shadow.compared"  # action in the audit log of a shadow, with a `ShadowFindings`


class ShadowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """Bookings of one call that are not the same in both books. Texts name services, staff, times and states, and no caller.

    `answers_live` and `answers_shadow` are how the call functions that change bookings ended.
    """

    call_id: str
    only_live: tuple[str, ...] = ()
    only_shadow: tuple[str, ...] = ()
    answers_live: tuple[str, ...] = ()
    answers_shadow: tuple[str, ...] = ()


class ShadowFindings(msgspec.Struct, frozen=True, kw_only=True):
    """The findings of a comparison of both books. Numbers are of requests: replayed ones whose outcome is compared, and those
    that are not.
    """

    compared: int = 0
    not_compared: int = 0
    differences: tuple[ShadowDifference, ...] = ()
