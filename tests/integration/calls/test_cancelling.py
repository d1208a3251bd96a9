"""Cancellations: which appointment is meant, and whether the caller has agreed."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
