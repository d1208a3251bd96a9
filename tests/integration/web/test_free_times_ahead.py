"""A pod knows Cal.com's free times before its caller asks, and shows people their age."""

from pathlib import Path

import aiohttp
import msgspec
import pytest

from askproai_core.clock import SystemClock
from askproai_core.provider_names import CalendarProvider
from askproai_sandbox.calcom import CalcomSimulator
from askproai_sandbox.simulator import serve
from tests.worlds.databases import Database
from tests.worlds.tenant_pod import ADMIN_TOKEN, open_pod, running_web, running_worker
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

KEY, EVENT_TYPES = "cal_pod", ((1001, "anna"), (1002, "mehmet"))


async def test_beginning_call_preloads_the_callers_likely_questions(database: Database, tmp_path: Path) -> None:
    calcom = CalcomSimulator(SystemClock())

    def count() -> int:
        return sum(1 for entry in calcom.journal.entries if entry["operation"] == "list-slots")

    async with (
        serve(calcom) as url,
        open_pod(database, tmp_path, "salon") as pod,
        aiohttp.ClientSession(url) as calcom_api,
    ):
        for number, host in EVENT_TYPES:
            body = {"key": KEY, "id": number, "lengthInMinutes": 45, "afterEventBuffer": 10, "host": host}
            async with calcom_api.post("/_sim/event-types", json=body) as created:
                assert created.status == 201
        config = pod.config()
        calendar = msgspec.structs.replace(config.calendar, provider=CalendarProvider.CALCOM, base_url=url)
        pod.write_config(msgspec.structs.replace(config, calendar=calendar))
        pod.write_credential("calcom-api-key", KEY)
        async with running_worker(pod) as port, running_web(pod, worker_port=port):
            assert (await pod.retell("call_started", "call_1")).status in {200, 204}

            async def is_known() -> bool:
                known = "SELECT count(*) FROM free_times WHERE tenant = $1 AND read_at IS NOT NULL"
                return bool(await pod.db.fetchval(known, pod.store.tenant) == 14 * len(EVENT_TYPES))

            await eventually(is_known, SOON, "the free times of two weeks to be known")
            before = count()
            offer = (await pod.function("check_availability", "call_1", {"service": "Haarschnitt"})).body
            assert offer["slots"], offer
            assert "basis" not in offer
            assert count() == before, "the caller's question cost no request"
            day = offer["slots"][0]["start"][:10]
            path = f"/api/v1/slots?branch=mitte&service=haarschnitt&date={day}"
            listed = (await pod.get(pod.private_url + path, Authorization=f"Bearer {ADMIN_TOKEN}")).body
            assert listed["basis"] == "calendar"
            assert listed["read_at"]
            booking = {"service": "Haarschnitt", "customer_name": "Petra Müller", "start": offer["slots"][0]["start"]}
            booked = (await pod.function("book_appointment", "call_1", booking)).body
            assert booked["status"] == "confirmed", booked
