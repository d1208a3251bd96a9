"""What can go wrong between us and the API server.

ApiError                 any refusal, with its HTTP status and Kubernetes reason
├── Conflict             409: somebody wrote in between, or the uid is another one: read again
├── Gone410              410: the list or watch is too old: list again
└── Unreachable          no answer at all (status 0)
NotLeader                the Lease is not ours, or not surely: write nothing outside
"""


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class Conflict(ApiError):
    """409: the object changed, exists already, or is another one of the same name."""


class Gone410(ApiError):
    """410: the continue token or resourceVersion is too old."""


class Unreachable(ApiError):
    """The API server did not answer, so whether the request took effect is unknown."""

    def __init__(self, message: str) -> None:
        super().__init__(0, "Unreachable", message)


class NotLeader(Exception):
    """This process may not write outside: its Lease is lost, or was not renewed in time."""


_TYPES: dict[int, type[ApiError]] = {409: Conflict, 410: Gone410}


def api_error(status: int, reason: str, message: str) -> ApiError:
    """Give the error of an answer."""
    return _TYPES.get(status, ApiError)(status, reason, message)
