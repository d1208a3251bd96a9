"""Sentences about days off: a staff member is named only to callers who asked for that person."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from askproai_core.languages import Language
from askproai_core.tenant_config import Branch, Service, Staff, TenantConfig, Weekday
from askproai_core.tenant_config.branches import Absence, Hours
from askproai_runtime.availability.obstacles import Obstacle
from askproai_runtime.availability.slots import ServiceRules
from askproai_runtime.conversation.answers import obstacle_sentence
from askproai_runtime.sentences import speaking
from askproai_runtime.spoken_times import understand
from tests.worlds.rows import each_row

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


MONDAY = "Montag, den 23. November: Da arbeitet"
OF_ANOTHER_NAME = place("sued", person(Weekday.MON, unit=2))


@each_row(
    ("branches", "staff", "when", "said"),
    [
        *(((HERE,), None, when, f"{MONDAY} niemand, der das macht.") for when in ("Montag", "Montag um elf")),
        *(
            ((HERE, THERE), None, when, f"{MONDAY} hier niemand, der das macht.")
            for when in ("Montag", "Montag um elf")
        ),
        ((HERE, THERE), "vogel", "Montag", f"{MONDAY} Frau Vogel hier nicht."),
        ((HERE, THERE), "vogel", "von Samstag bis Montag", ": Da arbeitet Frau Vogel hier nicht."),
        ((HERE,), "vogel", "Montag", f"{MONDAY} Frau Vogel nicht."),
        ((HERE, place("sued", person(Weekday.TUE))), "vogel", "Montag", f"{MONDAY} Frau Vogel nicht."),
        ((HERE, place("sued", person(Weekday.MON, absences=AWAY))), "vogel", "Montag", f"{MONDAY} Frau Vogel nicht."),
        ((HERE, OF_ANOTHER_NAME), "vogel", "Montag", f"{MONDAY} Frau Vogel nicht."),
        ((HERE, THERE), None, "Monday", ": nobody who does that works here then."),
        ((HERE, THERE), "vogel", "Monday", ": Frau Vogel does not work here then."),
        ((HERE,), "vogel", "Monday", ": Frau Vogel does not work then."),
    ],
)
def test_only_a_requested_person_is_named(
    branches: tuple[Branch, ...], staff: str | None, when: str, said: str
) -> None:
    with speaking(Language.EN if when == "Monday" else Language.DE):
        assert sentence(*branches, staff=staff, when=when).endswith(said)
