"""Errors of calls to a provider, by their consequence for the next attempt. Only the operator raises them.

ProviderError
├── ProviderUnavailable   the provider did nothing: refused connection, unknown host, a read that kept failing
│   └── ProviderResting   the provider failed again and again, so nothing was sent
├── CredentialRefused     401 or 403: the key is wrong, or lacks a permission
├── RateLimited           429, or our own budget for this key is used up
├── ProviderRefused       any other 3xx or 4xx: the request itself is not accepted
├── HostNotAllowed        the server is not on the list of allowed hosts, so nothing was sent
└── UnknownOutcome        a write timed out or ended in 5xx: it may have been done; look it up before a second attempt

`CredentialMissing` is not among them: a `Reply` holds it if there was no key to send a request with.
"""

from datetime import timedelta
from http import HTTPStatus


class ProviderError(Exception):
    """Any failure of a call to Retell or Cal.com. Its text holds neither a key nor a request body."""

    retry_after: timedelta | None = None  # after how long a retry makes sense, where that is known

    def __init__(self, provider: str, operation: str, text: str) -> None:
        super().__init__(f"{provider}: {operation}: {text}")


class ProviderUnavailable(ProviderError):
    pass


class ProviderResting(ProviderUnavailable):
    def __init__(self, provider: str, operation: str, retry_after: timedelta) -> None:
        # No seconds in the text: it becomes part of a status, which would else change with every reconcile.
        super().__init__(provider, operation, "it failed again and again and is left alone for a while")
        self.retry_after = retry_after


class CredentialRefused(ProviderError):
    """The provider refused the API key. `reason` is the provider's own text; empty without one, as from a firewall."""

    def __init__(self, provider: str, operation: str, status: int, reason: str = "") -> None:
        why = "the key is not accepted" if status == HTTPStatus.UNAUTHORIZED else "the key may not do this"
        super().__init__(provider, operation, f"{why} ({status}); put the right key in the Secret")
        self.status, self.reason = status, reason


class RateLimited(ProviderError):
    """The provider limits requests of this key. If `own`, our own budget for the key is used up, and nothing was sent."""

    def __init__(self, provider: str, operation: str, retry_after: timedelta, *, own: bool = False) -> None:
        # No seconds in the text: it becomes part of a status, which would else change with every reconcile.
        why = (
            "the operator's own limit of requests with this key is used up" if own else "too many requests for this key"
        )
        super().__init__(provider, operation, why)
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """The provider understood the request and declined it; `reason` is the provider's own text, empty if it gave none."""

    def __init__(self, provider: str, operation: str, status: int, reason: str) -> None:
        super().__init__(provider, operation, f"refused ({status}): {reason or 'no reason given'}")
        self.status, self.reason = status, reason


class HostNotAllowed(ProviderError):
    pass


class UnknownOutcome(ProviderError):
    pass


class CredentialMissing(PermissionError):
    """No API key is configured, so no request was sent."""
