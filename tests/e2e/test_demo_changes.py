"""The second scene: a caller moves what was booked, the salon moves it once more at Cal.com, and the caller cancels."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from askproai_sandbox.example_tenant import SALON
from tests.e2e.conftest import fetch

CALLER = "+4915155550001"
HOME = ZoneInfo("Europe/Berlin")
THURSDAY = 3


async def books(demo) -> tuple[list[tuple[str, datetime]], list[tuple[str, datetime]]]:
    """Give id and start of this caller's live appointments here, and of all live bookings with these ids at Cal.com."""
    rows = await demo.rows(
        "SELECT id, external_id, starts_at FROM appointments WHERE caller = $1 AND status = 'confirmed'", CALLER
    )
    bearer = {"Authorization": f"Bearer {SALON.calcom_key}", "cal-api-version": "2024-08-13"}
    there = (await fetch(f"{demo.state.calcomUrl}/v2/bookings", headers=bearer))["data"]
    known = {str(r["id"]) for r in await demo.rows("SELECT id FROM appointments WHERE caller = $1", CALLER)}
    live = [b for b in there if b["status"] == "accepted" and b["metadata"].get("requestId") in known]
    return (
        [(row["external_id"], row["starts_at"]) for row in rows],
        [(b["uid"], datetime.fromisoformat(b["start"])) for b in live],
    )


async def test_a_caller_books_moves_and_cancels_and_both_books_agree(demo):
    (day,) = await demo.open_days(1, THURSDAY)
    at = lambda hour: datetime.combine(day, time(hour), HOME)  # noqa: E731

    async def agree(hour: int) -> bool:
        here, there = await books(demo)
        return here == there and [start for _, start in here] == [at(hour)]

    async def ring(*say: str):
        record = await demo.call(SALON.number, *say, from_number=CALLER)
        assert record.errors == []
        assert max(step.duration_ms for step in record.steps if step.kind == "tool") < 1000
        return record

    await ring(
        f"Ich hätte gern einen Haarschnitt am {day.isoformat()} um 10 Uhr.", "Ja, gern, mein Name ist Petra Test."
    )
    await demo.until(lambda: agree(10), 10, "the appointment in both books")
    moved = await ring("Ich möchte meinen Termin verschieben.", "Bitte auf 13 Uhr.")
    asked, done = moved.answers("reschedule_appointment")
    assert asked["message"].startswith("Auf welchen Tag")
    assert (done["success"], done["status"]) == (True, "confirmed"), done
    await demo.until(lambda: agree(13), 10, "the moved appointment in both books")

    ((uid, _),) = (await books(demo))[1]
    action = {"key": SALON.calcom_key, "action": "move", "uid": uid, "start": at(15).astimezone(UTC).isoformat()}
    await fetch(f"{demo.state.calcomUrl}/_sim/dashboard", "POST", json=action)
    await demo.until(lambda: agree(15), 10, "what the salon moved at Cal.com")

    last = await ring("Wann ist mein Termin?", "Den möchte ich absagen, bitte.")
    (found,) = last.answers("find_appointments")
    assert "um 15 Uhr" in found["message"]
    (gone,) = last.answers("cancel_appointment")
    assert gone["message"].startswith("Der Termin ist abgesagt: ")

    async def nothing_left() -> bool:
        return await books(demo) == ([], [])

    await demo.until(nothing_left, 10, "the cancellation in both books")


async def test_what_the_salon_books_at_calcom_is_not_offered_to_callers(demo):
    (day,) = await demo.open_days(1, THURSDAY)
    start = datetime.combine(day, time(12), HOME)
    guest = {"name": "Gast am Tresen", "email": "gast@example.com", "timeZone": "Europe/Berlin"}
    made = []
    for number, _ in SALON.event_types:
        body = {
            "key": SALON.calcom_key,
            "action": "create",
            "eventTypeId": number,
            "start": start.isoformat(),
            "attendee": guest,
        }
        made.append((await fetch(f"{demo.state.calcomUrl}/_sim/dashboard", "POST", json=body))["uid"])

    async def offered() -> bool:
        answer = await demo.ask(SALON.number, service="Haarschnitt", date=day.isoformat(), time="12:00")
        return any(datetime.fromisoformat(slot["start"]) == start for slot in answer["slots"])

    async def taken() -> bool:
        return not await offered()

    await demo.until(taken, 15, "the time to be taken")
    for uid in made:
        body = {"key": SALON.calcom_key, "action": "cancel", "uid": uid}
        await fetch(f"{demo.state.calcomUrl}/_sim/dashboard", "POST", json=body)
    await demo.until(offered, 15, "the time to be free again")
