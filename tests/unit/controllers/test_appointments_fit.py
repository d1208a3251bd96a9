"""AppointmentsFit: the days off of the staff, and the sentence about appointments on them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from askproai_operator.api import Branch
from askproai_operator.api.conditions import Reason, Status
from askproai_operator.controllers.tenant.stranded import declared_work, fit_condition
from askproai_operator.store.stranded import Stranded, StrandedBy
from tests.worlds.salon_models import branch, offering, tenant

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
WEDNESDAY = datetime(2026, 11, 25, 9, tzinfo=UTC)


def staff(*absences: tuple[str, str], **fields: str) -> list[dict]:
    days = [{"from": first, "to": last} for first, last in absences]
    return [{"id": "anna", "displayName": "Anna", "absences": days, **fields}]


def salon_branch(members: list[dict], name: str = "mitte", closed: Sequence[str] = ()) -> Branch:
    return branch(name, staff=members, holidays={"country": "DE", "closed": closed})


def test_days_off_are_whole_tenant_local_days():
    found = declared_work([salon_branch(staff(("2026-11-25", "2026-11-26")))], [], "Europe/Berlin", NOW)
    assert found.members == [("mitte", "anna")]
    start, end = datetime(2026, 11, 24, 23, tzinfo=UTC), datetime(2026, 11, 26, 23, tzinfo=UTC)
    assert found.away == [("mitte", "anna", start, end)]


def test_days_off_before_today_are_omitted():
    past = staff(("2026-11-01", "2026-11-19"), ("2026-11-10", "2026-11-20"))
    assert len(declared_work([salon_branch(past)], [], "Europe/Berlin", NOW).away) == 1


def test_closed_day_is_the_whole_branchs_day_off():
    closed = salon_branch(staff(), closed=["2026-11-25", "9999-12-31"])
    assert [away[:2] for away in declared_work([closed], [], "Europe/Berlin", NOW).away] == [("mitte", "anna")]


def test_absence_counts_in_all_the_persons_branches():
    away = salon_branch(staff(("2026-11-25", "2026-11-25"), person="anna-b"))
    here = salon_branch(staff(person="anna-b"), "west")
    found = declared_work([away, here], [], "Europe/Berlin", NOW)
    assert {each[0] for each in found.away} == {"mitte", "west"}


def test_branch_offers_its_own_and_shared_services():
    branches = [salon_branch(staff()), salon_branch(staff(person="anna-b"), "west")]
    own, everywhere = (
        offering(branchRef={"name": "west"}),
        offering(branchRef=None, tenantRef={"name": "salon-mueller"}),
    )
    assert declared_work(branches, [own], "Europe/Berlin", NOW).services == [("west", "haarschnitt")]
    found = declared_work(branches, [everywhere], "Europe/Berlin", NOW)
    assert found.services == [("mitte", "haarschnitt"), ("west", "haarschnitt")]


def test_warning_names_appointments_staff_and_reason():
    stranded = [
        Stranded("mitte", "anna", StrandedBy.AWAY, appointments=2, first=WEDNESDAY),
        Stranded("mitte", "lena", StrandedBy.GONE, appointments=1, first=WEDNESDAY),
    ]
    condition = fit_condition(tenant(), stranded)
    assert (condition.status, condition.reason) == (Status.FALSE, Reason.APPOINTMENTS_STRANDED)
    assert condition.message.startswith("3 appointments to come are with somebody")
    assert "2 with anna of mitte (on days off), 1 with lena of mitte (not on the staff)" in condition.message
    assert "`askproai appointments list --from 2026-11-25 -t salon-mueller.salon-mueller`" in condition.message
    assert condition.good, "callers are served as before"


def test_warning_names_a_withdrawn_service_with_advice():
    gone = Stranded("mitte", "anna", StrandedBy.NOT_OFFERED, 3, WEDNESDAY, "sehtest")
    message = fit_condition(tenant(), [gone]).message
    assert message.startswith(
        "3 appointments to come are of a service that is not offered any more: 3 of sehtest with anna of"
    )
    assert "(not offered)" in message
    assert message.endswith("can only be cancelled, until that is declared again")
    both = [gone, Stranded("mitte", "lena", StrandedBy.GONE, 1, WEDNESDAY)]
    assert "on a day off, or of a service that is not offered any more: 3 of" in fit_condition(tenant(), both).message


def test_suggested_command_names_a_single_person():
    (message,) = [fit_condition(tenant(), [Stranded("mitte", "lena", StrandedBy.GONE, 1, WEDNESDAY)]).message]
    assert message.startswith("1 appointment to come is with")
    assert "--from 2026-11-25 --staff lena -t" in message


def test_message_about_many_appointments_is_shortened():
    many = [Stranded("mitte", f"s-{n}", StrandedBy.GONE, 1, WEDNESDAY) for n in range(100)]
    message = fit_condition(tenant(), many).message
    assert message.startswith("100 appointments")
    assert "s-5" not in message
    assert "and others" in message


def test_condition_is_good_without_stranded_appointments():
    assert fit_condition(tenant(), []).reason is Reason.AS_DECLARED
