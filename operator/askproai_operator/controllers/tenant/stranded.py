"""The condition AppointmentsFit: every future appointment has a declared service and a staff member who works that day. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from askproai_operator.api import Branch, ServiceOffering, Staff, Tenant
from askproai_operator.api.conditions import Condition, ConditionType, Reason, bad, good
from askproai_operator.controllers.tenant.tenant_config import absences_of
from askproai_operator.services import active_offerings, is_offered_in
from askproai_operator.store.stranded import DeclaredWork, Stranded, StrandedBy

_NAMED: Final = 5
_CAUSES: Final = {
    False: "with somebody who is not on the staff any more, or on a day off",
    True: "of a service that is not offered any more",
}


def declared_work(
    branches: Collection[Branch], offerings: Collection[ServiceOffering], time_zone: str, now: datetime
) -> DeclaredWork:
    """Return the staff members, their days off from today on, and the services, each with their branch."""
    zone = ZoneInfo(time_zone)
    today = now.astimezone(zone).date()
    staff = [(branch, member) for branch in branches for member in branch.spec.staff]
    return DeclaredWork(
        [(branch.metadata.name, member.id) for branch, member in staff],
        [
            (branch.metadata.name, member.id, _midnight(first, zone), _midnight(last + timedelta(days=1), zone))
            for branch, member in staff
            for first, last in _days_off(branch, member, branches)
            if today <= last < date.max
        ],
        [
            (branch.metadata.name, offering.metadata.name)
            for offering in active_offerings(offerings, branches)
            for branch in branches
            if is_offered_in(offering, branch)
        ],
    )


def _days_off(branch: Branch, member: Staff, branches: Collection[Branch]) -> Iterator[tuple[date, date]]:
    for absence in absences_of(branch, member, branches):
        yield absence.first, absence.last
    for day in branch.spec.holidays.closed if branch.spec.holidays else ():
        yield day, day


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def fit_condition(tenant: Tenant, stranded: Sequence[Stranded]) -> Condition:
    """Return AppointmentsFit: True without `stranded` appointments. These are ordered by time, the earliest first."""
    kind = ConditionType.APPOINTMENTS_FIT
    if not stranded:
        return good(kind)
    count = sum(each.appointments for each in stranded)
    first = min(each.first for each in stranded).astimezone(ZoneInfo(tenant.spec.time_zone))
    named = [_describe(each) for each in stranded[:_NAMED]]
    if len(stranded) > _NAMED:
        named.append("and others")
    one = stranded[0].staff if len({each.staff for each in stranded}) == 1 else None
    command = f"askproai appointments list --from {first:%Y-%m-%d}{f' --staff {one}' if one else ''} -t {tenant.metadata.dotted}"
    causes = {each.why is StrandedBy.NOT_OFFERED for each in stranded}
    text = (
        f"{'1 appointment to come is' if count == 1 else f'{count} appointments to come are'}"
        f" {', or '.join(_CAUSES[cause] for cause in sorted(causes))}: {', '.join(named)};"
        f" `{command}` lists them: call the customers, and move or cancel each"
    )
    if any(each.why is not StrandedBy.AWAY for each in stranded):
        text += (
            "; one whose branch, person or service is not declared can only be cancelled, until that is declared again"
        )
    return bad(kind, Reason.APPOINTMENTS_STRANDED, text)


def _describe(each: Stranded) -> str:
    if each.why is StrandedBy.NOT_OFFERED:
        return f"{each.appointments} of {each.service or '?'} with {each.staff or '?'} of {each.branch or '?'} (not offered)"
    why = "not on the staff" if each.why is StrandedBy.GONE else "on days off"
    return f"{each.appointments} with {each.staff or '?'} of {each.branch or '?'} ({why})"
