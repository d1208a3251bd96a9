"""ServiceOffering: who can do it, how often at the same time, and what its conditions say. Pure, without a cluster."""

import pytest

from askproai_core.provider_names import CalendarApi
from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.api.conditions import Condition, Reason, Status
from askproai_operator.controllers.offering.status import (
    calendar_condition,
    calendar_without_look,
    event_type_fits,
    staff_without_event_type,
)
from askproai_operator.controllers.offering.units import outdated_offerings, plan_units
from askproai_operator.providers import CredentialProblem
from askproai_operator.services import (
    active_offerings,
    name_condition,
    namesakes,
    openings_condition,
    staff_by_branch,
    staff_condition,
)
from tests.worlds.rows import each_row
from tests.worlds.salon_models import branch, raw


def offering(name: str = "haarschnitt", status: dict | None = None, **spec) -> ServiceOffering:
    manifest = raw("ServiceOffering", **spec)
    manifest["metadata"]["name"] = name
    return ServiceOffering.from_raw(manifest | {"status": status or {}})


def judged(found: object, *, staff=("anna",), versions=(CalendarApi.V2,), answers=(), **entry) -> Condition:
    """Return CalendarLinked if Cal.com returns `found` for the event type; `entry` are fields of Anna's manifest entry."""
    entry |= {"staff": "anna", "eventTypeId": 1001}
    linked = offering(calcom={"eventTypes": [entry], "bookingFields": answers})
    return calendar_condition(linked, {"mitte": staff}, [(linked.spec.calcom.event_types[0], found)], versions)


@pytest.mark.parametrize(
    ("skills", "expected"),
    [(["schnitt"], ("anna", "mehmet")), (["schnitt", "farbe"], ("anna",)), ([], ("anna", "mehmet")), (["yoga"], ())],
)
def test_staff_must_have_all_the_skills(skills, expected):
    assert staff_by_branch(offering(requiredSkills=skills), [branch()]) == {"mitte": expected}


def test_condition_names_skills_that_nobody_has():
    condition = staff_condition(offering(requiredSkills=["yoga"]), {"mitte": ()}, 1)
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.NO_STAFF_WITH_SKILLS)
    assert "yoga" in condition.message


def test_staff_units_are_the_capacities_common_multiple():
    """Anna does yoga for four, a course for six and cuts alone: 12 units; Mehmet only cuts."""
    yoga, course = (offering(name, capacity=c, requiredSkills=["farbe"]) for name, c in (("yoga", 4), ("kurs", 6)))
    units = plan_units([branch()], [offering(), yoga, course])
    assert units.per_person == {("mitte", "anna"): 12, ("mitte", "mehmet"): 1}
    assert units.effective_capacity == {"haarschnitt": 1, "yoga": 4, "kurs": 6}


def test_capacities_needing_too_many_units_are_lowered():
    five, four = offering("a-fuenf", capacity=5), offering("b-vier", capacity=4)
    units = plan_units([branch()], [four, five])
    assert units.effective_capacity == {"a-fuenf": 5, "b-vier": 2}
    assert units.per_person["mitte", "anna"] == 10
    condition = staff_condition(four, {"mitte": ("anna",)}, units.effective_capacity["b-vier"])
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.CAPACITY_UNSUPPORTED)
    assert "2 at once instead of 4" in condition.message


def test_service_without_branches_cannot_be_booked():
    assert staff_condition(offering(), {}, 1).reason is Reason.BRANCH_NOT_FOUND


def test_staff_members_without_an_event_type_are_named():
    types = [{"staff": "anna", "eventTypeId": 1001}, {"staff": "mehmet", "eventTypeId": 1002}]
    for calcom, unlinked in (
        ({"eventTypes": types}, []),
        ({"eventTypes": types[:1]}, ["mehmet"]),
        (None, ["anna", "mehmet"]),
    ):
        assert staff_without_event_type(offering(calcom=calcom), {"mitte": ("mehmet", "anna")}) == unlinked


def test_unread_calendar_still_names_staff_without_event_type():
    linked = offering(calcom={"eventTypes": [{"staff": "anna", "eventTypeId": 1}]}).spec.calcom.event_types
    assert calendar_without_look("Dav", linked, {"mitte": ("anna",)}).message == "booked at Dav"
    missing = calendar_without_look("Dav", linked, {"mitte": ("anna", "mehmet")})
    assert (missing.status, missing.reason) == (Status.FALSE, Reason.EVENT_TYPE_MISSING)
    assert missing.message.startswith("mehmet: ")
    assert calendar_without_look("Dav", (), {"mitte": ("anna",)}).reason == Reason.NOT_REQUESTED


