"""The services that a text names: one, or several in one visit, without ignoring any part of the text."""

import msgspec
import pytest

from askproai_core.languages import Language
from askproai_core.provider_names import CalendarProvider
from askproai_core.tenant_config import Service, TenantConfig
from askproai_core.tenant_config.config import CalendarConfig
from askproai_core.tenant_config.services import EventType, Segment
from askproai_core.tenant_config.vocabulary import SegmentKind
from askproai_runtime.language.spoken_services import NamedServices, find_named, read_services
from askproai_runtime.sentences import speaking
from askproai_runtime.visits import compose_visit, find_by_name
from tests.worlds.rows import each_row

ABLE = {"mitte": ("anna", "mehmet")}
WASH = Service(
    name="waschen", display_name="Waschen", duration_minutes=15, staff={"mitte": ("anna",)}, price_amount="8.00"
)
CUT = Service(
    name="haarschnitt", display_name="Haarschnitt", spoken_names=("Schneiden", "Cut & Go"), staff=ABLE, price_amount="39.00",
    slot_step_minutes=20, buffer_after_minutes=10, minimum_notice_minutes=60, booking_horizon_days=30,
)  # fmt: skip
COLOUR = Service(
    name="farbe", display_name="Färben", staff=ABLE, duration_minutes=105, price_amount="89.50", buffer_after_minutes=5,
    segments=(Segment(30), Segment(30, SegmentKind.WAIT), Segment(45)), preparation="Bitte mit trockenem Haar.",
)  # fmt: skip
SET = Service(name="legen", display_name="Waschen und Legen", staff=ABLE)
OFFERED = [WASH, CUT, COLOUR, SET]


@pytest.mark.parametrize(
    ("service", "text", "named"),
    [
        (CUT, "Guten Tag, einen Haarschnitt, bitte.", True),
        (CUT, "Können Sie mir die Haare schneiden?", True),
        (CUT, "Cut and Go, please", True),
        (SET, "Waschen & Legen hätte ich gern.", True),
        (SET, "Waschen, und das Legen nicht.", False),
        (CUT, "Einen Trockenhaarschnitt.", False),
        (COLOUR, "", False),
    ],
)
def test_service_is_recognised_by_each_of_its_names(service: Service, text: str, named: bool) -> None:
    assert find_named([service], text) == ((service,) if named else ())


@each_row(
    ("text", "names"),
    [
        ("Haarschnitt", ["haarschnitt"]),
        ("Waschen, Schneiden", ["waschen", "haarschnitt"]),
        ("waschen schneiden und faerben", ["waschen", "haarschnitt", "farbe"]),
        ("Schneiden und dann noch Färben", ["haarschnitt", "farbe"]),
        ("Färben mit Schneiden", ["farbe", "haarschnitt"]),
        ("Färben + Haarschnitt", ["farbe", "haarschnitt"]),
        ("farbe+haarschnitt", ["farbe", "haarschnitt"]),
        ("Waschen und Legen", ["legen"]),
        ("Waschen und Legen, Färben", ["legen", "farbe"]),
        ("Cut and Go", ["haarschnitt"]),
        ("Waschen, Legen", ["legen"]),
        ("Waschen & Legen und Cut & Go", ["legen", "haarschnitt"]),
        ("Waschen und Färben", ["waschen", "farbe"]),
        ("Cut & Go / Waschen", ["haarschnitt", "waschen"]),
        ("Haarschnitt (Schneiden)", ["haarschnitt"]),
        ("Waschen schneiden", ["waschen", "haarschnitt"]),
        ("Waschen-Schneiden, Fa\u0308rben.", ["waschen", "haarschnitt", "farbe"]),
        ("und", []),
        ("", []),
    ],
)
def test_services_are_named_in_the_order_said(text: str, names: list[str]) -> None:
    named = read_services(text, OFFERED)
    assert [service.name for service in named.services] == names
    assert not named.repeated
    assert named.unknown is None


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("Waschen, Nagelpflege", "Nagelpflege"),
        ("Damen Haarschnitt", "Damen Haarschnitt"),
        ("Waschen und große Maniküre, Färben", "große Maniküre"),
        ("Maniküre und Waschen", "Maniküre"),
        ("Nagelpflege und Maniküre", "Nagelpflege"),
        ("Farbe schneiden", "Farbe schneiden"),
        ("Schneiden beim Chef", "Schneiden beim Chef"),
    ],
)
def test_unknown_words_are_returned(text: str, unknown: str) -> None:
    assert read_services(text, OFFERED).unknown == unknown


