"""Hundreds of events were refused with a 503: one poll recovers their changes, and a late event changes nothing."""

import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta

import pytest

from askproai_sandbox.simulator import Refusal
from tests.worlds.booking_environment import NOW, Salon
from tests.worlds.calcom_environment import KEY
from tests.worlds.poll_environment import GUEST, PollEnvironment, open_poll_environment

pytestmark = pytest.mark.nightly

KNOWN, REFUSED, LATE = 40, 300, 60
SEED = 7


async def change(polled: PollEnvironment, choose: random.Random, *actions: str) -> tuple[str, str]:
    """Let a person create, move or cancel a booking; return the action and the uid of its event. A taken time is chosen anew."""
    while True:
        live = [b.uid for b in polled.env.calcom.account_of(KEY).bookings.values() if b.live]
        action = choose.choice(actions)
        start = NOW + timedelta(days=choose.randint(3, 50))
        starts = {"start": start.replace(hour=choose.randint(8, 14), minute=0).strftime("%Y-%m-%dT%H:%M:%SZ")}
        body = {"key": KEY, "action": action}
        match action:
            case "create":
                body |= {"eventTypeId": choose.choice((1001, 1002)), "attendee": GUEST, **starts}
            case "move":
                body |= {"uid": choose.choice(live), **starts}
            case _:
                body |= {"uid": choose.choice(live)}
        with suppress(Refusal):
            response = await polled.env.calcom.controls["dashboard"](body)
            return action, str(json.loads(response.body)["uid"])  # type: ignore[arg-type]


async def books(polled: PollEnvironment) -> tuple[dict[str, str], dict[str, str]]:
    """Return the starts of live bookings by uid: at Cal.com, and here."""
    there = {b.uid: b.start for b in polled.env.calcom.account_of(KEY).bookings.values() if b.live}
    rows = await polled.salon.rows("SELECT external_id, starts_at FROM appointments WHERE status = 'confirmed'")
    here = {row["external_id"]: row["starts_at"] for row in rows}
    assert len(here) == len(rows)
    return tuple({uid: f"{at:%m-%d %H:%M}" for uid, at in book.items()} for book in (there, here))  # type: ignore[return-value]


async def test_one_poll_recovers_hundreds_of_refused_events(new_salon: Callable[..., Awaitable[Salon]]) -> None:
    choose = random.Random(SEED)
    async with open_poll_environment(new_salon) as polled:
        for _ in range(KNOWN):
            await change(polled, choose, "create")
        await polled.poll()
        refused = [await change(polled, choose, "create", "create", "move", "cancel") for _ in range(REFUSED)]
        kinds = Counter(action for action, _ in refused)
        assert min(kinds["create"], kinds["move"], kinds["cancel"]) > REFUSED / 6, kinds
        polled.env.advance(timedelta(minutes=5))
        there, before = await books(polled)
        assert there != before
        await polled.poll()
        there, after = await books(polled)
        assert after == there
        for _, uid in choose.sample(refused, LATE):  # as if Redis had kept them
            await polled.env.receive_event(uid)
        assert await books(polled) == (there, there)
        await polled.salon.assert_no_double_booking()
        await polled.salon.assert_claims_match()
