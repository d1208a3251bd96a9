"""Phone numbers in E.164 by libphonenumber's rules. `to_e164` parses all numbers, whether typed, sent or spoken."""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

import phonenumbers
from phonenumbers import NumberParseException, PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType

from askproai_core.time_zones import country_of_zone

DEFAULT_REGION: Final = "DE"  # country of a number without country code, if nothing else names one
NO_REGION: Final = "ZZ"  # a number needs its country code
# Types that neither a caller nor a branch can have.
_REFUSED_TYPES = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.VOICEMAIL, PhoneNumberType.UAN})
_MOBILE_TYPES = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})

# Carriers that can only transmit digits spell on a keypad why there is no number: +86282452253 is UNAVAILABLE
# (https://help.twilio.com/articles/223179988). A spelling may follow the country code of the carrier or the trunk. In countries
# with short numbers, a short spelling may be a subscriber's number: +49 7748 283 is in a village.
_SPELLED = (
    "anonymous", "blocked", "confidential", "inconnu", "nocallerid", "nonumber", "notavailable", "notprovided", "outofarea",
    "payphone", "private", "privatecall", "restricted", "suppressed", "unassigned", "unavailable", "unbekannt", "unknown",
    "unlisted", "unterdrueckt", "withheld",
)  # fmt: skip
_KEYPAD = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_LONGEST_IN_NANP = 10  # carriers of North America cut a spelling to the length of their numbers
_SHORTEST_BEHIND_CODE = 9
_STAND_IN_DIGITS = sorted(
    {
        "464",
        *(cut for word in _SPELLED for cut in (word.translate(_KEYPAD), word.translate(_KEYPAD)[:_LONGEST_IN_NANP])),
    }
)
_LONG_STAND_IN_DIGITS = [each for each in _STAND_IN_DIGITS if len(each) >= _SHORTEST_BEHIND_CODE]
_CODES = "|".join(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))  # no code is the beginning of another
_STAND_IN = re.compile(rf"\+(1?({'|'.join(_STAND_IN_DIGITS)})|({_CODES})0?({'|'.join(_LONG_STAND_IN_DIGITS)}))")
_ZEROS = "0" * 8
_ASCENDING = "0123456789" * 2
_COUNTED_UP = 9  # a national number that begins with so many digits in order is made up

_URI = re.compile(r'(?:"?[^"<]*"?\s*<)?\s*(?:(?:sips?|tel):)?([^@;>]*)(?:[;@>].*)?', re.IGNORECASE | re.DOTALL)
DIALLED: Final = re.compile(r"\+?(?=.*\d)[\d\s()/._-]+")


class InvalidNumber(ValueError):
    """The text is no phone number for a caller or branch. The message quotes it, says why, and how to write a number."""


class StandIn(InvalidNumber):
    """The number is a placeholder that a carrier sends in place of a withheld number; it belongs to no person."""


class TwoReadings(InvalidNumber):
    """The digits could be a national number without its leading 0, or a number of another country without its `+`.

    `mobile` is the national number, and `abroad` the other one, in E.164; only the one that callers rather mean is not None:
    they leave out the 0 of a mobile number, and networks leave out a `+`.
    """

    def __init__(self, text: str, national: PhoneNumber, international: PhoneNumber) -> None:
        home, abroad = (phonenumbers.format_number(each, PhoneNumberFormat.E164) for each in (national, international))
        super().__init__(f"{text!r} can be the number {home} or {abroad}: write it like one of them")
        is_mobile = phonenumbers.number_type(national) in _MOBILE_TYPES
        self.mobile = home if is_mobile else None
        self.abroad = None if is_mobile else abroad


def to_e164(text: str, region: str) -> str:
    """Return the E.164 form of a number in any usual spelling (`030 1234567`, `0049…`, `49…`, `+49 (0)30/…`, `sip:+49…@host`).

    A number without a country code belongs to `region` (ISO 3166-1). If the digits can be read as two numbers (`TwoReadings`)
    and only one of them is valid, return the valid one.

    Raises InvalidNumber if no reading is a subscriber's number, and TwoReadings if two readings are different numbers.
    """
    return _read_e164(text, region)


# Cached beside `to_e164`: a type checker does not see the arguments of a cached function, and would miss a forgotten region.
@lru_cache(maxsize=1024)  # a third of a worker's time otherwise: each event of a call names the same two numbers
def _read_e164(text: str, region: str) -> str:
    written = normalize_number(text)
    if re.sub(r"[\W_]", "", written.casefold().replace("ü", "ue")) in _SPELLED:
        raise StandIn(f"{text!r} says that the number is withheld")
    if DIALLED.fullmatch(written) is None:
        raise InvalidNumber(f"{text!r} is not a phone number: {_how_to_write(region)}")
    found = _choose_reading(text, written, region)
    if found is None:
        if is_stand_in(written, region):
            raise StandIn(f"{text!r} stands for a withheld number")
        raise InvalidNumber(f"{text!r} {_find_fault(written, region)}: {_how_to_write(region)}")
    if phonenumbers.number_type(found) in _REFUSED_TYPES:
        raise InvalidNumber(f"{text!r} is a service number: callers and branches have ordinary ones")
    e164 = phonenumbers.format_number(found, PhoneNumberFormat.E164)
    if _is_made_up(str(found.national_number)):
        raise InvalidNumber(f"{text!r} is made up: {_how_to_write(region)}")
    return e164


