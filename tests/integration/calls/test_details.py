"""Numbers, notes and further appointments: each belongs to a certain customer, or the caller is asked."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
