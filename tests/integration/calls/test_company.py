"""Companions: who comes along, who is asked for, and who is booked with whom."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