def test_neighbours_capacity_change_reconciles_the_offering():
    matched = {"conditions": [{"type": "StaffMatched", "status": "True", "reason": "AsDeclared"}]}
    five, four = offering("a-fuenf", capacity=5), offering("b-vier", matched, capacity=4)
    units = plan_units([branch()], [four, five])
    assert outdated_offerings([five, four], units) == [four]


def test_offering_with_restored_capacity_is_reconciled_again():
    lowered = {"conditions": [{"type": "StaffMatched", "status": "False", "reason": "CapacityUnsupported"}]}
    four, other = offering("b-vier", lowered, capacity=4), offering("c-zwei", capacity=2)
    assert outdated_offerings([four, other], plan_units([branch()], [four, other])) == [four]


def test_capacity_is_lowered_only_as_necessary():
    nine, four = offering("a-neun", capacity=9), offering("b-vier", capacity=4)
    assert plan_units([branch()], [nine, four]).effective_capacity == {"a-neun": 9, "b-vier": 3}


def test_person_of_two_branches_has_common_units():
    def with_person(name: str, person: str | None) -> Branch:
        manifest = raw("Branch", staff=[{"id": "anna", "displayName": "Anna", "skills": ["schnitt"], "person": person}])
        manifest["metadata"]["name"] = name
        return Branch.from_raw(manifest)

    three = offering("a-drei", capacity=3, branchRef={"name": "mitte"})
    two = offering("b-zwei", capacity=2, branchRef={"name": "nord"})
    same = plan_units([with_person("mitte", "anna-m"), with_person("nord", "anna-m")], [three, two])
    assert list(same.per_person.values()) == [6]
    namesakes = plan_units([with_person("mitte", None), with_person("nord", "anna-m")], [three, two])
    assert sorted(namesakes.per_person.values()) == [2, 3]


def test_services_including_shared_ones_are_listed_by_name():
    everywhere = offering("bart", branchRef=None)
    services = [offering("zopf"), everywhere, offering("farbe"), offering("fremd", branchRef={"name": "nord"})]
    active = active_offerings(services, [branch()])
    assert [service.metadata.name for service in active] == ["bart", "farbe", "zopf"]
    assert staff_by_branch(everywhere, [branch()]) == {"mitte": ("anna", "mehmet")}


def test_default_service_ends_when_another_service_exists():
    manifest = raw("ServiceOffering")
    manifest["metadata"] |= {"name": "default", "labels": {"askproai.de/auto-created": "true"}}
    default = ServiceOffering.from_raw(manifest)
    assert active_offerings([default], [branch()]) == [default]
    assert active_offerings([default, offering()], [branch()]) == [offering()]


FITTING = {"lengthInMinutes": 45}
ROUND_ROBIN = FITTING | {"schedulingType": "roundRobin", "hosts": [{"userId": 17, "name": "Anna"}]}


@each_row(
    ("found", "options", "reason", "texts"),
    [
        (CredentialProblem(Reason.SECRET_NOT_FOUND, "Secret 'annas' is not in this namespace"),
         {"apiKeySecretRef": {"name": "annas", "key": "k"}}, Reason.SECRET_NOT_FOUND,
         ["event type 1001 of anna: Secret 'annas' is not in this namespace"]),
        (None, {"staff": ("anna", "mehmet")}, Reason.EVENT_TYPE_MISSING,
         ["mehmet has no event type", "event type 1001 of anna is not in this Cal.com account"]),
        (FITTING | {"bookingFields": [{"type": "text", "slug": "haarlaenge"}]},
         {"answers": [{"slug": "haarlange", "value": "kurz"}]}, Reason.EVENT_TYPE_MISMATCH,
         ["no event type has a booking field 'haarlange'"]),
        (FITTING | {"minimumBookingNotice": 120, "bookingLimitsCount": {"day": 8}}, {}, Reason.AS_DECLARED,
         ["event type 1001 of anna: minimumBookingNotice is 120 minutes", "bookingLimitsCount is set"]),
        (FITTING | {"confirmationPolicy": {"type": "always", "blockUnconfirmedBookingsInBooker": True}}, {},
         Reason.AS_DECLARED, ["callers hear that the appointment is requested"]),
        # Version 1 cannot request one host, so the appointments would wait for Cal.com for ever.
        (ROUND_ROBIN, {"versions": ["V1"], "userId": 17}, Reason.EVENT_TYPE_MISMATCH, ["add V2 to apiVersions of the Tenant"]),
        (ROUND_ROBIN, {"versions": ["V1", "V2"], "userId": 17}, Reason.AS_DECLARED, []),
        (ROUND_ROBIN, {"versions": ["V2"], "userId": 17}, Reason.AS_DECLARED, []),
        (FITTING, {"versions": ["V1"]}, Reason.AS_DECLARED, []),
    ],
)  # fmt: skip
def test_condition_names_what_calcom_shows(found: object, options: dict, reason: Reason, texts: list[str]) -> None:
    condition = judged(found, **options)
    assert (condition.reason, condition.good) == (reason, reason is Reason.AS_DECLARED)
    assert [text for text in texts if text not in condition.message] == [], condition.message


