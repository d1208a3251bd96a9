"""A second request for the waiting list corrects the first one, or adds an entry, for one person or for another."""

import pytest

from tests.worlds.dialogues import load_dialogues

pytestmark = pytest.mark.nightly
globals().update(load_dialogues(__file__))
