"""`kill -9` of the leader: another replica has taken over within 20 s, with the times of production, and goes on at once."""

import json
import os
import signal
import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest

from askproai_sandbox.cluster import spawn
from askproai_sandbox.example_tenant import SALON
from tests.worlds.live_changes import wait_for_next_leader
from tests.worlds.running_demo import EXPIRED_HOLD, SELECT_THE_HOLD
from tests.worlds.waiting import SOON, eventually

pytestmark = pytest.mark.nightly

LIMIT_SECONDS = 20  # a coordinator pauses for at least 24 s between two sweeps


def environment_of(pid: int) -> dict[str, str]:
    """Return the environment that a process was started with."""
    entries = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(entry.split("=", 1) for entry in entries if "=" in entry)


async def lease(demo, name: str) -> dict:
    """Return the spec of a Lease."""
    found = await demo.kubectl("get", "lease", name, "-n", "askproai-system", "-o", "json")
    return json.loads(found)["spec"]


async def assert_taken_over(demo, name: str, before: dict, killed: datetime) -> None:
    after, seconds = await wait_for_next_leader(partial(lease, demo, name), before["holderIdentity"], killed)
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert seconds < LIMIT_SECONDS


async def test_when_the_leading_coordinator_is_killed_the_other_one_sweeps(demo):
    async def two_with_a_leader() -> list[int] | None:
        pids = demo.state.pids["coordinator"]
        return pids if len(pids) == 2 and (await lease(demo, "askproai-coordinator"))["holderIdentity"] else None

    pids = await eventually(two_with_a_leader, SOON, "two coordinators, one of which leads")
    before = await lease(demo, "askproai-coordinator")
    leader = before["holderIdentity"].rpartition("_")[0]
    (pid,) = (pid for pid in pids if environment_of(pid)["ASKPROAI_POD_NAME"] == leader)
    os.kill(pid, signal.SIGKILL)
    killed = datetime.now(UTC)
    await demo.rows(EXPIRED_HOLD, SALON.tenant)

    async def swept() -> bool:
        return await demo.rows(SELECT_THE_HOLD) == []

    await assert_taken_over(demo, "askproai-coordinator", before, killed)
    await eventually(swept, LIMIT_SECONDS, "the next leader's sweep, sooner than one after its pause")


async def test_when_the_leading_operator_is_killed_its_standby_reconciles(demo, tmp_path):
    (pid,) = demo.state.pids["operator"]
    port = {"ASKPROAI_HEALTH_PORT": "0", "ASKPROAI_METRICS_PORT": "0", "ASKPROAI_POD_NAME": "standby"}
    command = [Path(sys.executable).with_name("askproai-operator"), "run"]
    standby = await spawn("standby", command, directory=tmp_path, environment=environment_of(pid) | port)
    try:
        await eventually(lambda: _serves(standby), SOON, "the standby")
        before = await lease(demo, "askproai-operator")
        token = uuid4().hex
        os.kill(pid, signal.SIGKILL)
        killed = datetime.now(UTC)
        await demo.kubectl(
            "annotate", "tenants.askproai.de", SALON.namespace, "-n", SALON.namespace, "--overwrite",
            f"askproai.de/reconcile-at={token}",
        )  # fmt: skip

        async def echoed() -> bool:
            found = await demo.kubectl("get", "tenants.askproai.de", "-n", SALON.namespace, "-o", "json")
            return json.loads(found)["items"][0]["status"].get("lastReconcileToken") == token

        await assert_taken_over(demo, "askproai-operator", before, killed)
        await eventually(echoed, SOON, "a reconcile by the next leader")
    finally:
        await standby.stop()


async def _serves(standby) -> bool:
    if standby.exit_code is not None:
        pytest.fail(f"the standby ended:\n{standby.last_lines()}")
    return b"health.serving" in standby.log.read_bytes()
