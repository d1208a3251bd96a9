"""Changes for the tenant over the private API of a real pod and by the command line: show, move and cancel."""

import json
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from askproai_runtime.admin_api.store import events
from tests.worlds.private_desk import BERLIN, asking, book, command, request
from tests.worlds.tenant_pod import TenantPod, next_friday


async def test_appointments_are_filtered_by_current_and_former_names(shared_web_pod: TenantPod) -> None:
    """An empty list for a mistyped name would say that nobody is booked with the person."""
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10, number=5))

    async def ids(**filters: str) -> set[str]:
        status, page = await request(pod, "appointments", limit="500", **filters)
        assert status == 200, page
        return {entry["id"] for entry in page["appointments"]}

    (branch,) = pod.config().branches
    anna = next(member for member in branch.staff if member.id == "anna")
    for name in ("anna", "Anna", anna.display_name):
        assert appointment in await ids(staff=name, branch=branch.display_name)
    assert appointment not in await ids(staff=next(member.id for member in branch.staff if member.id != "anna"))
    for filters, what in (({"staff": "ana"}, "staff member 'ana'"), ({"branch": "mite"}, "branch 'mite'")):
        status, problem = await request(pod, "appointments", **filters)
        assert status == 404
        assert problem["detail"].startswith(f"There is no {what}; there are: ")
    await pod.db.execute("UPDATE appointments SET staff = 'tom' WHERE id = $1::text::uuid", appointment)
    assert await ids(staff="Tom") == {appointment}, "nobody of this name is declared any more"
    await pod.db.execute("UPDATE appointments SET staff = 'anna' WHERE id = $1::text::uuid", appointment)
    assert (await request(pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


@pytest.mark.nightly
async def test_first_page_includes_the_total_number_of_appointments(shared_web_pod: TenantPod, monkeypatch) -> None:
    pod = shared_web_pod
    for hour in (11, 13, 15):
        await book(pod, next_friday(pod, hour, number=7))
    day = dict.fromkeys(("from", "to"), next_friday(pod, 0, number=7).date().isoformat())
    _, whole = await request(pod, "appointments", **day)
    assert whole["total"] == len(whole["appointments"]) >= 3
    _, first = await request(pod, "appointments", **day, limit="2")
    assert (first["total"], len(first["appointments"])) == (whole["total"], 2)
    _, second = await request(pod, "appointments", **day, limit="2", cursor=first["next"])
    assert second["total"] is None, "it was said"
    two = ("appointments", "list", "--limit", "2", "--from", day["from"], "--to", day["to"])
    assert f"2 of {whole['total']}: narrow it" in await command(pod, *two)
    monkeypatch.setattr(events, "_MOST_COUNTED", 3)
    assert "2 of 3 or more: narrow it" in await command(pod, *two)


async def test_desk_changes_are_audited_with_their_sender(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10))
    status, shown = await request(pod, f"appointments/{appointment[:8]}")
    assert (status, shown["appointment"]["id"]) == (200, appointment)
    assert (shown["calendar"], shown["zone"]) == ("local", "Europe/Berlin")
    assert shown["phone"].startswith("+4915")
    assert shown["email"] is None
    move = asking(start=next_friday(pod, 12).isoformat(), staff="anna")
    for _ in range(2):
        status, moved = await request(pod, f"appointments/{appointment}/move", move)
        assert (status, moved["appointment"]["start"]) == (200, next_friday(pod, 12).isoformat())
    status, cancelled = await request(pod, f"appointments/{appointment}/cancel", asking(reason="krank"))
    assert (status, cancelled["appointment"]["status"], cancelled["calendar"]) == (200, "cancelled", "local")
    assert shown["cancel_reason"] is None
    assert (await request(pod, f"appointments/{appointment}"))[1]["cancel_reason"] == "krank"
    status, again = await request(pod, f"appointments/{appointment}/cancel", asking())
    assert (status, again["appointment"]) == (200, cancelled["appointment"]), "also when it was cancelled"
    at = datetime.fromisoformat(cancelled["appointment"]["cancelled_at"])
    assert abs(datetime.now(BERLIN) - at) < timedelta(minutes=1)
    _, page = await request(pod, "appointments", status="cancelled", limit="500")
    assert cancelled["appointment"] in page["appointments"]
    at_one = asking(start=next_friday(pod, 13).isoformat())
    status, problem = await request(pod, f"appointments/{appointment}/move", at_one)
    assert (status, problem["title"]) == (409, "Not Moved")
    _, page = await request(pod, "audit", limit=3)
    changes = [entry for entry in page["entries"] if entry["action"] != "list.read"][:2]
    assert [entry["action"] for entry in changes] == ["appointment.cancelled", "appointment.moved"]
    assert {(entry["actor"], entry["detail"]["claimed_by"]) for entry in changes} == {("desk", "karin@laptop")}
    _, older = await request(pod, "audit", limit=1, cursor=page["next"])
    assert page["entries"][-1] not in older["entries"]


@pytest.mark.parametrize("change", ["cancel", "move"])
@pytest.mark.parametrize("name", ["{short}", "00000000-0000-0000-0000-000000000000", "x"])
async def test_partial_appointment_id_cannot_cancel_or_move(shared_web_pod: TenantPod, change: str, name: str) -> None:
    appointment = await book(shared_web_pod, next_friday(shared_web_pod, 10, 2))
    body = asking(**({"start": next_friday(shared_web_pod, 12, 2).isoformat()} if change == "move" else {}))
    status, _ = await request(shared_web_pod, f"appointments/{name.format(short=appointment[:8])}/{change}", body)
    assert status in {400, 404}
    _, shown = await request(shared_web_pod, f"appointments/{appointment}")
    assert shown["appointment"]["start"] == next_friday(shared_web_pod, 10, 2).isoformat()
    assert shown["appointment"]["status"] == "confirmed"
    assert (await request(shared_web_pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


async def test_ambiguous_appointment_id_prefix_shows_no_appointment(shared_web_pod: TenantPod) -> None:
    first = await book(shared_web_pod, next_friday(shared_web_pod, 10, 3))
    alike = f"{first[:8]}-0000-4000-8000-000000000001"
    await shared_web_pod.db.execute(
        """INSERT INTO appointments (tenant, id, branch, service, staff, starts_at, ends_at, status, correlation_id)
           SELECT tenant, $2, branch, service, staff, starts_at, ends_at, 'cancelled', 'c' FROM appointments WHERE id = $1""",
        first, alike,
    )  # fmt: skip
    status, problem = await request(shared_web_pod, f"appointments/{first[:8]}")
    assert (status, problem["title"]) == (409, "Ambiguous Id")
    assert (await request(shared_web_pod, f"appointments/{first[:14]}"))[0] == 200
    for text in (first[:7], "zzzzzzzz", f"{first}0"):
        assert (await request(shared_web_pod, f"appointments/{text}"))[0] == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request_id": "1", "by": "k"},
        asking(by=""),
        asking(by="k\u0000"),
        asking(unknown=1),
        asking(start="2026-11-27T10:00:00"),
        asking(start="9999-12-31T23:59:59-14:00"),
        asking(start="2036-11-27T10:00:30+01:00"),
    ],
)
async def test_invalid_move_body_is_refused(shared_web_pod: TenantPod, body: dict[str, Any]) -> None:
    status, problem = await request(shared_web_pod, f"appointments/{uuid4()}/move", body)
    assert (status, problem["title"]) == (400, "Bad Request")


async def test_spoken_new_start_is_parsed_by_branch_hours(shared_web_pod: TenantPod) -> None:
    """The salon opens from nine to six: half past eight is neither in the morning nor in the evening, nine is in the morning."""
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10, 6))
    day = f"{next_friday(pod, 0, 6):%d.%m.%Y}"

    async def read(text: str, **params: str) -> tuple[int, Any]:
        status, answer = await request(pod, f"appointments/{appointment[:8]}/new-start", text=text, **params)
        return status, answer.get("start") or answer["detail"]

    assert await read(f"{day} um neun") == (200, next_friday(pod, 9, 6).isoformat())
    assert await read(f"{day} um neun", staff="mehmet") == (200, next_friday(pod, 9, 6).isoformat())
    assert await read(next_friday(pod, 12, 6).isoformat()) == (200, next_friday(pod, 12, 6).isoformat())
    for text, why in (
        (day, "names no exact time"),
        ("nach dem Urlaub", "is refused (not_understood)"),
        ("gestern um zehn", "is refused"),
    ):
        status, detail = await read(text)
        assert (status, why in detail, "write it as 2026-11-27T10:00" in detail) == (400, True, True), detail
    assert (await read(f"{day} um neun", staff="niemand"))[0] == 404
    assert (await request(pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


@pytest.mark.nightly
@pytest.mark.processes
async def test_the_command_line_moves_cancels_and_blocks(shared_web_pod: TenantPod) -> None:
    pod, hour = shared_web_pod, next_friday(shared_web_pod, 10, 5)
    appointment = await book(pod, hour)

    day = f"{hour:%Y-%m-%d}"
    move = ("appointments", "move", appointment[:8], "--to")
    out = await command(pod, *move, f"{day}T12:00", answer="n\n", code=1)
    assert ("Petra Müller" in out, f"{hour:%d %b %Y} 12:00" in out) == (True, True), out
    out = await command(pod, *move, f"{hour:%d.%m.%Y} um zwölf Uhr", "--yes")
    assert out.splitlines()[0] == f"moved: haarschnitt with anna in mitte, {hour:%a %d %b %Y} 12:00 {hour:%Z}"
    out = await command(pod, *move, f"{day}T12:00", "--yes")
    assert out.startswith("it is there already: haarschnitt with anna")
    out = await command(pod, "block", "--staff", "anna", "--from", day, "--reason", "krank", "--yes", "-o", "json")
    added = json.loads(out)
    assert [row["id"] for row in added["appointments"]] == [appointment]
    out = await command(pod, "blocks", "list")
    assert ("krank" in out, added["block"]["id"] in out) == (True, True), out
    out = await command(pod, *move, f"{day}T15:00", "--yes", code=1)
    refusal, heading, *free = out.splitlines()
    assert (refusal, heading) == ("Not Moved: the person is booked or blocked then", "free:"), out
    assert free
    assert all(line.endswith("with anna") for line in free), out
    await command(pod, "unblock", added["block"]["id"][:8], "--yes")
    out = await command(pod, "block", "--from", day, code=2)
    assert "name the person with --staff, or write --everyone" in out
    out = await command(pod, "block", "--everyone", "--from", day, answer="y\n")
    assert "blocked: mitte/anna, mitte/mehmet, " in out
    free = (await command(pod, "slots", "--branch", "mitte", "--service", "haarschnitt", "--date", day)).splitlines()
    why = "nothing is free on that day: blocked on it, or for a part of it (`askproai blocks list`): anna, mehmet"
    assert free[0] == why
    await command(pod, "unblock", out.split("(id ")[1][:8], "--yes")
    cancel = ("appointments", "cancel", appointment[:8])
    assert "cancelled" in await command(pod, *cancel, "--reason", "krank", answer="y\n")
    assert f"it was cancelled already, {datetime.now(BERLIN):%a %d %b %Y}" in await command(pod, *cancel)
    out = await command(pod, "audit", "list")
    assert ("appointment.cancelled" in out, "@" in out) == (True, True), out


@pytest.mark.nightly
@pytest.mark.processes
async def test_command_line_marks_and_unmarks_no_shows(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await pod.db.fetchval(
        """INSERT INTO appointments (tenant, branch, service, staff, customer_name, starts_at, ends_at, status, correlation_id)
           VALUES ($1, 'mitte', 'haarschnitt', 'anna', 'P', now() + interval '1 hour', now() + interval '2 hours', 'confirmed', 'c')
           RETURNING id::text""", pod.store.tenant,
    )  # fmt: skip
    status, problem = await request(pod, f"appointments/{appointment}/attendance", asking(no_show=True))
    assert (status, problem["reason"]) == (409, "not_begun")
    await pod.db.execute(
        "UPDATE appointments SET starts_at = now() - interval '1 hour' WHERE id = $1::text::uuid", appointment
    )
    for options, printed, stored in (
        ((), "marked as not come: ", "no_show"),
        (("--undo",), "marked as come: ", "confirmed"),
    ):
        out = await command(pod, "appointments", "no-show", appointment[:8], *options)
        assert out.startswith(printed)
        assert (await request(pod, f"appointments/{appointment}"))[1]["appointment"]["status"] == stored
    status, problem = await request(pod, f"appointments/{uuid4()}/attendance", asking(no_show=True))
    assert (status, problem["reason"]) == (404, "not_found")


@pytest.mark.parametrize(
    ("start", "refusal"),
    [
        ("{taken}", (409, "taken", "the person is booked or blocked then")),
        ("2020-11-27T10:00:00+01:00", (409, "past", "that time is over")),
        ("2036-11-27T10:00:00+01:00", (409, "too_far", "that is further ahead than the service can be booked")),
        ("{night}", (409, "outside_hours", "that is outside of the hours in which the person does this service")),
    ],
)
async def test_refused_desk_move_names_reason_and_free_times(shared_web_pod: TenantPod, start, refusal) -> None:
    """The text is English and no question, since the desk reads it, not a caller."""
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10, 9))
    taken = await book(pod, next_friday(pod, 12, 9))
    start = start.format(taken=next_friday(pod, 12, 9).isoformat(), night=next_friday(pod, 23, 9).isoformat())
    status, problem = await request(pod, f"appointments/{appointment}/move", asking(start=start))
    assert (status, problem["outcome"], problem["detail"]) == refusal
    assert problem["zone"] == "Europe/Berlin"
    assert problem["alternatives"]
    assert {slot["staff"] for slot in problem["alternatives"]} == {"anna"}
    assert {frozenset(slot) for slot in problem["alternatives"]} == {frozenset({"start", "end", "staff"})}
    for each in (appointment, taken):
        assert (await request(pod, f"appointments/{each}/cancel", asking()))[0] == 200


async def test_move_to_unknown_person_names_capable_staff(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 14, 9))
    body = asking(start=next_friday(pod, 12, 9).isoformat(), staff="niemand")
    status, problem = await request(pod, f"appointments/{appointment}/move", body)
    assert (status, "there are: anna, mehmet" in problem["detail"]) == (404, True)
    assert (await request(pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


async def test_request_id_of_another_change_is_refused(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10, 8))
    body = asking(start=next_friday(pod, 12, 8).isoformat())
    assert (await request(pod, f"appointments/{appointment}/move", body))[0] == 200
    status, problem = await request(pod, f"appointments/{appointment}/move", body | {"staff": "mehmet"})
    assert (status, problem["title"]) == (409, "Request Used")


@pytest.mark.parametrize("by", ["karin\n", "k\x9b31m", "k\u202eadmin", "k\u2066", "k\x7f"])
async def test_names_and_reasons_hold_no_terminal_sequences(shared_web_pod: TenantPod, by: str) -> None:
    for body in (asking() | {"by": by}, asking(reason=by)):
        status, problem = await request(shared_web_pod, f"appointments/{uuid4()}/cancel", body)
        assert (status, problem["title"]) == (400, "Bad Request")
