"""A time or a day in a caller's words: which day it means after requests, offers and lists, and when the caller is asked."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__))
