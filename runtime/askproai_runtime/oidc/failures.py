"""The reasons why a login failed."""

from enum import StrEnum


class Failure(StrEnum):
    """The reason why a login failed. For each reason the visitor or the page's operator has to act differently."""

    BEGIN_AGAIN = "begin_again"  # too old, another browser, or completed before
    DENIED = "denied"  # the issuer, or the visitor there, has refused it
    NOT_SET_UP = "not_set_up"  # the issuer does not accept the client, its secret or its redirect URI
    UNAVAILABLE = "unavailable"  # the issuer does not answer, or not in time
    NOT_VALID = "not_valid"  # the issuer's answer does not prove who the visitor is


class LoginFailed(Exception):
    """A login failed. The text is for the log: it holds no secret, no token, and no text that a visitor chose."""

    def __init__(self, failure: Failure, text: str) -> None:
        super().__init__(text)
        self.failure = failure
