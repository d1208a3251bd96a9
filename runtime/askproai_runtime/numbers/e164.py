"""Phone numbers to E.164 and back, by libphonenumber's rules."""

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat, PhoneNumberType

# What can ring a salon or be rung by it. Emergency and short numbers parse, but they are not a customer's.
_REFUSED_TYPES = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN})


class InvalidNumber(ValueError):
    """The text is no phone number that can be used; the message says which and why."""


def to_e164(text: str, region: str = "DE") -> str:
    """Give the E.164 form of a number in any usual spelling (`030 1234567`, `0049…`, `+49 (0)30/…`).

    Raises `InvalidNumber` for what cannot exist, for emergency and service numbers.
    """
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException as error:
        raise InvalidNumber(f"{text!r} is not a phone number: write it like 030 1234567 or +49301234567") from error
    # Not is_valid_number: numbers for films and tests, such as 030 1234567, are possible and not assigned.
    if not phonenumbers.is_possible_number(parsed) or len(str(parsed.national_number)) < 5:  # noqa: PLR2004
        raise InvalidNumber(f"{text!r} has too few or too many digits for a phone number of {region}")
    if phonenumbers.number_type(parsed) in _REFUSED_TYPES:
        raise InvalidNumber(f"{text!r} is a service number: callers and branches have ordinary ones")
    return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)


def caller_or_none(text: str | None, region: str = "DE") -> str | None:
    """Give a caller's number in E.164, or None when it is withheld (`anonymous`, empty) or makes no sense."""
    if not text:
        return None
    try:
        return to_e164(text, region)
    except InvalidNumber:
        return None
