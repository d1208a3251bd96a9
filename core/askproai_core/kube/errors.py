"""What the room raises; the tree stands in its `__init__`."""


class LeaseError(Exception):
    """The API server refused, or did not answer; whether a write took effect is unknown."""


class LeaseTaken(LeaseError):
    """Somebody else wrote the Lease since it was read, or made it first."""


class NotLeader(Exception):
    """This process may not write outside: its Lease is lost, or was not renewed in time."""
