"""Offers: the days that a caller leaves out, what an offer names, and the offers that the book keeps for a call."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
