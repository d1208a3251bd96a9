"""A caller moves an appointment, the salon moves it once more at Cal.com, and the caller cancels it."""

import statistics
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from askproai_sandbox.example_tenant import SALON
from tests.worlds.model_calls import Turn, books, calls, play_turns, searches
from tests.worlds.running_demo import fetch
from tests.worlds.waiting import SOON, eventually

CALLER = "+4915155550001"
HOME = ZoneInfo("Europe/Berlin")
THURSDAY = 3
SYNCED_WITHIN = 360  # seconds: a booking that Cal.com did not answer in time is looked up five minutes later


async def list_bookings(demo) -> tuple[list[tuple[str, datetime]], list[tuple[str, datetime]]]:
    """Return uid and start of this caller's live appointments, and of the live remote bookings with their ids at Cal.com."""
    rows = await demo.rows(
        "SELECT id, external_id, starts_at FROM appointments WHERE caller = $1 AND status = 'confirmed'", CALLER
    )
    # Not by its API: the key's 120 requests a minute are for the pods.
    remote = (await fetch(f"{demo.state.calcomUrl}/_sim/state"))["accounts"][SALON.calcom_key]["bookings"]
    ids = {str(r["id"]) for r in await demo.rows("SELECT id FROM appointments WHERE caller = $1", CALLER)}
    live = [b for b in remote if b["status"] == "accepted" and b["metadata"].get("requestId") in ids]
    return (
        [(row["external_id"], row["starts_at"]) for row in rows],
        [(b["uid"], datetime.fromisoformat(b["start"])) for b in live],
    )


async def test_both_calendars_follow_booking_move_and_cancellation(demo):
    (day,) = await demo.open_days(1, THURSDAY)
    at = lambda hour: datetime.combine(day, time(hour), HOME)  # noqa: E731

    async def calendars_agree(hour: int) -> bool:
        local, remote = await list_bookings(demo)
        return local == remote and [start for _, start in local] == [at(hour)]

    durations: list[float] = []

    async def call(*turns: Turn):
        record = await play_turns(demo.state.retellUrl, SALON.number, *turns, from_number=CALLER)
        assert record.errors == []
        durations.extend(step.duration_ms for step in record.steps if step.kind == "tool")
        return record

    search = searches(service="Haarschnitt", date=day.isoformat(), time="10 Uhr")
    await call(
        ("Ich hätte gern einen Haarschnitt um zehn.", search),
        ("Ja, gern, mein Name ist Petra Test.", books("Petra Test", "Haarschnitt")),
    )
    await eventually(lambda: calendars_agree(10), SYNCED_WITHIN, "the appointment in both calendars", every=0.5)
    moved = await call(
        ("Ich möchte meinen Termin verschieben.", calls("reschedule_appointment")),
        ("Bitte auf 13 Uhr.", calls("reschedule_appointment", time="13 Uhr")),
    )
    asked, completed = moved.answers("reschedule_appointment")
    assert asked["message"].startswith("Auf welchen Tag")
    assert completed["success"], completed
    await eventually(lambda: calendars_agree(13), SYNCED_WITHIN, "the moved appointment in both calendars", every=0.5)

    ((uid, _),) = (await list_bookings(demo))[1]
    action = {"key": SALON.calcom_key, "action": "move", "uid": uid, "start": at(15).astimezone(UTC).isoformat()}
    await fetch(f"{demo.state.calcomUrl}/_sim/dashboard", "POST", json=action)
    await eventually(lambda: calendars_agree(15), SOON, "the move at Cal.com", every=0.5)

    last_call = await call(
        ("Wann ist mein Termin?", calls("find_appointments")),
        ("Den möchte ich absagen, bitte.", calls("cancel_appointment")),
        ("Ja, bitte.", calls("cancel_appointment", confirmed=True)),
    )
    (found,) = last_call.answers("find_appointments")
    assert "um 15 Uhr" in found["message"]
    (asked, cancelled) = last_call.answers("cancel_appointment")
    assert asked["message"].startswith(
        "Absagen kostet bis vierundzwanzig Stunden vorher nichts. "
        "Sagen Sie es, wenn Sie lieber verschieben. Soll ich Ihren Termin am "
    )
    assert cancelled["message"].startswith("Der Termin ist abgesagt: ")

    async def both_empty() -> bool:
        return await list_bookings(demo) == ([], [])

    await eventually(both_empty, SYNCED_WITHIN, "the cancellation in both calendars", every=0.5)
    assert statistics.median(durations) < 1000
