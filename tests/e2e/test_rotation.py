"""Keys change under calls, on pods whose mounts are a minute late: no call is refused."""

import pytest

from askproai_sandbox.example_tenant import SALON
from tests.worlds.rotations import Rotation, rotate_by_adding, rotate_by_replacing

pytestmark = pytest.mark.nightly

PROMISED = 5  # seconds until all pods have a new key; a busy machine may take longer for all else


async def test_key_rotation_refuses_no_call(demo):
    rotation = Rotation(demo.kubectl, demo.state.retellUrl)
    async with rotation.calling():
        seconds = [
            await rotate_by_replacing(rotation, SALON.retell_key, "key_demo_salon_2"),
            await rotate_by_adding(rotation, "key_demo_salon_2", "key_demo_salon_3"),
            await rotate_by_replacing(rotation, "key_demo_salon_3", SALON.retell_key),
        ]
    assert rotation.errors == []
    assert max(seconds) < 3 * PROMISED, "a mount alone takes a minute"
