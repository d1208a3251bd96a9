"""Names of simulated callers: words beside a name, and digits in it, are asked about."""


def surname(number: int) -> str:
    """Return a number as a surname."""
    return "".join("abcdefghij"[int(digit)] for digit in str(number)).capitalize() + "mann"
