"""Bookings for the tenant over the private API of a real pod and by the command line."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.worlds.private_desk import asking, book, command, request
from tests.worlds.tenant_pod import TenantPod, next_friday


async def test_appointment_is_booked_once_with_note_and_audit(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 10, 7)
    status, preview = await request(pod, "booking-preview", start=f"{start:%d.%m.%Y} um zehn Uhr", staff="Anna")
    assert status == 200
    assert preview == {
        "branch": "mitte", "service": "haarschnitt", "staff": "anna", "start": start.isoformat(),
        "end": (start + timedelta(minutes=45)).isoformat(), "zone": "Europe/Berlin", "notified_by": [],
    }  # fmt: skip
    body = asking(start=start.isoformat(), name="Petra Müller", phone="0151 12345678", note="Treppe", staff="anna")
    answers = [await request(pod, "appointments", body) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200], answers
    booked = answers[0][1]["appointment"]
    assert answers[1][1]["appointment"] == booked
    assert booked["call_id"] == f"desk:{body['request_id']}"
    assert (booked["status"], answers[0][1]["calendar"]) == ("confirmed", "local")
    _, shown = await request(pod, f"appointments/{booked['id'][:8]}")
    assert (shown["appointment"], shown["phone"], shown["notes"]) == (booked, "+4915112345678", "Treppe")
    _, page = await request(pod, "audit", limit=1)
    entry = page["entries"][0]
    assert (entry["action"], entry["detail"]["claimed_by"]) == ("appointment.booked", "karin@laptop")
    status, problem = await request(pod, "appointments", body | {"name": "Paula Meier"})
    assert (status, problem["title"]) == (409, "Request Used")
    assert (await request(pod, f"appointments/{booked['id']}/cancel", asking()))[0] == 200
    status, problem = await request(pod, "appointments", body)
    assert (status, problem["outcome"], "cancelled or was refused" in problem["detail"]) == (409, "gone", True)


async def test_refused_desk_booking_names_reason_and_free_times(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 10, 7)
    taken = await book(pod, start)
    body = asking(start=start.isoformat(), name="Petra Müller", staff="anna")
    status, problem = await request(pod, "appointments", body)
    assert (status, problem["title"], problem["outcome"]) == (409, "Not Booked", "taken")
    assert problem["detail"] == "Anna is booked, blocked, or offered to a caller at this moment"
    assert {frozenset(slot) for slot in problem["alternatives"]} == {frozenset({"start", "end", "staff"})}
    assert problem["zone"] == "Europe/Berlin"
    past = asking(start="2020-11-27T10:00:00+01:00", name="Petra Müller")
    status, problem = await request(pod, "appointments", past)
    assert (status, problem["outcome"], problem["detail"]) == (409, "past", "it began more than 30 minutes ago")
    assert (await request(pod, f"appointments/{taken}/cancel", asking()))[0] == 200


NO_PHONE = "'12' is no phone number of DE, and none with a country code: write it like 030 123456 or +4930123456"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"branch": "nord"}, (404, "There is no branch 'nord'; there are: mitte")),
        ({"service": "Dauerwelle"}, (404, "Branch mitte offers no service 'Dauerwelle'; it offers: haarschnitt")),
        ({"staff": "x"}, (404, "There is no staff member 'x' who does haarschnitt in mitte; there are: anna, mehmet")),
        ({"name": "?"}, (400, "'?' is no name: write letters")),
        ({"name": "null"}, (400, "'null' is a placeholder: write the name, or one like it with a title before it")),
        ({"phone": "12"}, (400, NO_PHONE)),
        ({"email": "petra@"}, (400, "'petra@' is no e-mail address: write it like petra@example.org")),
        ({"start": "2036-11-27T10:00:30+01:00"}, (400, "start is a whole minute, such as 2026-11-27T14:30:00+01:00")),
    ],
)
async def test_mistyped_booking_is_refused_with_correct_form(shared_web_pod: TenantPod, fields, refusal) -> None:
    body = asking(start=next_friday(shared_web_pod, 10, 7).isoformat(), name="Petra Müller") | fields
    status, problem = await request(shared_web_pod, "appointments", body)
    assert (status, problem["detail"]) == refusal
    named = {name: value for name, value in fields.items() if name in {"branch", "service", "staff"}}
    if named:
        status, problem = await request(shared_web_pod, "booking-preview", **named)
        assert (status, problem["detail"]) == refusal


async def test_walk_in_preview_without_a_start_uses_now(shared_web_pod: TenantPod) -> None:
    status, preview = await request(shared_web_pod, "booking-preview")
    start = datetime.fromisoformat(preview["start"])
    assert (status, preview["staff"], start.minute % 15) == (200, None, 0)
    # In the hour that a clock change repeats, the next start of the grid is after it.
    assert timedelta(minutes=-31) <= start - datetime.now(UTC) <= timedelta(minutes=61)


@pytest.mark.nightly
@pytest.mark.processes
async def test_command_line_books_an_appointment(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 14, 7)
    customer = ("--name", "Petra Müller", "--phone", "0151 12345678")
    asked = ("appointments", "book", *customer, "--start", f"{start:%Y-%m-%d}T14:00")
    question = f"Book haarschnitt in mitte, {start:%a %d %b %Y %H:%M %Z}, for Petra Müller (0151 12345678)?"
    assert question in await command(pod, *asked, answer="n\n", code=1)
    out = await command(pod, *asked, "--staff", "anna", "--note", "Treppe", "--yes")
    booked, calendar, identity = out.splitlines()
    assert booked == f"booked: haarschnitt with anna in mitte, {start:%a %d %b %Y %H:%M %Z}"
    assert "local calendar only" in calendar
    appointment = identity.removeprefix("id ")
    out = await command(pod, "appointments", "show", appointment[:8])
    assert ("Treppe" in out, "+4915112345678" in out) == (True, True), out
    out = await command(pod, *asked, "--staff", "anna", "--yes", code=1)
    refusal, heading, *free = out.splitlines()
    assert (refusal.split(":")[0], heading, bool(free)) == ("Not Booked", "free:", True), out
    await command(pod, "appointments", "cancel", appointment[:8], "--yes")