def test_hidden_team_event_type_message_mentions_the_key():
    condition = judged(None, userId=7)
    assert condition.reason is Reason.EVENT_TYPE_NOT_FOUND
    assert condition.message == (
        "Cal.com does not show event type 1001 of anna, so nothing is sent to it, and callers hear that it cannot be booked:"
        " correct the id, or let the API key be that of a member of its team"
    )


@pytest.mark.parametrize("linked_types", [1, 2, 200])
def test_coarser_calcom_slot_interval_is_named_briefly(linked_types: int):
    entries = [{"staff": f"person-{number}", "eventTypeId": 1234567 + number} for number in range(linked_types)]
    linked = offering(calcom={"eventTypes": entries}, slotStepMinutes=15)
    read = [(entry, {"lengthInMinutes": 45, "slotInterval": None}) for entry in linked.spec.calcom.event_types]
    condition = calendar_condition(linked, {"mitte": ("person-0",)}, read)
    assert (condition.status, condition.reason) == (Status.TRUE, Reason.AS_DECLARED)
    assert "slot interval 45 of 1234567" in condition.message
    assert ("more" in condition.message) is (linked_types > 1)
    assert "slotStepMinutes 15" in condition.message
    assert len(condition.message) <= 160, condition.message
    without_v2 = calendar_condition(linked, {"mitte": ("person-0",)}, read, [CalendarApi.V1])
    assert "slot interval" not in without_v2.message, "our own book is offered then"
    fine = [(entry, {"lengthInMinutes": 45, "slotInterval": 15}) for entry, _ in read]
    assert calendar_condition(linked, {"mitte": ("person-0",)}, fine).message == f"{linked_types} event types fit"


# OpeningFits


def hours(*ranges: tuple[str, str, str]) -> list[dict]:
    return [{"days": days.split(), "opens": opens, "closes": closes} for days, opens, closes in ranges]


def openings(service: ServiceOffering, *branches: Branch) -> Condition:
    return openings_condition(service, branches, staff_by_branch(service, branches))


NINE_HOURS = hours(("Mon Tue", "09:00", "18:00"))


BUFFERS = {"bufferBeforeMinutes": 20, "bufferAfterMinutes": 20}
NIGHT = hours(("Sun", "22:00", "24:00"), ("Mon", "00:00", "01:00"), ("Mon", "01:00", "02:00"))
TEAM = [{"id": "anna", "displayName": "Anna"}, {"id": "mehmet", "displayName": "Mehmet"}]
MORNINGS = [TEAM[0] | {"skills": ["farbe"], "workingHours": hours(("Mon", "09:00", "11:00"))}, TEAM[1]]
ONE_HOUR = hours(("Mon", "09:00", "10:00"))