def lacks_area_code(text: str, number: str, region: str) -> bool:
    """Return True if `text` is `number` without leading 0 and country code, in a `region` whose area codes begin with 0.

    The digits may then also be a local number in any town. False for a mobile number, which has no local form.
    """
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.national_prefix != "0":
        return False
    parsed = phonenumbers.parse(number)
    is_local = re.sub(r"\D", "", text) == str(parsed.national_number) and not text.lstrip().startswith("+")
    return is_local and phonenumbers.number_type(parsed) not in _MOBILE_TYPES


def e164_or_none(text: str | None, region: str) -> str | None:
    """Return a number in E.164, None when it is withheld (`anonymous`, empty) or not a phone number."""
    return _read_or_none(text, region) if text else None


@lru_cache(maxsize=1024)  # caches refusals, too
def _read_or_none(text: str, region: str) -> str | None:
    try:
        return to_e164(text, region)
    except TwoReadings as found:  # a network, which may leave out the plus, leaves out no zero
        return _read_or_none(found.abroad, region) if found.abroad else None
    except InvalidNumber:
        return None


def normalize_number(text: str) -> str:
    """Return a number's text without invisible characters (phones and directories add some); for a URI only its user part."""
    plain = unicodedata.normalize("NFKC", text)
    seen = ("-" if unicodedata.category(c) == "Pd" else c for c in plain if unicodedata.category(c) != "Cf")
    written = "".join(seen).strip()
    uri = _URI.fullmatch(written)
    # RFC 3323: the host of a caller who wants to stay unknown. Some networks leave the number before it.
    return uri[1].strip() if uri and "anonymous" not in written.casefold() else written


def _choose_reading(text: str, written: str, region: str) -> PhoneNumber | None:
    """Return the valid one of two readings of a number: national or international; None if neither is valid.

    In a country that dials a leading 0, a number without a 0 is international. But callers and models leave out the 0, too: if
    both readings are valid then, raises TwoReadings.
    """
    if written.startswith("+"):
        return _parse_valid(written, None)
    if written.startswith("00"):
        return _parse_valid("+" + written[2:], None) or _parse_valid(written, region)
    national = _parse_valid(written, region)
    if written.lstrip("( ").startswith("0"):
        return national
    international = _parse_valid("+" + written.lstrip("( "), None)
    if national is None or international is None or national == international:
        return national or international
    metadata = PhoneMetadata.metadata_for_region(region)
    if metadata is None or metadata.national_prefix != "0":
        return national
    is_own_country = international.country_code == national.country_code
    # A mobile number of another country is rather meant than a landline number without its 0.
    is_mobile_abroad = phonenumbers.number_type(international) == PhoneNumberType.MOBILE
    if is_own_country or (is_mobile_abroad and phonenumbers.number_type(national) not in _MOBILE_TYPES):
        return international
    raise TwoReadings(text, national, international)


def _parse_valid(text: str, region: str | None) -> PhoneNumber | None:
    try:
        parsed = phonenumbers.parse(text, region)
    except NumberParseException:
        return None
    return parsed if phonenumbers.is_valid_number(parsed) else None


def _find_fault(written: str, region: str) -> str:
    try:
        is_possible = phonenumbers.is_possible_number(phonenumbers.parse(written, region))
    except NumberParseException:
        is_possible = False
    if is_possible:
        return f"is no phone number of {region}, and none with a country code"
    return f"has too few or too many digits for a phone number of {region}"


def is_stand_in(written: str, region: str) -> bool:
    """Return True if the digits are a placeholder that a carrier sends in place of a withheld number."""
    digits = re.sub(r"\D", "", written)
    is_national = digits.startswith("0") and not digits.startswith("00")
    code = phonenumbers.country_code_for_region(region) if is_national else ""
    return bool(_STAND_IN.fullmatch(f"+{code}{digits.lstrip('0')}"))


def _is_made_up(national: str) -> bool:
    """Return True if the digits count up (1234…) or end in many zeros, as no subscriber's number does."""
    return national.endswith(_ZEROS) or (len(national) >= _COUNTED_UP and national[:_COUNTED_UP] in _ASCENDING)


def _how_to_write(region: str) -> str:
    example = phonenumbers.example_number(region)
    if example is None:
        return "write it with its country code, such as +49301234567"
    national, e164 = (
        phonenumbers.format_number(example, form) for form in (PhoneNumberFormat.NATIONAL, PhoneNumberFormat.E164)
    )
    return f"write it like {national} or {e164}"


def home_region(numbers: Iterable[str], country: str | None = None, time_zone: str | None = None) -> str:
    """Return the country (ISO 3166-1) whose national numbers a business and its callers use.

    It is the country of the first number with a country code, else `country` (of its holidays), else that of `time_zone`.
    """
    for number in numbers:
        if region := _country_of_number(number):
            return region
    zone_country = country_of_zone(time_zone) if time_zone else None
    known = (each for each in (country, zone_country) if each in phonenumbers.SUPPORTED_REGIONS)
    return next(known, DEFAULT_REGION)


@lru_cache(maxsize=1024)
def _country_of_number(number: str) -> str | None:
    """Return the country of a number that has a country code; None without one, and for a code that belongs to no country."""
    international = number.startswith(("+", "00"))
    found = _parse_valid("+" + number.removeprefix("00").lstrip("+"), None) if international else None
    region = phonenumbers.region_code_for_number(found) if found else None
    return region if region in phonenumbers.SUPPORTED_REGIONS else None
