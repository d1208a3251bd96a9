"""Moves and cancellations of one among several appointments: by its day, its time and the new one, or the caller is asked."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
