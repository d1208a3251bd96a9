"""The waiting list: who joins it, what a caller hears of the own entry, and how an entry is left."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
