"""Keys change under calls on a real kubelet, which updates mounted Secrets a minute or more after their change."""

import pytest

from askproai_sandbox.example_tenant import EXAMPLES, SALON
from tests.e2e.node.cluster import kubectl
from tests.e2e.node.environment import NodeEnvironment, wait_until_ready
from tests.worlds.rotations import Rotation, rotate_by_adding, rotate_by_replacing

pytestmark = [pytest.mark.timeout(600), pytest.mark.nightly]
PROMISED = 5  # seconds


async def test_key_rotation_refuses_no_call_on_nodes(env: NodeEnvironment, record_property):
    await env.helm()
    await kubectl("apply", "-f", str(EXAMPLES / "salon.yaml"))
    await wait_until_ready()
    rotation, seconds = Rotation(kubectl, env.retell), list[float]()
    env.refused.clear()
    async with rotation.calling():
        seconds.append(await rotate_by_replacing(rotation, SALON.retell_key, "key_demo_salon_2"))
        seconds.append(await rotate_by_adding(rotation, "key_demo_salon_2", "key_demo_salon_3"))
        for former, new in (("key_demo_salon_3", "key_demo_salon_2"), ("key_demo_salon_2", SALON.retell_key)):
            seconds.append(await rotate_by_replacing(rotation, former, new))
    record_property("in use after", ", ".join(f"{each:.1f} s" for each in seconds))
    record_property("calls", len(rotation.calls))
    assert (env.refused, rotation.errors) == ([], [])
    assert max(seconds) <= PROMISED, seconds
