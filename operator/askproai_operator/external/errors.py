"""What a provider's answer can mean to us.

ProviderError
├── ProviderUnavailable   nothing was done there: refused connection, unknown host, a read that kept failing
├── CredentialRefused     401 or 403: the key is wrong, or not allowed this
├── RateLimited           429, or our own budget for this key is spent
├── ProviderRefused       any other 3xx or 4xx: the request itself is not accepted
└── UnknownOutcome        a write that timed out or ended in 5xx: it may have been done
"""

from datetime import timedelta
from http import HTTPStatus


class ProviderError(Exception):
    """Any failure of a call to Retell or Cal.com. Its text carries no key and no body."""

    def __init__(self, provider: str, operation: str, text: str) -> None:
        super().__init__(f"{provider}: {operation}: {text}")
        self.provider = provider
        self.operation = operation


class ProviderUnavailable(ProviderError):
    """Nothing was done there; try again later."""


class CredentialRefused(ProviderError):
    """The key is not accepted (401), or not for this object (403)."""

    def __init__(self, provider: str, operation: str, status: int) -> None:
        why = "the key is not accepted" if status == HTTPStatus.UNAUTHORIZED else "the key may not do this"
        super().__init__(provider, operation, f"{why} ({status}); put the right key in the Secret")
        self.status = status


class RateLimited(ProviderError):
    """Too many requests for this key; `retry_after` says when the next one may go."""

    def __init__(self, provider: str, operation: str, retry_after: timedelta) -> None:
        super().__init__(provider, operation, f"too many requests, again in {retry_after.total_seconds():.0f} s")
        self.retry_after = retry_after


class ProviderRefused(ProviderError):
    """The provider understood and said no; `message` is its own text."""

    def __init__(self, provider: str, operation: str, status: int, message: str) -> None:
        super().__init__(provider, operation, f"refused ({status}): {message}")
        self.status = status
        self.message = message

    @property
    def missing(self) -> bool:
        """True when the object is not there."""
        return self.status == HTTPStatus.NOT_FOUND


class UnknownOutcome(ProviderError):
    """A write that may have been done: look before doing it again."""
