"""Sentences about days off: a staff member is named only to callers who asked for that person."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Absence, Hours
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.conversation.answers import obstacle_sentence
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)  # a Friday
OPENS = (Hours(days=tuple(Weekday), opens=time(9), closes=time(18)),)
SERVICE = Service(name="schur", display_name="Schur", staff={"gohlis": ("vogel",), "sued": ("vogel",)})
AWAY = (Absence(first=date(2026, 11, 23), last=date(2026, 11, 23)),)


def person(*days: Weekday, unit: int = 1, absences: tuple[Absence, ...] = ()) -> Staff:
    hours = (Hours(days=days, opens=time(9), closes=time(18)),)
    return Staff(id="vogel", display_name="Frau Vogel", working_hours=hours, resource_ids=(unit,), absences=absences)


def place(name: str, *staff: Staff) -> Branch:
    return Branch(name=name, display_name=name.capitalize(), opening_hours=OPENS, staff=staff)


HERE = place("gohlis", person(Weekday.THU, Weekday.FRI))
THERE = place("sued", person(Weekday.MON, Weekday.TUE, Weekday.WED))


def sentence(*branches: Branch, staff: str | None = None, when: str = "Montag") -> str:
    config = TenantConfig(tenant="hund.hund", display_name="Hund", branches=branches)
    rules = ServiceRules.of(BERLIN, branches[0], SERVICE)
    (candidate,) = understand(when, at=NOW, zone=BERLIN).candidates
    return obstacle_sentence(config, rules, staff, candidate, Obstacle.DAY_OFF, NOW)


@pytest.mark.parametrize("when", ["Montag", "Montag um elf"])
def test_caller_who_named_nobody_hears_no_name(when: str) -> None:
    assert sentence(HERE, when=when) == "Montag, den 23. November: Da arbeitet niemand, der das macht."
    assert sentence(HERE, THERE, when=when) == "Montag, den 23. November: Da arbeitet hier niemand, der das macht."


def test_staff_member_of_another_branch_is_off_here() -> None:
    assert sentence(HERE, THERE, staff="vogel") == "Montag, den 23. November: Da arbeitet Frau Vogel hier nicht."
    days = sentence(HERE, THERE, staff="vogel", when="von Samstag bis Montag")
    assert days.endswith(": Da arbeitet Frau Vogel hier nicht.")


@pytest.mark.parametrize(
    "branches",
    [
        (HERE,),
        (HERE, place("sued", person(Weekday.TUE))),
        (HERE, place("sued", person(Weekday.MON, absences=AWAY))),
        (HERE, place("sued", person(Weekday.MON, unit=2))),  # somebody else of the same name
    ],
)
def test_person_working_nowhere_that_day_is_off(branches: tuple[Branch, ...]) -> None:
    assert sentence(*branches, staff="vogel") == "Montag, den 23. November: Da arbeitet Frau Vogel nicht."


def test_day_off_sentences_are_said_in_english() -> None:
    with speaking(Language.EN):
        assert sentence(HERE, THERE, when="Monday").endswith(": nobody who does that works here then.")
        assert sentence(HERE, THERE, staff="vogel", when="Monday").endswith(": Frau Vogel does not work here then.")
        assert sentence(HERE, staff="vogel", when="Monday").endswith(": Frau Vogel does not work then.")
