"""Identify the caller by a number: only `identify_caller` may conclude from a number who calls.

This rule is stricter than the rule for dialling (docs/decisions/0135-what-identifies-a-caller.md).
"""

from dataclasses import dataclass
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberType

from askproai_core.phone_numbers import (
    DIALLED,
    NO_REGION,
    e164_or_none,
    is_stand_in,
    lacks_area_code,
    normalize_number,
)
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.branch_numbers import own_numbers, region_of

# Types of numbers that one subscriber has. Many people call from behind a service number.
_PERSONAL_TYPES = frozenset({
    PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE, PhoneNumberType.VOIP,
    PhoneNumberType.PERSONAL_NUMBER,
})  # fmt: skip


class CallerKind(StrEnum):
    """How the number that a call shows identifies its caller: the label of `askproai_calls_by_caller_total`."""

    IDENTIFIED = "identified"
    WITHHELD = "withheld"
    OWN_NUMBER = "own_number"  # of a forwarded call, not of its caller: all forwarded callers would be one person
    MADE_UP = "made_up"  # a carrier's stand-in, a service number, or digits that no subscriber has


@dataclass(frozen=True, slots=True)
class Caller:
    """The caller. `number` is in E.164, and None if it identifies nobody. `shown` is the number that the call shows,
    also one that no subscriber has.
    """

    number: str | None
    kind: CallerKind
    shown: str | None = None


def is_dialable(number: str) -> bool:
    """Return whether a number in E.164 can be some subscriber's. False for the stand-in that a carrier shows."""
    return not is_stand_in(number, NO_REGION) and e164_or_none(number, NO_REGION) is not None


def is_personal(number: str) -> bool:
    """Return whether a number in E.164 can belong to one subscriber alone: only such a number may identify a person."""
    return is_dialable(number) and phonenumbers.number_type(phonenumbers.parse(number)) in _PERSONAL_TYPES


def identify_caller(text: str | None, config: TenantConfig, branch: str | None = None) -> Caller:
    """Return the caller, by the phone number that a call to a branch shows. Only a subscriber's own number identifies a person.

    A carrier's stand-in for a withheld number identifies nobody, even if a subscriber might have its digits. If a caller says
    the same digits, they are an ordinary phone number. Nor does a landline number without its 0: it may be a local one of any town.
    """
    region, shown = region_of(config, branch), normalize_number(text or "")
    number = e164_or_none(text, region)
    if number is None or is_stand_in(shown, region):
        kind = CallerKind.MADE_UP if DIALLED.fullmatch(shown) else CallerKind.WITHHELD
        return Caller(None, kind, number or (shown if shown.startswith("+") and kind is CallerKind.MADE_UP else None))
    if number in own_numbers(config):
        return Caller(None, CallerKind.OWN_NUMBER)
    if lacks_area_code(shown, number, region):
        return Caller(None, CallerKind.MADE_UP)
    if not is_personal(number):
        return Caller(None, CallerKind.MADE_UP, number)
    return Caller(number, CallerKind.IDENTIFIED)
