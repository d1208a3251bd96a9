"""A hotline for several branches: which branch is asked for, chosen, kept, or changed by a move."""

from tests.worlds.dialogues import load_dialogues

globals().update(load_dialogues(__file__, salon="chain", to_number="+49305550100"))
