"""A table as one test, which runs all rows and lists the failed ones."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pytest

MOST_LISTED: Final = 25  # A broken grammar fails a thousand rows.

Test = Callable[..., Any]
Row = dict[str, Any]


def each_row(names: str | Sequence[str], rows: Iterable[Any]) -> Callable[[Test], Test]:
    """Run one test for all rows; `pytest.mark.parametrize`, with the same arguments, makes one test for each row.

    Parameters of the test outside `names` are fixtures, which all rows share.
    """
    columns = [name.strip() for name in names.split(",")] if isinstance(names, str) else list(names)
    table = [dict(zip(columns, row if len(columns) > 1 else (row,), strict=True)) for row in rows]

    def decorate(check: Test) -> Test:
        def run(**fixtures: Any) -> None:
            failures = list[str]()
            for row in table:
                with _listed_in(failures, row):
                    check(**fixtures, **row)
            assert not failures, _describe(failures)

        async def run_awaited(**fixtures: Any) -> None:
            failures = list[str]()
            for row in table:
                with _listed_in(failures, row):
                    await check(**fixtures, **row)
            assert not failures, _describe(failures)

        test = run_awaited if inspect.iscoroutinefunction(check) else run
        test.__name__, test.__qualname__, test.__doc__ = check.__name__, check.__qualname__, check.__doc__
        test.__module__ = check.__module__
        signature = inspect.signature(check)
        fixtures = [one for name, one in signature.parameters.items() if name not in columns]
        test.__signature__ = signature.replace(parameters=fixtures)  # type: ignore[attr-defined]
        return test

    return decorate


@contextmanager
def _listed_in(failures: list[str], row: Row) -> Iterator[None]:
    """Add an error of the row to the list. Raises AssertionError at the last that is listed: the rest is not run."""
    try:
        yield
    # `pytest.raises` without its error raises the other one.
    except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - a row that raises is a row that fails, and the others are run
        failures.append(f"{row}: {type(error).__name__}: {error}")
    if len(failures) == MOST_LISTED:
        raise AssertionError(_describe(failures) + "\n(the rows behind it were not run)")


def _describe(failures: list[str]) -> str:
    return f"{len(failures)} rows fail:\n" + "\n".join(failures)
