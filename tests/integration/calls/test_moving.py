"""Moves: which appointment is meant, where it goes, and what the caller has to agree to."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
