"""Bookings: how odd, missing or repeated arguments are read, completed by answers, or asked about."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
