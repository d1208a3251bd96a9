"""The results of verifying a request's signature. Pods record them for refused requests, and the operator reads the records."""

from enum import StrEnum


class Verdict(StrEnum):
    """The result of verifying a signature. Every value except `VALID` leads to the HTTP status 401."""

    VALID = "valid"
    NO_KEY = "no_key"  # we hold no key of this sender, so nothing can be accepted
    MISSING = "missing"
    MALFORMED = "malformed"
    MISMATCH = "mismatch"
    OUTSIDE_WINDOW = "outside_window"
