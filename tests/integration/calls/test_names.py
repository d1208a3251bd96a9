"""Names of bookings: a name is corrected or completed, or the caller is asked, and the answer claims nothing more."""

import pytest

from tests.worlds.dialogues import load_dialogues

pytestmark = pytest.mark.nightly
globals().update(load_dialogues(__file__))
