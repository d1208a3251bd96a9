"""A moved booking of ours is followed. If that fails, no other version is queried, whose list may lag."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast
from uuid import UUID

import pytest

from askproai_core.providers import Reply
from askproai_core.tenant_config import TenantConfig
from askproai_runtime.calendars import CalendarUnavailable, ProviderCallRecorder, calcom_v2
from askproai_runtime.calendars.calcom_http import CalcomHttp
from askproai_runtime.calendars.calcom_v2 import CalcomV2
from tests.worlds.calcom_v2_rows import REQUEST

CONFIG = TenantConfig(tenant="salon.salon", display_name="Salon")
NO_ROUTE = Reply("GET", 0, 404, {"message": "Cannot GET /v2/bookings"})


@dataclass
class Recorder:
    async def record(self, *_: object) -> None: ...


@dataclass
class Http:
    """Answers look-ups by the lists' pages, in order, and by the bookings' uids; a missing booking has no route."""

    pages: list[list[dict[str, Any]]]
    bookings: dict[str, dict[str, Any]]

    async def send(self, method: str, url: str, _seconds: float, **_: object) -> Reply:
        uid = url.rpartition("/bookings")[2].removeprefix("/")
        if uid:
            return Reply(method, 0, 200, {"data": self.bookings[uid]}) if uid in self.bookings else NO_ROUTE
        return Reply(method, 0, 200, {"data": self.pages.pop(0)}) if self.pages else NO_ROUTE


def booking(uid: str, status: str = "cancelled", **more: Any) -> dict[str, Any]:
    return {
        "uid": uid, "status": status, "start": "2026-11-27T13:30:00Z", "end": "2026-11-27T14:15:00Z",
        "eventType": {"id": 1001}, "metadata": {"requestId": str(REQUEST.request_id)}, **more,
    }  # fmt: skip


OLD = booking("old", rescheduledToUid="new")
FOREIGN = booking("foreign", metadata={"requestId": str(UUID(int=8))}, rescheduledToUid="new")


def calendar(pages: list[list[dict[str, Any]]], *bookings: dict[str, Any]) -> CalcomV2:
    http = Http(pages, {each["uid"]: each for each in bookings})
    recorder = cast("ProviderCallRecorder", Recorder())
    return CalcomV2(cast("CalcomHttp", http), lambda: CONFIG, lambda: "cal_salon", recorder)


async def test_cancelled_old_booking_leads_to_its_successor() -> None:
    found = await calendar([[OLD]], OLD, booking("new", "accepted", rescheduledFromUid="old")).find(REQUEST)
    assert found is not None
    assert (found.uids, found.live) == (("new", "old"), True)
    assert await calendar([[OLD]], OLD, booking("new")).find(REQUEST) is None
    assert await calendar([[FOREIGN]], FOREIGN, booking("new", "accepted")).find(REQUEST) is None, "not of this request"


@pytest.mark.parametrize("known", [(), (OLD,)], ids=["the old one", "the new one"])
async def test_unavailable_moved_booking_asks_no_other_version(known: tuple[dict[str, Any], ...]) -> None:
    with pytest.raises(CalendarUnavailable, match="moved") as unavailable:
        await calendar([[OLD]], *known).find(REQUEST)
    assert not unavailable.value.never_reached


async def test_untraceable_booking_is_queried_in_no_other_version() -> None:
    with pytest.raises(CalendarUnavailable, match="moved") as unavailable:
        await calendar([], OLD).get_booking("old", correlation_id="corr")
    assert not unavailable.value.never_reached


async def test_incomplete_list_is_queried_in_no_other_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calcom_v2, "_PAGE_SIZE", 1)
    with pytest.raises(CalendarUnavailable, match="moved") as unavailable:
        await calendar([[OLD]], OLD).find(replace(REQUEST, made_after=datetime.fromisoformat("2026-11-20T10:00:00Z")))
    assert not unavailable.value.never_reached
    with pytest.raises(CalendarUnavailable) as unavailable:
        await calendar([], OLD).find(REQUEST)
    assert unavailable.value.never_reached, "nothing is known: another version may be asked"
