"""The caller's choice arrives as the argument `choice` of the same request, and counts only after a question."""

import pytest

from tests.worlds.dialogues import load_dialogues

pytestmark = pytest.mark.nightly
globals().update(load_dialogues(__file__))
