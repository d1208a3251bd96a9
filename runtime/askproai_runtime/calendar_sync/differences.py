"""Find the differences between our book and the remote calendar in a slice of both. Pure.

A list of the calendar can lag behind, so a difference in it is only suspected; `audit.py` fetches each booking itself.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from askproai_core.audit_state import DifferenceSort
from askproai_runtime.book.appointments import Status
from askproai_runtime.calendars import RemoteBooking

_CLOCKS_DIFFER = timedelta(hours=1)  # at most; a date that is further ahead says nothing about when it was changed


@dataclass(frozen=True, slots=True)
class Compared:
    """The compared fields of an appointment. `in_flight`: it was changed a moment ago, is pending, or has an unfinished job."""

    id: UUID
    status: str
    starts_at: datetime
    ends_at: datetime
    event_type_id: int | None
    external_id: str | None
    in_flight: bool

    @property
    def live(self) -> bool:
        return self.status in {Status.CONFIRMED, Status.PENDING_SYNC}


@dataclass(frozen=True, slots=True)
class Suspect:
    """A suspected difference in a slice. `position` is the start by which it belongs to the slice. Either `appointment` or
    `remote` may be None.

    `others` are the ids of further appointments with the same booking.
    """

    sort: DifferenceSort
    position: datetime
    appointment: Compared | None = None
    remote: RemoteBooking | None = None
    others: tuple[UUID, ...] = ()


def find_suspects(
    remotes: Sequence[RemoteBooking],
    confirmed: Sequence[Compared],
    matching: Collection[Compared],
    now: datetime,
    grace: timedelta,
) -> list[Suspect]:
    """Return the suspected differences in a slice, by start. Changes within `grace` and past appointments are left out.

    `remotes` are the bookings of the slice, `confirmed` our confirmed appointments in it, and `matching` all of our
    appointments that have a uid or request id of the bookings.
    """
    listed = {each.uid: each for each in remotes}
    suspects = [
        suspect for each in remotes if not is_recent(each, now, grace) and (suspect := _of_remote(each, matching, now))
    ]
    for appointment in confirmed:
        row = listed.get(appointment.external_id or "")
        if appointment.in_flight or appointment.ends_at <= now or (row and is_recent(row, now, grace)):
            continue
        uid, live = appointment.external_id, [each for each in remotes if each.live]
        if row is None and not any(uid in each.uids or each.request_id == appointment.id for each in live):
            suspects.append(Suspect(DifferenceSort.MISSING_THERE, appointment.starts_at, appointment))
        elif row is not None and row.moved_to:
            suspects.append(Suspect(DifferenceSort.MOVED, appointment.starts_at, appointment, row))
    suspects += _sharing_a_booking([*confirmed, *matching], {each.id for each in confirmed}, now)
    return sorted(suspects, key=lambda suspect: suspect.position)


def classify(appointment: Compared | None, remote: RemoteBooking, now: datetime) -> DifferenceSort | None:
    """Return how a remote booking differs from our appointment; None if they agree, or if the difference is about past times."""
    if appointment is None:
        return DifferenceSort.MISSING_HERE if remote.live and remote.ends_at > now else None
    if not remote.live:
        return DifferenceSort.CANCELLED_THERE if appointment.live and appointment.ends_at > now else None
    if appointment.status in {Status.CANCELLED, Status.FAILED}:
        return DifferenceSort.CANCELLED_HERE if remote.ends_at > now else None
    is_to_come = max(remote.ends_at, appointment.ends_at) > now
    return DifferenceSort.MOVED if is_to_come and appointment.starts_at != remote.starts_at else None


def find_match(remote: RemoteBooking, matching: Iterable[Compared]) -> Compared | None:
    """Return the appointment whose uid is one of the booking's uids, else the one with the booking's request id, else None.

    A booking that is not live does not match by request id if the appointment has the uid of another booking.
    """
    by_uid = {each.external_id: each for each in matching if each.external_id}
    by_id = {each.id: each for each in matching}
    known = next((by_uid[uid] for uid in remote.uids if uid in by_uid), None)
    named = by_id.get(remote.request_id) if remote.request_id else None
    return known or (named if named and (remote.live or named.external_id is None) else None)


def find_double(remote: RemoteBooking, matching: Iterable[Compared]) -> Compared | None:
    """Return the live appointment with a live booking's request id but the uid of another booking; None if there is none."""
    for each in matching:
        if each.id == remote.request_id and each.live and each.external_id and each.external_id not in remote.uids:
            return each if remote.live else None
    return None


def is_recent(remote: RemoteBooking, now: datetime, grace: timedelta) -> bool:
    """Return whether a booking changed so recently that its event, the poll or our own answer may still be on the way."""
    return remote.changed_at is not None and now - grace < remote.changed_at <= now + _CLOCKS_DIFFER


def _of_remote(remote: RemoteBooking, matching: Collection[Compared], now: datetime) -> Suspect | None:
    if remote.moved_to:
        return None  # its successor is listed, too
    double, appointment = find_double(remote, matching), find_match(remote, matching)
    if double is not None and not double.in_flight and remote.ends_at > now:
        return Suspect(DifferenceSort.DOUBLED, remote.starts_at, double, remote)
    if appointment is not None and appointment.in_flight:
        return None
    sort = classify(appointment, remote, now)
    return Suspect(sort, remote.starts_at, appointment, remote) if sort else None


def _sharing_a_booking(appointments: Iterable[Compared], of_slice: Collection[UUID], now: datetime) -> list[Suspect]:
    sharing: dict[str, dict[UUID, Compared]] = defaultdict(dict)
    for each in appointments:
        if each.external_id and each.live and not each.in_flight and each.ends_at > now:
            sharing[each.external_id][each.id] = each
    suspects = []
    for group in sharing.values():
        first, *others = sorted(group.values(), key=lambda each: (each.starts_at, each.id))
        if others and first.id in of_slice:
            ids = tuple(each.id for each in others)
            suspects.append(Suspect(DifferenceSort.DOUBLED, first.starts_at, first, others=ids))
    return suspects
