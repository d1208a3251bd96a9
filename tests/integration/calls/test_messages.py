"""Messages of callers: a message that the answer calls noted is stored, once, with its number and its call-back."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
