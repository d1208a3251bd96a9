"""Blocks over the private API of a real pod: added, listed, removed, by days and parts of days."""

from datetime import datetime, timedelta

from tests.worlds.private_desk import BERLIN, asking, book, request
from tests.worlds.tenant_pod import TenantPod, next_friday


async def test_a_block_is_added_listed_and_removed(shared_web_pod: TenantPod) -> None:
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0, 4).date().isoformat()
    appointment = await book(pod, next_friday(pod, 10, 4))
    german = f"{next_friday(pod, 0, 4):%d.%m.%Y}"
    status, preview = await request(pod, "block-preview", staff="Anna", **{"from": german})
    assert (status, preview["staff"], preview["at_calcom"]) == (200, ["mitte/anna"], False)
    assert preview["start"] == next_friday(pod, 0, 4).isoformat()
    assert [row["id"] for row in preview["appointments"]] == [appointment]
    assert (await request(pod, "block-preview", staff="berta", **{"from": day}))[0] == 404
    assert (await request(pod, "block-preview", staff="anna", **{"from": "nach dem Urlaub"}))[0] == 400
    status, added = await request(pod, "blocks", asking(staff="Anna", **{"from": day}, reason="krank"))
    assert (status, added["block"]["staff"]) == (200, ["mitte/anna"])
    assert added["block"]["start"] == preview["start"]
    assert added["appointments"] == preview["appointments"]
    block = added["block"]["id"]
    _, page = await request(pod, "blocks")
    assert block in [row["id"] for row in page["blocks"]]
    assert (await request(pod, f"blocks/{block[:8]}"))[1] | {"added": True, "at_calcom": False} == added
    status, again = await request(pod, "blocks", asking(staff="anna", **{"from": day}))
    assert (status, again["block"], again["added"]) == (200, added["block"], False)
    saturday = next_friday(pod, 0, 4).date() + timedelta(days=1)
    longer = asking(staff="anna", **{"from": day, "to": saturday.isoformat()})
    _, covering = await request(pod, "blocks", longer)
    status, removed = await request(pod, f"blocks/{block}/remove", asking())
    assert (status, removed["in_force"], removed["still_blocked_by"]) == (200, False, [covering["block"]])
    status, removed = await request(pod, f"blocks/{covering['block']['id']}/remove", asking())
    assert (status, removed["still_blocked_by"]) == (200, [])
    assert block not in [row["id"] for row in (await request(pod, "blocks"))[1]["blocks"]]
    assert (await request(pod, "blocks", asking(staff="berta", **{"from": day})))[0] == 404
    assert (await request(pod, "blocks", asking(staff="anna", **{"from": "nach dem Urlaub"})))[0] == 400


async def test_block_range_written_beside_a_day_is_refused(shared_web_pod: TenantPod) -> None:
    """Its second hour is no offset from UTC."""
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0, 4).date().isoformat()
    for written in ("T08:00-09:00", " 08:00-09:00", "T0900-1000", " 09:00-09:30", "T08-09"):
        status, problem = await request(pod, "block-preview", staff="anna", **{"from": f"{day}{written}"})
        assert (status, "write both ends of a range apart" in problem["detail"]) == (400, True), problem
        assert (await request(pod, "appointments", **{"from": f"{day}{written}"}))[0] == 400
        status, problem = await request(pod, "booking-preview", start=f"{day}{written}", staff="anna")
        assert (status, problem["detail"].endswith(": write it as 2026-11-27T10:00")) == (400, True), problem
    for written in ("T10:00:00-09:00", "T10:00-05:00", "T10:00+11:00"):
        status, preview = await request(pod, "block-preview", staff="anna", **{"from": f"{day}{written}"})
        start = datetime.fromisoformat(f"{day}{written}")
        assert (status, datetime.fromisoformat(preview["start"])) == (200, start), preview


async def test_blocking_everybody_must_be_explicit(shared_web_pod: TenantPod) -> None:
    """A person's name that was left out is a mistake, and must not close the branch."""
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0, 7).date().isoformat()
    for whose in ({}, {"staff": "anna", "everyone": True}):
        status, problem = await request(pod, "blocks", asking(**whose, **{"from": day}))
        assert (status, problem["detail"]) == (400, "name a person as staff, or set everyone to true")
    everybody = sorted(f"{place.name}/{member.id}" for place in pod.config().branches for member in place.staff)
    status, preview = await request(pod, "block-preview", everyone="true", **{"from": day})
    assert (status, preview["staff"]) == (200, everybody)
    status, added = await request(pod, "blocks", asking(everyone=True, branch="mitte", **{"from": day}))
    assert (status, added["block"]["staff"]) == (200, everybody)
    assert (await request(pod, "slots", branch="mitte", service="haarschnitt", date=day))[1]["slots"] == []
    hours = {"topic": "opening_hours", "date": day}
    said = (await pod.function("business_information", "call_paused", hours)).body["message"]
    assert "geöffnet" in said
    assert said.endswith("Termine sind an diesem Tag aber nicht möglich."), "without the reason"
    assert (await request(pod, f"blocks/{added['block']['id']}/remove", asking()))[0] == 200
    assert (await pod.function("business_information", "call_paused", hours)).body["message"].endswith("geöffnet.")
    assert (await request(pod, "slots", branch="mitte", service="haarschnitt", date=day))[1]["slots"]


async def test_german_dates_include_the_last_day(shared_web_pod: TenantPod) -> None:
    pod = shared_web_pod
    start = next_friday(pod, 16)
    appointment = await book(pod, start)
    day = start.date().isoformat()
    for last in (day, f"{start:%d.%m.%Y}"):
        status, found = await request(pod, "appointments", **{"from": day, "to": last}, limit="500")
        assert (status, appointment in {each["id"] for each in found["appointments"]}) == (200, True)
    status, found = await request(pod, "slots", branch="mitte", service="haarschnitt", date="kommenden Freitag")
    assert status == 200
    week = {(datetime.now(BERLIN).date() + timedelta(days=days)).isoformat() for days in range(8)}
    assert {slot["start"][:10] for slot in found["slots"]} <= week
    status, problem = await request(pod, "appointments", **{"from": "Quatsch"})
    assert status == 400
    assert problem["detail"] == "from is a day or a time, such as 2026-11-27, 2026-11-27T14:30 or Dienstag"
    blocked = asking(staff="mehmet", **{"from": "übermorgen"})
    status, answer = await request(pod, "blocks", blocked)
    tomorrow = (datetime.now(BERLIN).date() + timedelta(days=2)).isoformat()
    assert (status, answer["block"]["start"][:10]) == (200, tomorrow)
    await request(pod, f"blocks/{answer['block']['id']}/remove", asking())


async def test_named_part_of_a_day_can_be_blocked(shared_web_pod: TenantPod) -> None:
    pod, day = shared_web_pod, next_friday(shared_web_pod, 0)
    words = f"{day:%d.%m.%Y} nachmittags"
    status, found = await request(pod, "block-preview", staff="mehmet", **{"from": words})
    assert status == 200
    assert [found["start"], found["end"]] == [day.replace(hour=hour).isoformat() for hour in (12, 18)]
    status, answer = await request(pod, "blocks", asking(staff="mehmet", **{"from": words}))
    assert (status, answer["block"]["start"], answer["block"]["end"]) == (200, found["start"], found["end"])
    await request(pod, f"blocks/{answer['block']['id']}/remove", asking())
