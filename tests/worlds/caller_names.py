"""Names of simulated callers, without digits or additional words, which would be asked about."""


def surname(number: int) -> str:
    """Return a number as a surname."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number)).capitalize() + "mann"
