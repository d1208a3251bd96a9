"""`askproai figures`: how bookings by callers and requests to providers went."""

from datetime import date
from typing import Any

import typer

from askproai_cli.output import print_json
from askproai_cli.tenant_api import TenantApi, for_tenant
from askproai_core.terminal import format_day

_DAYS = {"day": "day", "booked": "booked", "failed": "failed", "share": "booked %"}
_PROVIDERS = {
    "provider": "provider", "requests": "requests", "average_ms": "average ms", "longest_ms": "longest ms", "errors": "errors",
}  # fmt: skip


@for_tenant
def figures(api: TenantApi) -> None:
    """Show how bookings by callers went on each of the last 30 days, and how providers answered in the last hour.

    A failed booking ended without an answer that helps the caller: an error, too slow, or refused by the remote calendar. The
    budget is the unused share of the failures that `spec.slo` of the Tenant allows. Questions for free times are only in the
    metrics.
    """
    answer = api.get("figures")
    if not api.prints_text:
        print_json(answer)
        return
    api.print_rows(answer, map(_to_row, answer["days"]), _DAYS, "nobody has tried to book in the last 30 days")
    if answer["days"]:
        typer.echo(
            f"booked {answer['booked_percent']} %, target {answer['target_percent']} %, "
            f"error budget left {answer['budget_percent']} %"
        )
    typer.echo()
    api.print_rows(answer, answer["providers"], _PROVIDERS, "no provider was asked in the last hour")


def _to_row(row: dict[str, Any]) -> dict[str, Any]:
    share = 100 * row["booked"] // (row["booked"] + row["failed"])
    return row | {"day": format_day(date.fromisoformat(row["day"])), "share": share}
