"""What can go wrong between us and the API server.

ApiError                 any refusal, with its HTTP status and Kubernetes reason
├── NotOurs              an object of a child's name is somebody else's; nothing was changed
├── Conflict             409: somebody wrote in between, or the uid is another one; or the namespace is going
└── Unreachable          no answer (status 0), or one that says "not now" (429, 5xx); whether it took effect is unknown
"""

_CONFLICT, _FORBIDDEN, _TOO_MANY, _SERVER_ERROR = 409, 403, 429, 500


class ApiError(Exception):
    """The API server refused a request."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class Conflict(ApiError):
    """The object changed, exists already, is another one of the same name, or its namespace takes no new objects."""


class NotOurs(ApiError):
    """An object of this name exists that we never wrote: to take it over would end it with its new owner."""


class Unreachable(ApiError):
    """The API server did not answer, or cannot serve now: a new CRD's storage, say, starts with 429. Try again later."""

    def __init__(self, message: str, status: int = 0, reason: str = "Unreachable") -> None:
        super().__init__(status, reason, message)


def api_error(status: int, reason: str, message: str) -> ApiError:
    """Give the error of an answer."""
    if status == _TOO_MANY or status >= _SERVER_ERROR:
        return Unreachable(message, status, reason)
    if status == _CONFLICT or (status == _FORBIDDEN and "because it is being terminated" in message):
        return Conflict(status, reason, message)
    return ApiError(status, reason, message)
