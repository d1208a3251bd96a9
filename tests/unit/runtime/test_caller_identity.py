"""A caller is identified by a real number: not by carriers' stand-ins, words, service numbers and made-up digits."""

import msgspec
import pytest

from askproai_core.phone_numbers import to_e164
from askproai_runtime.caller_identity import CallerKind, identify_caller
from tests.worlds.compiled_salon import salon_config
from tests.worlds.rows import each_row

CONFIG = salon_config()
OWN = CONFIG.branches[0].phone_numbers[0].number

STAND_INS = {
    "UNAVAILABLE": "86282452253",
    "UNKNOWN": "8656696",
    "RESTRICTED": "7378742833",
    "ANONYMOUS": "266696687",
    "BLOCKED": "2562533",
    "PRIVATE": "7748283",
    "WITHHELD": "94844353",
    "NO CALLER ID": "6622553743",
    "SUPPRESSED": "7877737733",
    "UNAVAILABL": "8628245225",
    "UNASSIGNED": "8627744633",
    "none": "464",
}
SPELLINGS = ("{}", "+{}", "00{}", "+1{}", "1{}", "001{}", "sip:+{}@trunk.example", "sip:+1{}@10.0.0.1", "+{} ")
BEHIND_THE_COUNTRY = [f"{code}{{}}" for code in "0 49 0049 +49 +43 +41 +352 00352 +33 +390 +420".split()]
SUBSCRIBERS = (
    "+497748283", "07748 283", "497748283", "+4986547833", "08654 7833", "+498656696", "+492562533", "+437748283", "+3528656696",
)  # fmt: skip


MADE_UP, WITHHELD = CallerKind.MADE_UP, CallerKind.WITHHELD


@each_row(("text", "kind"), [
    *((spelling.format(digits), MADE_UP) for digits in STAND_INS.values() for spelling in SPELLINGS),
    *((spelling.format(digits), MADE_UP) for digits in STAND_INS.values() if len(digits) > 8 for spelling in BEHIND_THE_COUNTRY),
    *((text, MADE_UP) for text in (
        "110", "112", "+49110", "115", "116117", "+49116117", "19222", "+49 900 1234567", "+491805123456", "+498001234567",
        "+18005550199", "+10000000000", "+11111111111", "+15555555555", "+12345678900", "0000000000", "9999999999",
        "+49123456789", "01234567890", "+49300000000", "+4900000000", "4711", "1234567", "+999123456789",
        "+4915112345678901234", "+86282452254",
        "89123456", "2345678", "2125551234",  # local numbers of an unknown town
    )),
    *((text, WITHHELD) for text in (
        None, "", " ", "-", "anonymous", "Anonymous", "unknown", "unbekannt", "restricted", "privat", "Unterdrückt",
        "No Caller ID", "N/A", "номер скрыт", "非通知", "sip:anonymous@anonymous.invalid", "sip:anonymous@10.0.0.1",
        '"Anonymous" <sip:anonymous@anonymous.invalid>', "sip:+4915112345678@anonymous.invalid", "sip:unknown@trunk.example",
    )),
    *((text, CallerKind.OWN_NUMBER) for text in (OWN, OWN[1:], OWN.replace("+", "00"), "0" + OWN.removeprefix("+49"))),
    *((text, CallerKind.OWN_NUMBER) for text in ("+49301234599", "030 1234599")),  # the reception, which forwards callers
])  # fmt: skip
def test_no_persons_number_identifies_nobody(text: str | None, kind: CallerKind) -> None:
    caller = identify_caller(text, CONFIG)
    assert (caller.number, caller.kind) == (None, kind)


@pytest.mark.parametrize("text", SUBSCRIBERS)
def test_short_national_number_identifies_the_caller(text: str) -> None:
    caller = identify_caller(text, CONFIG)
    assert (caller.number, caller.kind) == (to_e164(text, "DE"), CallerKind.IDENTIFIED)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("07378 742833", "+497378742833"),
        ("+1 737 874 2833", "+17378742833"),
        ("07748 283", "+497748283"),
        ("02663 433684", "+492663433684"),
        ("7378742833", "+497378742833"),
    ],
)
def test_spoken_valid_number_is_accepted(text: str, number: str) -> None:
    assert to_e164(text, "DE") == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+4915112345678", "+4915112345678"),
        ("4915112345678", "+4915112345678"),
        ("491701234567", "+491701234567"),
        ("sip:+4915112345678@trunk.example;user=phone", "+4915112345678"),
        ("<sip:4915112345678@10.0.0.1:5060>", "+4915112345678"),
        ("tel:+49-151-12345678", "+4915112345678"),
        ("4915112345678@10.0.0.1", "+4915112345678"),
        ("Petra <+4915112345678>", "+4915112345678"),
        ("\u202a+49 151 12345678\u202c", "+4915112345678"),  # copied from a directory
        ("+41446681800", "+41446681800"),
        ("41446681800", "+41446681800"),
        ("436641234567", "+436641234567"),
        ("+442079460123", "+442079460123"),
    ],
)
def test_a_subscribers_number_identifies_in_every_spelling(text: str, number: str) -> None:
    assert identify_caller(text, CONFIG).number == number


@pytest.mark.parametrize(
    ("zone", "numbers", "text", "number"),
    [
        ("Europe/Vienna", (), "0664 1234567", "+436641234567"),
        ("Europe/Zurich", (), "079 123 45 67", "+41791234567"),
        ("Europe/Berlin", ("+4315871234",), "0664 1234567", "+436641234567"),
        ("Europe/Berlin", ("+41446681800",), "079 123 45 67", "+41791234567"),
        ("Europe/Berlin", (), "0664 1234567", "+496641234567"),
        ("Europe/Vienna", ("+4315871234",), "436641234567", "+436641234567"),
        ("UTC", (), "0151 12345678", "+4915112345678"),
    ],
)
def test_national_numbers_use_the_business_country(zone: str, numbers: tuple[str, ...], text: str, number: str) -> None:
    phones = tuple(
        msgspec.structs.replace(CONFIG.branches[0].phone_numbers[0], number=each, did=each) for each in numbers
    )
    branch = msgspec.structs.replace(CONFIG.branches[0], phone_numbers=phones, holidays=None)
    config = msgspec.structs.replace(CONFIG, time_zone=zone, branches=(branch,))
    assert identify_caller(text, config, branch.name).number == number
