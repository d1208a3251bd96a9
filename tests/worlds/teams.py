"""A team at Cal.com whose members take turns."""

import msgspec

from askproai_core.tenant_config.services import TeamEventType
from tests.worlds.calcom_environment import KEY, CalcomEnvironment

TEAM = 3001


async def create_team(env: CalcomEnvironment, *, by_host: bool) -> dict[str, int]:
    """Create the team's event type. With `by_host` Cal.com lists and books it for single hosts."""
    body = {"key": KEY, "id": TEAM, "lengthInMinutes": 45, "afterEventBuffer": 10, "schedulingType": "roundRobin"}
    body |= {"hosts": ["anna", "mehmet"], "rrHostSubsetEnabled": by_host}
    async with env.session.post(f"{env.url}/_sim/event-types", json=body) as response:
        assert response.status == 201, await response.text()
    account = env.calcom.account_of(KEY)
    ids = {name: account.host(name).id for name in ("anna", "mehmet")}
    (service,) = env.config.services
    types = tuple(TeamEventType(staff=name, event_type_id=TEAM, host_id=n, by_host=by_host) for name, n in ids.items())
    env.offer(msgspec.structs.replace(service, event_types=(), team_event_types=types))
    return ids


BUSY = {"start": "2026-11-27T13:00:00Z", "end": "2026-11-27T15:00:00Z"}


async def agreed_host(env: CalcomEnvironment) -> str:
    """Assert that both calendars have one equal appointment with the same host; return the host's name."""
    (remote,) = env.bookings
    (local,) = await env.salon.live()
    assert (local["status"], local["external_id"]) == ("confirmed", remote["uid"])
    assert [host["name"] for host in remote["hosts"]] == [local["staff"]]
    await env.salon.assert_claims_match()
    return local["staff"]
