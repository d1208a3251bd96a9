"""Calls are replayed to an image that nobody hears, with real processes: it lists the bookings that differ, and no others."""

import asyncio
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from askproai_operator.store.shadows import shadow_name
from askproai_sandbox.example_tenant import SALON
from tests.worlds.caller_names import surname
from tests.worlds.running_demo import Demo
from tests.worlds.waiting import eventually

pytestmark = pytest.mark.nightly

NAME = SALON.tenant.partition(".")[2]
SAME, FAILING = "askproai:0.1.0", "askproai:fails-50-percent"  # see sandbox/askproai_sandbox/pods/spec.py
BETWEEN_CALLS = 0.5  # seconds; bookings of one line
BATCHES = 3  # of the failing image: jobs and webhooks of earlier bookings change the book too, late on a busy machine
BOOKED_AT_CALCOM = "SELECT count(*) AS n FROM provider_calls WHERE tenant = $1 AND operation = 'create-booking'"


async def status(demo: Demo) -> dict[str, Any]:
    return dict((await demo.tenant())["status"].get("shadow") or {})


async def begin(demo: Demo, image: str, hours: int = 24) -> None:
    """Begin a trial. Other hours than those of the trial before make it another one."""
    await demo.patch_tenant({"runtime": {"shadow": {"image": image, "hours": hours}}})

    async def has_begun() -> bool:
        found = await status(demo)
        is_on = (found.get("image"), found.get("hours"), found.get("state")) == (image, hours, "Running")
        return is_on and found["hasBegun"]

    await eventually(has_begun, 120, f"the shadow of {image}")


async def wait_until_compared(demo: Demo, requests: int) -> dict[str, Any]:
    async def enough() -> dict[str, Any] | None:
        found = await status(demo)
        return found if found["compared"] + found["notCompared"] >= requests else None

    return await eventually(enough, 120, f"{requests} requests to be compared")


def starts() -> Iterator[datetime]:
    """Yield hours at which the salon is mostly open; no other test books so far ahead."""
    first = datetime.now(UTC).date() + timedelta(days=60)
    days = [day for number in range(30) if (day := first + timedelta(days=number)).weekday() in {1, 2, 3, 4}]
    for day in days:
        for hour in (10, 12, 14, 16):
            yield datetime(day.year, day.month, day.day, hour)  # noqa: DTZ001  the salon's own time


async def book(demo: Demo, number: int, start: datetime) -> tuple[str, dict[str, Any]]:
    return await demo.book(start, f"Petra {surname(number)}", f"+491591{number:07}")


def failed_calls(demo: Demo) -> set[str]:
    """Return the calls whose bookings the failing image has failed, by the logs of its pod."""
    lines = read_logs(demo, "web.log")
    return {each["call_id"] for each in lines if each["event"] == "function.answered" and each["outcome"] == "failed"}


def skipped(demo: Demo) -> list[dict[str, Any]]:
    """Return what the shadow has said of requests that it could not compare."""
    return [each for each in read_logs(demo, "*.log") if each["event"].startswith("shadow.")]


def read_logs(demo: Demo, name: str) -> list[dict[str, Any]]:
    logs = [path for path in demo.directory.rglob(name) if f"{NAME}-shadow" in str(path)]
    return [json.loads(line) for path in logs for line in path.read_text().splitlines() if line.startswith("{")]


async def left(demo: Demo) -> list[Any]:
    """Return what is left of a shadow, in the cluster and in the database."""
    names = f"deployments.apps/{NAME}-shadow configmaps/{NAME}-shadow secrets/{NAME}-shadow networkpolicies/{NAME}-shadow-policy"
    objects = await demo.kubectl("get", *names.split(), "-n", SALON.namespace, "-o", "name", "--ignore-not-found")
    rows = await demo.rows("SELECT tenant FROM tenants WHERE tenant = $1", shadow_name(SALON.tenant))
    waiting = await demo.rows("SELECT id FROM shadow_requests")
    return [*objects.split(), *rows, *waiting]


async def end(demo: Demo) -> None:
    await demo.patch_tenant({"runtime": {"shadow": None}})

    async def nothing() -> bool:
        return not await left(demo)

    await eventually(nothing, 120, "the end of everything that the shadow had")


@pytest.mark.timeout(600)
async def test_a_shadow_lists_exactly_the_bookings_that_differ(demo: Demo, capsys: pytest.CaptureFixture[str]) -> None:
    times, calls = starts(), 0
    await begin(demo, SAME)
    created = (await demo.rows(BOOKED_AT_CALCOM, SALON.tenant))[0]["n"]
    answers: list[tuple[str, dict[str, Any]]] = []
    for _ in range(6):
        answers.append(await book(demo, calls := calls + 1, next(times)))
        await asyncio.sleep(BETWEEN_CALLS)
    contested = next(times)
    answers += await asyncio.gather(*(book(demo, calls + n, contested) for n in (1, 2, 3)))
    calls += 3
    same = await wait_until_compared(demo, len(answers))
    assert (same["differences"], same["callsThatDiffer"]) == ([], 0)
    assert same["compared"] >= len(answers) - 1

    for batch in range(BATCHES):
        await begin(demo, FAILING, hours=24 + batch)
        tried = [await book(demo, calls := calls + 1, next(times)) for _ in range(8)]
        found = await wait_until_compared(demo, len(tried))
        failed, booked = failed_calls(demo), {call for call, answer in tried if answer["success"]}
        listed = {each["call"] for each in found["differences"]}
        assert listed <= failed & booked
        if found["notCompared"] == 0:
            break
        await end(demo)
    assert found["notCompared"] == 0, (
        f"in each of {BATCHES} batches somebody else changed the book, or a copy was late: {skipped(demo)}"
    )
    assert len(booked) > 4, [answer["message"] for _, answer in tried]
    assert 0 < len(failed & booked) < len(tried)
    assert listed == failed & booked
    assert all((len(each["onlyLive"]), each["onlyShadow"]) == (1, []) for each in found["differences"])
    condition = await demo.kubectl(
        "get", "tenants.askproai.de", NAME, "-n", SALON.namespace,
        "-o", 'jsonpath={.status.conditions[?(@.type=="ShadowAgrees")].reason}',
    )  # fmt: skip
    assert condition == "ShadowDiffers"
    # Bookings of the live version are at Cal.com, and none of its shadow.
    sent = (await demo.rows(BOOKED_AT_CALCOM, SALON.tenant))[0]["n"] - created
    assert sent <= calls

    await end(demo)
    with capsys.disabled():
        sys.stdout.write(
            f"\nthe same image: {same['compared']} compared, {same['notCompared']} not, no difference;"
            f" one that fails half: {found['compared']} compared, {len(failed & booked)} calls differ, all of them listed\n"
        )
    await demo.wait_for_tenant()
