"""Bookings beside other appointments: a correction, a move, another person, or a further appointment."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
