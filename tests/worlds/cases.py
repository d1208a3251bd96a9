"""The number of random cases of a test: few by day, many at night. Such a test has the mark `random_cases`."""

import os


def cases(day: int, night: int) -> int:
    """Return the number of cases. `ASKPROAI_CASES=10000` sets it; `make nightly` sets ASKPROAI_TEST_NIGHT."""
    return int(os.environ.get("ASKPROAI_CASES") or (night if os.environ.get("ASKPROAI_TEST_NIGHT") else day))