@each_row(
    ("minutes", "spec", "place", "text"),
    [
        (540, {}, {}, None),
        (541, {}, {}, "has 540"),
        (500, BUFFERS, {}, "no opening is long enough from a start every 15 minutes"),  # from 09:30 on: 18:10
        (490, {"bufferBeforeMinutes": 30, "bufferAfterMinutes": 20}, {}, None),
        (500, BUFFERS | {"slotStepMinutes": 20}, {}, None),
        (590, {"bufferAfterMinutes": 10}, {}, "takes 600 minutes with its buffers"),
        (590, {"bufferAfterMinutes": 10}, {}, "has 540: shorten durationMinutes or a buffer, or lengthen openingHours"),
        (240, {}, {"openingHours": NIGHT}, None),  # across midnight
        (240, {}, {"openingHours": NIGHT[:2]}, ""),
        (180, {}, {"staff": MORNINGS}, None),
        (180, {"requiredSkills": ["farbe"]}, {"staff": MORNINGS}, "has 120"),
        (90, {}, {"openingHours": ONE_HOUR, "staff": TEAM}, ""),
        (
            90,
            {"staffOverrides": [{"staff": "mehmet", "durationMinutes": 60}]},
            {"openingHours": ONE_HOUR, "staff": TEAM},
            None,
        ),
        (
            90,
            {"staffOverrides": [{"staff": "anna", "durationMinutes": 80}, {"staff": "mehmet", "durationMinutes": 70}]},
            {"openingHours": ONE_HOUR, "staff": TEAM},
            "takes 70 minutes",
        ),
    ],
)
def test_service_must_fit_an_opening_of_its_staff(minutes: int, spec: dict, place: dict, text: str | None) -> None:
    usual = {"bufferBeforeMinutes": 0, "bufferAfterMinutes": 0, "slotStepMinutes": 15, "requiredSkills": []}
    condition = openings(
        offering(**usual | {"durationMinutes": minutes} | spec), branch(**{"openingHours": NINE_HOURS} | place)
    )
    assert condition.reason is (Reason.AS_DECLARED if text is None else Reason.NO_OPENING_LONG_ENOUGH)
    assert text is None or text in condition.message


def test_staff_override_of_an_incapable_person_is_named():
    own = [{"staff": "annna", "durationMinutes": 60}]
    condition = staff_condition(offering(staffOverrides=own), {"mitte": ("anna",)}, 1)
    assert condition.good
    assert "staffOverrides names annna, who cannot do it" in condition.message


def test_event_type_has_the_length_of_its_person():
    types = {"eventTypes": [{"staff": "anna", "eventTypeId": 1}, {"staff": "mehmet", "eventTypeId": 2}]}
    own = [{"staff": "anna", "durationMinutes": 60}]
    service = offering(durationMinutes=45, calcom=types, staffOverrides=own)
    entries = {each.staff: each for each in service.spec.calcom.event_types}
    fits = {
        name: [event_type_fits(service, entry, {"lengthInMinutes": n}) for n in (45, 60)]
        for name, entry in entries.items()
    }
    assert fits == {"anna": [False, True], "mehmet": [True, False]}


def test_opening_in_any_branch_suffices_for_the_service():
    closed = branch(openingHours=[])
    assert "nothing is open in mitte" in openings(offering(), closed).message
    manifest = raw("Branch")
    manifest["metadata"]["name"] = "nord"
    everywhere = offering(branchRef=None, tenantRef={"name": "salon-mueller"})
    assert openings(everywhere, closed, Branch.from_raw(manifest)).good


def test_opening_hours_decide_where_nobody_can_perform():
    """StaffMatched reports that nobody can do it."""
    assert openings(offering(requiredSkills=["yoga"]), branch()).good
    assert openings(offering()).good


# NameUnique


def test_two_similar_sounding_services_name_each_other():
    first, second = offering("a", displayName="Haarschnitt"), offering("b", displayName="HAARSCHNITT ")
    other = offering("c", displayName="Haarfarbe")
    assert namesakes(first, [first, second, other]) == [second]
    condition = name_condition(second, namesakes(second, [first, second, other]))
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.NAME_TAKEN)
    assert condition.message.startswith("a has a displayName that sounds like 'HAARSCHNITT '")
    assert name_condition(other, namesakes(other, [first, second, other])).good


@pytest.mark.parametrize("name", ["implantat-Beratung", "Implantat Beratung", "Implantatberatung!"])
def test_names_differing_only_in_punctuation_sound_equal(name: str):
    first, second = offering("a", displayName="Implantatberatung"), offering("b", displayName=name)
    assert namesakes(first, [first, second]) == [second]
    signs = [offering(each, displayName=each) for each in ("★", "♥")]
    assert namesakes(signs[0], signs) == [], "signs alone are compared as they are"


def test_service_name_is_compared_within_its_branches():
    mitte, nord = offering("a", branchRef={"name": "mitte"}), offering("b", branchRef={"name": "nord"})
    assert namesakes(mitte, [mitte, nord]) == []
    everywhere = offering("c", branchRef=None, tenantRef={"name": "salon-mueller"})
    assert namesakes(mitte, [mitte, nord, everywhere]) == [everywhere]
    assert namesakes(everywhere, [mitte, nord, everywhere]) == [mitte, nord]
