"""A table is one test, and no row hides another."""

import inspect

import pytest

from tests.worlds.rows import each_row


def test_all_failing_rows_of_a_table_are_listed() -> None:
    seen = list[int]()

    @each_row(("number", "text"), [(1, "a"), (2, "b"), (3, "c"), (4, "d")])
    def check(number: int, text: str) -> None:
        seen.append(number)
        assert number % 2, text
        assert 3 / (number - 1) > 1

    with pytest.raises(AssertionError) as raised:
        check()
    assert seen == [1, 2, 3, 4]
    assert [line.split(":")[0] for line in str(raised.value).splitlines()[:1]] == ["3 rows fail"]
    for expected in ("'text': 'a'}: ZeroDivisionError", "'text': 'b'}: AssertionError", "'text': 'd'}"):
        assert expected in str(raised.value)


async def test_tables_of_coroutines_get_their_fixtures() -> None:
    @each_row("number", [1, 2])
    @each_row("factor", [3, 4])
    async def check(pod: list[int], number: int, factor: int) -> None:
        pod.append(number * factor)
        assert number * factor != 6

    pod = list[int]()
    assert list(inspect.signature(check).parameters) == ["pod"]
    with pytest.raises(AssertionError, match="1 rows fail"):
        await check(pod=pod)
    assert pod == [3, 4, 6, 8]