@pytest.mark.parametrize("declared", ["Waschen, Schneiden", "Waschen & Schneiden", "Waschen + Schneiden"])
def test_declared_service_name_matches_any_word_for_and(declared: str) -> None:
    """Otherwise the name would be split into the services of its parts, at the sum of their prices."""
    one = Service(name="komplett", display_name=declared, staff=ABLE)
    for said in (declared, "Waschen und Schneiden", "waschen and schneiden", "Waschen, Schneiden"):
        assert read_services(said, [*OFFERED, one]).services == (one,)


def test_repeated_service_means_two_people() -> None:
    assert read_services("Haarschnitt und Haarschnitt", OFFERED).repeated


def test_visit_has_summed_lengths_and_strictest_rules() -> None:
    config = TenantConfig(tenant="a.b", display_name="A", services=tuple(OFFERED))
    visit = find_by_name(config, "waschen+haarschnitt+farbe")
    assert visit is not None
    assert (visit.name, visit.display_name) == ("waschen+haarschnitt+farbe", "Waschen, Haarschnitt und Färben")
    assert (visit.duration_minutes, visit.price_amount) == (150, "136.50")
    assert visit.work_spans == ((0, 75), (105, 150))
    assert (visit.buffer_after_minutes, visit.slot_step_minutes) == (10, 15)
    assert (visit.minimum_notice_minutes, visit.booking_horizon_days) == (60, 30)
    assert visit.staff == {"mitte": ("anna",)}
    assert visit.preparation == "Bitte mit trockenem Haar."
    with speaking(Language.EN):
        assert compose_visit(config, [WASH, CUT]).display_name == "Waschen and Haarschnitt"
    assert find_by_name(config, "waschen+dauerwelle") is None
    assert find_by_name(config, "waschen") is WASH


def test_visit_with_an_unpriced_service_has_no_price() -> None:
    config = TenantConfig(tenant="a.b", display_name="A")
    assert compose_visit(config, [CUT, SET]).price_amount == "0.00"
    free = msgspec.structs.replace(SET, free_of_charge=True)
    assert compose_visit(config, [CUT, free]).price_amount == "39.00", "what is free of charge adds nothing"
    assert not compose_visit(config, [CUT, free]).free_of_charge


def test_person_booked_at_calcom_does_no_visit() -> None:
    linked = Service(name="x", display_name="X", staff=ABLE, event_types=(EventType(staff="anna", event_type_id=1),))
    local = TenantConfig(tenant="a.b", display_name="A")
    remote = TenantConfig(tenant="a.b", display_name="A", calendar=CalendarConfig(provider=CalendarProvider.CALCOM))
    assert compose_visit(remote, [CUT, linked]).staff == {"mitte": ("mehmet",)}
    assert compose_visit(local, [CUT, linked]).staff == ABLE


@pytest.mark.parametrize(
    "text",
    [
        "Haarschnitt, kein Färben", "Haarschnitt, nicht Färben", "nur Haarschnitt", "bloß einen Haarschnitt", "Haarschnitt only",
        "kein Färben, nur Haarschnitt", "Haarschnitt ohne Färben", "nicht Färben, sondern Haarschnitt",
        "nur Schneiden, kein Waschen und Legen",
    ],
)  # fmt: skip
def test_an_excluded_service_is_left_out(text: str) -> None:
    assert read_services(text, OFFERED).services == (CUT,)
    assert read_services(text, OFFERED).unknown is None


@pytest.mark.parametrize(
    "text", ["Färben nicht, nur Haarschnitt", "Haarschnitt nicht, Färben", "Haarschnitt, kein Haarschnitt"]
)
def test_unclear_exclusion_is_asked_about(text: str) -> None:
    assert read_services(text, OFFERED).unknown is not None


@pytest.mark.parametrize(
    "text",
    [
        "zweimal Haarschnitt",
        "2x Haarschnitt",
        "Haarschnitt für zwei Personen",
        "Haarschnitt for two",
        "Haarschnitt x2",
        "Haarschnitt (2 Personen)",
        "Haarschnitt, 2 Personen",
        "Haarschnitt für uns beide",
        "Haarschnitt for both of us",
    ],
)
def test_service_for_several_counts_as_repeated(text: str) -> None:
    assert read_services(text, OFFERED) == NamedServices((CUT,), repeated=True)
