"""Changes for the tenant over the private API of a real pod and by the command line: cancel, move, block, and their audit."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod, next_friday

CLI = (sys.executable, "-c", "from askproai_cli.main import app; app()")
BERLIN = ZoneInfo("Europe/Berlin")


async def request(pod: TenantPod, path: str, body: Any = None, **params: Any) -> tuple[int, dict[str, Any]]:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    method, url = "GET" if body is None else "POST", f"{pod.private_url}/api/v1/{path}"
    async with pod.session.request(method, url, params=params, headers=headers, json=body) as answer:
        return answer.status, await answer.json(content_type=None)


def asking(**fields: Any) -> dict[str, Any]:
    return {"request_id": str(uuid4()), "by": "karin@laptop", **fields}


async def book(pod: TenantPod, start: datetime, staff: str = "anna") -> str:
    args = {"start": start.isoformat(), "service": "Haarschnitt", "customer_name": "Petra Müller", "staff": staff}
    reply = await pod.function(
        "book_appointment", f"call_{uuid4().hex}", args, from_number=f"+4915{uuid4().int % 10**9:09}"
    )
    assert reply.body["success"], reply.body
    return str(reply.body["appointment_id"])


async def test_appointments_are_listed_by_the_names_of_people_also_of_one_who_left(shared_web_pod: TenantPod) -> None:
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


async def test_an_appointment_is_shown_moved_and_cancelled_and_the_audit_log_has_who_asked(
    shared_web_pod: TenantPod,
) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10))
    status, shown = await request(pod, f"appointments/{appointment[:8]}")
    assert (status, shown["appointment"]["id"], shown["calendar"], shown["zone"]) == (
        200, appointment, "local", "Europe/Berlin",
    )  # fmt: skip
    assert shown["phone"].startswith("+4915")
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
    status, problem = await request(
        pod, f"appointments/{appointment}/move", asking(start=next_friday(pod, 13).isoformat())
    )
    assert (status, problem["title"]) == (409, "Not Moved")
    _, page = await request(pod, "audit", limit=2)
    assert [(entry["actor"], entry["action"]) for entry in page["entries"]] == [
        ("desk", "appointment.cancelled"), ("desk", "appointment.moved"),
    ]  # fmt: skip
    assert {entry["detail"]["claimed_by"] for entry in page["entries"]} == {"karin@laptop"}
    _, older = await request(pod, "audit", limit=1, cursor=page["next"])
    assert page["entries"][-1] not in older["entries"]


@pytest.mark.parametrize("change", ["cancel", "move"])
@pytest.mark.parametrize("name", ["{short}", "00000000-0000-0000-0000-000000000000", "x"])
async def test_a_change_is_never_made_by_a_part_of_an_id(shared_web_pod: TenantPod, change: str, name: str) -> None:
    appointment = await book(shared_web_pod, next_friday(shared_web_pod, 10, 2))
    body = asking(**({"start": next_friday(shared_web_pod, 12, 2).isoformat()} if change == "move" else {}))
    status, _ = await request(shared_web_pod, f"appointments/{name.format(short=appointment[:8])}/{change}", body)
    assert status in {400, 404}
    _, shown = await request(shared_web_pod, f"appointments/{appointment}")
    assert (shown["appointment"]["start"], shown["appointment"]["status"]) == (
        next_friday(shared_web_pod, 10, 2).isoformat(), "confirmed",
    )  # fmt: skip
    assert (await request(shared_web_pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


async def test_an_ambiguous_beginning_of_an_id_shows_nothing(shared_web_pod: TenantPod) -> None:
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
    ],
)
async def test_an_invalid_body_is_refused_with_an_explanation(shared_web_pod: TenantPod, body: dict[str, Any]) -> None:
    status, problem = await request(shared_web_pod, f"appointments/{uuid4()}/move", body)
    assert (status, problem["title"]) == (400, "Bad Request")


async def test_a_block_is_added_listed_and_removed(shared_web_pod: TenantPod) -> None:
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0, 4).date().isoformat()
    appointment = await book(pod, next_friday(pod, 10, 4))
    german = f"{next_friday(pod, 0, 4):%d.%m.%Y}"
    status, preview = await request(pod, "block-preview", staff="Anna", **{"from": german})
    assert (status, preview["staff"], preview["start"], preview["at_calcom"]) == (
        200, ["mitte/anna"], next_friday(pod, 0, 4).isoformat(), False,
    )  # fmt: skip
    assert [row["id"] for row in preview["appointments"]] == [appointment]
    assert (await request(pod, "block-preview", staff="berta", **{"from": day}))[0] == 404
    assert (await request(pod, "block-preview", staff="anna", **{"from": "nach dem Urlaub"}))[0] == 400
    status, added = await request(pod, "blocks", asking(staff="Anna", **{"from": day}, reason="krank"))
    assert (status, added["block"]["staff"], added["block"]["start"]) == (
        200, ["mitte/anna"], next_friday(pod, 0, 4).isoformat(),
    )  # fmt: skip
    assert added["appointments"] == preview["appointments"]
    block = added["block"]["id"]
    _, page = await request(pod, "blocks")
    assert block in [row["id"] for row in page["blocks"]]
    assert (await request(pod, f"blocks/{block[:8]}"))[1] | {"added": True, "at_calcom": False} == added
    status, again = await request(pod, "blocks", asking(staff="anna", **{"from": day}))
    assert (status, again["block"], again["added"]) == (200, added["block"], False)
    longer = asking(
        staff="anna", **{"from": day, "to": (next_friday(pod, 0, 4) + timedelta(days=1)).date().isoformat()}
    )
    _, covering = await request(pod, "blocks", longer)
    status, removed = await request(pod, f"blocks/{block}/remove", asking())
    assert (status, removed["in_force"], removed["still_blocked_by"]) == (200, False, [covering["block"]])
    status, removed = await request(pod, f"blocks/{covering['block']['id']}/remove", asking())
    assert (status, removed["still_blocked_by"]) == (200, [])
    assert block not in [row["id"] for row in (await request(pod, "blocks"))[1]["blocks"]]
    assert (await request(pod, "blocks", asking(staff="berta", **{"from": day})))[0] == 404
    assert (await request(pod, "blocks", asking(staff="anna", **{"from": "nach dem Urlaub"})))[0] == 400


async def test_a_new_start_in_words_is_read_by_the_hours_of_the_branch_as_for_callers(
    shared_web_pod: TenantPod,
) -> None:
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


@pytest.mark.processes
async def test_the_command_line_moves_cancels_and_blocks(shared_web_pod: TenantPod) -> None:
    pod, hour = shared_web_pod, next_friday(shared_web_pod, 10, 5)
    appointment = await book(pod, hour)

    async def run(*arguments: str, answer: str = "") -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *CLI, *arguments, "-t", "salon.salon", "--url", pod.private_url,
            env={"ASKPROAI_TOKEN": ADMIN_TOKEN, "COLUMNS": "200", "PYTHONPATH": ":".join(sys.path)},
            stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate(answer.encode())
        return process.returncode, out.decode()

    code, out = await run("appointments", "move", appointment[:8], "--to", f"{hour:%Y-%m-%d}T12:00", answer="n\n")
    assert (code, "Petra Müller" in out, f"{hour:%d %b %Y} 12:00" in out) == (1, True, True), out
    code, out = await run("appointments", "move", appointment[:8], "--to", f"{hour:%d.%m.%Y} um zwölf Uhr", "--yes")
    assert (code, out.splitlines()[0]) == (
        0,
        f"moved: haarschnitt with anna in mitte, {hour:%a %d %b %Y} 12:00 {hour:%Z}",
    ), out
    code, out = await run("appointments", "move", appointment[:8], "--to", f"{hour:%Y-%m-%d}T12:00", "--yes")
    assert (code, out.startswith("it is there already: haarschnitt with anna")) == (0, True), out
    code, out = await run(
        "block", "--staff", "anna", "--from", f"{hour:%Y-%m-%d}", "--reason", "krank", "--yes", "-o", "json"
    )
    assert code == 0, out
    added = json.loads(out)
    assert [row["id"] for row in added["appointments"]] == [appointment]
    code, out = await run("blocks", "list")
    assert (code, "krank" in out, added["block"]["id"] in out) == (0, True, True), out
    code, out = await run("appointments", "move", appointment, "--to", f"{hour:%Y-%m-%d}T15:00", "--yes")
    refusal, heading, *free = out.splitlines()
    assert (code, refusal, heading) == (1, "Not Moved: the person is booked or blocked then", "free:"), out
    assert free
    assert all(line.endswith("with anna") for line in free), out
    code, out = await run("unblock", added["block"]["id"][:8], "--yes")
    assert code == 0, out
    code, out = await run("appointments", "cancel", appointment[:8], "--reason", "krank", answer="y\n")
    assert (code, "cancelled" in out) == (0, True), out
    code, out = await run("appointments", "cancel", appointment[:8])
    assert (code, f"it was cancelled already, {datetime.now(BERLIN):%a %d %b %Y}" in out) == (0, True), out
    code, out = await run("audit", "list")
    assert (code, "appointment.cancelled" in out, "@" in out) == (0, True, True), out


@pytest.mark.parametrize(
    ("start", "refusal"),
    [
        ("{taken}", (409, "taken", "the person is booked or blocked then")),
        ("2020-11-27T10:00:00+01:00", (409, "past", "that time is over")),
        ("2036-11-27T10:00:00+01:00", (409, "too_far", "that is further ahead than the service can be booked")),
        ("{night}", (409, "outside_hours", "that is outside of the hours in which the person does this service")),
    ],
)
async def test_a_refused_move_says_why_and_lists_free_times(shared_web_pod: TenantPod, start, refusal) -> None:
    """In English and without a question: the desk asks, no caller."""
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


async def test_a_move_to_somebody_unknown_names_who_does_the_service(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 14, 9))
    body = asking(start=next_friday(pod, 12, 9).isoformat(), staff="niemand")
    status, problem = await request(pod, f"appointments/{appointment}/move", body)
    assert (status, "there are: anna, mehmet" in problem["detail"]) == (404, True)
    assert (await request(pod, f"appointments/{appointment}/cancel", asking()))[0] == 200


@pytest.mark.parametrize("start", ["2036-11-27T10:00:30+01:00", "2036-11-27T10:00:00.5+01:00"])
async def test_a_start_is_a_whole_minute(shared_web_pod: TenantPod, start: str) -> None:
    status, problem = await request(shared_web_pod, f"appointments/{uuid4()}/move", asking(start=start))
    assert (status, "whole minute" in problem["detail"]) == (400, True)


async def test_a_request_id_that_is_used_for_another_change_is_refused(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    appointment = await book(pod, next_friday(pod, 10, 8))
    body = asking(start=next_friday(pod, 12, 8).isoformat())
    assert (await request(pod, f"appointments/{appointment}/move", body))[0] == 200
    status, problem = await request(pod, f"appointments/{appointment}/move", body | {"staff": "mehmet"})
    assert (status, problem["title"]) == (409, "Request Used")


@pytest.mark.parametrize("by", ["karin\n", "k\x9b31m", "k\u202eadmin", "k\u2066", "k\x7f"])
async def test_names_and_reasons_hold_nothing_that_changes_a_terminal(shared_web_pod: TenantPod, by: str) -> None:
    for body in (asking() | {"by": by}, asking(reason=by)):
        status, problem = await request(shared_web_pod, f"appointments/{uuid4()}/cancel", body)
        assert (status, problem["title"]) == (400, "Bad Request")


async def test_a_day_may_be_named_in_german_words_and_the_last_one_is_included(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 16)
    appointment = await book(pod, start)
    day = start.date().isoformat()
    for last in (day, f"{start:%d.%m.%Y}"):
        status, found = await request(pod, "appointments", **{"from": day, "to": last}, limit="500")
        assert (status, appointment in {each["id"] for each in found["appointments"]}) == (200, True)
    status, found = await request(pod, "slots", branch="mitte", service="haarschnitt", date="Freitag")
    assert status == 200
    assert {slot["start"][:10] for slot in found["slots"]} <= {
        (datetime.now(BERLIN).date() + timedelta(days=days)).isoformat() for days in range(8)
    }
    status, problem = await request(pod, "appointments", **{"from": "Quatsch"})
    assert (status, problem["detail"]) == (
        400, "from is a day or a time, such as 2026-11-27, 2026-11-27T14:30 or Dienstag",
    )  # fmt: skip
    blocked = asking(staff="mehmet", **{"from": "übermorgen"})
    status, answer = await request(pod, "blocks", blocked)
    tomorrow = (datetime.now(BERLIN).date() + timedelta(days=2)).isoformat()
    assert (status, answer["block"]["start"][:10]) == (200, tomorrow)
    await request(pod, f"blocks/{answer['block']['id']}/remove", asking())


async def test_a_block_is_a_part_of_a_day_when_the_words_name_one(shared_web_pod: TenantPod) -> None:
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0)
    words = f"{day:%d.%m.%Y} nachmittags"
    status, found = await request(pod, "block-preview", staff="mehmet", **{"from": words})
    assert (status, found["start"], found["end"]) == (
        200, day.replace(hour=12).isoformat(), day.replace(hour=18).isoformat(),
    )  # fmt: skip
    status, answer = await request(pod, "blocks", asking(staff="mehmet", **{"from": words}))
    assert (status, answer["block"]["start"], answer["block"]["end"]) == (200, found["start"], found["end"])
    await request(pod, f"blocks/{answer['block']['id']}/remove", asking())


# Bookings


async def test_an_appointment_is_booked_once_shown_with_its_note_and_audited(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 10, 7)
    status, preview = await request(pod, "booking-preview", start=f"{start:%d.%m.%Y} um zehn Uhr", staff="Anna")
    assert (status, preview) == (
        200,
        {
            "branch": "mitte", "service": "haarschnitt", "staff": "anna", "start": start.isoformat(),
            "end": (start + timedelta(minutes=45)).isoformat(), "zone": "Europe/Berlin",
        },
    )  # fmt: skip
    body = asking(start=start.isoformat(), name="Petra Müller", phone="0151 12345678", note="Treppe", staff="anna")
    answers = [await request(pod, "appointments", body) for _ in range(2)]
    assert [status for status, _ in answers] == [200, 200], answers
    booked = answers[0][1]["appointment"]
    assert answers[1][1]["appointment"] == booked
    assert (booked["call_id"], booked["status"], answers[0][1]["calendar"]) == (
        f"desk:{body['request_id']}", "confirmed", "local",
    )  # fmt: skip
    _, shown = await request(pod, f"appointments/{booked['id'][:8]}")
    assert (shown["appointment"], shown["phone"], shown["notes"]) == (booked, "+4915112345678", "Treppe")
    _, page = await request(pod, "audit", limit=1)
    assert (page["entries"][0]["action"], page["entries"][0]["detail"]["claimed_by"]) == (
        "appointment.booked", "karin@laptop",
    )  # fmt: skip
    status, problem = await request(pod, "appointments", body | {"name": "Paula Meier"})
    assert (status, problem["title"]) == (409, "Request Used")
    assert (await request(pod, f"appointments/{booked['id']}/cancel", asking()))[0] == 200
    status, problem = await request(pod, "appointments", body)
    assert (status, problem["outcome"], "cancelled or was refused" in problem["detail"]) == (409, "gone", True)


async def test_a_refused_booking_says_why_in_english_and_lists_free_times(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 10, 7)
    taken = await book(pod, start)
    body = asking(start=start.isoformat(), name="Petra Müller", staff="anna")
    status, problem = await request(pod, "appointments", body)
    assert (status, problem["title"], problem["outcome"]) == (409, "Not Booked", "taken")
    assert problem["detail"] == "whoever could do it is booked, blocked, or offered to a caller at this moment"
    assert {frozenset(slot) for slot in problem["alternatives"]} == {frozenset({"start", "end", "staff"})}
    assert problem["zone"] == "Europe/Berlin"
    past = asking(start="2020-11-27T10:00:00+01:00", name="Petra Müller")
    status, problem = await request(pod, "appointments", past)
    assert (status, problem["outcome"], problem["detail"]) == (409, "past", "it began more than 30 minutes ago")
    assert (await request(pod, f"appointments/{taken}/cancel", asking()))[0] == 200


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"branch": "nord"}, (404, "There is no branch 'nord'; there are: mitte")),
        ({"service": "Dauerwelle"}, (404, "Branch mitte offers no service 'Dauerwelle'; it offers: haarschnitt")),
        ({"staff": "x"}, (404, "There is no staff member 'x' who does haarschnitt in mitte; there are: anna, mehmet")),
        ({"name": "?"}, (400, "'?' is no name: write letters")),
        ({"phone": "12"}, (400, "'12' has too few or too many digits for a phone number of DE")),
        ({"email": "petra@"}, (400, "'petra@' is no e-mail address: write it like petra@example.org")),
        ({"start": "2036-11-27T10:00:30+01:00"}, (400, "start is a whole minute, such as 2026-11-27T14:30:00+01:00")),
    ],
)
async def test_a_mistyped_booking_is_refused_with_what_to_write(shared_web_pod: TenantPod, fields, refusal) -> None:
    body = asking(start=next_friday(shared_web_pod, 10, 7).isoformat(), name="Petra Müller") | fields
    status, problem = await request(shared_web_pod, "appointments", body)
    assert (status, problem["detail"]) == refusal
    named = {name: value for name, value in fields.items() if name in {"branch", "service", "staff"}}
    if named:
        status, problem = await request(shared_web_pod, "booking-preview", **named)
        assert (status, problem["detail"]) == refusal


async def test_a_walk_in_without_a_start_gets_a_start_of_now(shared_web_pod: TenantPod) -> None:
    status, preview = await request(shared_web_pod, "booking-preview")
    start = datetime.fromisoformat(preview["start"])
    assert (status, preview["staff"], start.minute % 15) == (200, None, 0)
    # In the hour that a clock change repeats, the next start of the grid is after it.
    assert timedelta(minutes=-31) <= start - datetime.now(UTC) <= timedelta(minutes=61)


@pytest.mark.processes
async def test_the_command_line_books(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 14, 7)

    async def run(*arguments: str, answer: str = "") -> tuple[int | None, str]:
        process = await asyncio.create_subprocess_exec(
            *CLI, "appointments", *arguments, "-t", "salon.salon", "--url", pod.private_url,
            env={"ASKPROAI_TOKEN": ADMIN_TOKEN, "COLUMNS": "200", "PYTHONPATH": ":".join(sys.path)},
            stdin=-1, stdout=-1, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await process.communicate(answer.encode())
        return process.returncode, out.decode()

    asked = ("book", "--name", "Petra Müller", "--phone", "0151 12345678", "--start", f"{start:%Y-%m-%d}T14:00")
    code, out = await run(*asked, answer="n\n")
    question = f"Book haarschnitt in mitte, {start:%a %d %b %Y %H:%M %Z}, for Petra Müller (0151 12345678)?"
    assert (code, question in out) == (1, True), out
    code, out = await run(*asked, "--staff", "anna", "--note", "Treppe", "--yes")
    booked, calendar, identity = out.splitlines()
    assert (code, booked) == (0, f"booked: haarschnitt with anna in mitte, {start:%a %d %b %Y %H:%M %Z}"), out
    assert "local calendar only" in calendar
    appointment = identity.removeprefix("id ")
    code, out = await run("show", appointment[:8])
    assert (code, "Treppe" in out, "+4915112345678" in out) == (0, True, True), out
    code, out = await run(*asked, "--staff", "anna", "--yes")
    refusal, heading, *free = out.splitlines()
    assert (code, refusal.split(":")[0], heading, bool(free)) == (1, "Not Booked", "free:", True), out
    code, out = await run("cancel", appointment[:8], "--yes")
    assert code == 0, out
