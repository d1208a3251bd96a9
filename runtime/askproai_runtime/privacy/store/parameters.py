"""Named parameters for the statements that read or erase one caller's data."""

from typing import Any

from askproai_runtime.privacy.traces import Traces, number_pattern


def number_parameters(statement: str, tenant: str, traces: Traces) -> tuple[Any, ...]:
    """Replace the names in braces of a statement by `$1`, `$2`, …. Return the new statement, followed by its values.

    The names are `tenant`, `number_pattern`, and the fields of `Traces` except `bookings`, `regions` and `unreadable`.
    """
    values: dict[str, tuple[Any, str]] = {
        "tenant": (tenant, "text"), "until": (traces.until, "timestamptz"), "number": (traces.number, "text"),
        "number_pattern": (number_pattern(traces.number), "text"), "customer": (traces.customer, "uuid"),
        "calls": (list(traces.calls), "text[]"), "appointments": (list(traces.appointments), "uuid[]"),
        "booked_for_others": (list(traces.booked_for_others), "uuid[]"), "events": (list(traces.events), "bigint[]"),
        "emails": (list(traces.emails), "text[]"), "said_by_others": (list(traces.said_by_others), "bigint[]"),
    }  # fmt: skip
    used = [name for name in values if f"{{{name}}}" in statement]
    numbered = {name: f"${number}::{values[name][1]}" for number, name in enumerate(used, start=1)}
    return statement.format(**numbered), *(values[name][0] for name in used)
