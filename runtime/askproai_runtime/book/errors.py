"""The errors of a change that is not made, or whose outcome is not known."""


class OutcomeUnknown(Exception):
    """It is unknown whether a change is made: its COMMIT had no answer, and the database has not been reached since."""


class SlotNotFree(Exception):
    """The requested time is not free under the lock. Raised to roll back, so that the call keeps its hold."""
