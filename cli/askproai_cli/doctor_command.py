"""`askproai doctor`: check an installation."""

from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askproai_cli.cluster import KubeconfigOption, OperatorNamespaceOption, describe_cluster, refuse_file_and_context
from askproai_cli.output import Output, OutputOption, format_count, line_width, print_json, to_cell, wrap

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from askproai_cli.doctor import Finding, Scope
    from askproai_core.clock import Clock

_SHOWN = 5  # details of a finding; JSON has all of them
_OUTCOME_WIDTH, _NAME_WIDTH = 9, 19
_PAUSE = timedelta(seconds=3)
_INDENT = " " * _OUTCOME_WIDTH


def doctor_command(
    context: typer.Context,
    operator_namespace: OperatorNamespaceOption = "askproai-system",
    namespace: Annotated[
        str | None, typer.Option("--namespace", "-n", help="Only the tenants of this namespace. Default: of all.")
    ] = None,
    kubeconfig: KubeconfigOption = None,
    urls: Annotated[
        bool, typer.Option(help="Ask the tenants' public URLs from here for the proof of their own pods.")
    ] = True,
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="Repeat until nothing fails, for so long at most.")
    ] = 0,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check an installation: cluster, operator, database, Redis, providers, URLs, clocks, certificates. It writes nothing.

    A check that needs a right which your account lacks is skipped, and names the right. PostgreSQL and Redis are checked by the
    operator, which reports them once a minute. Exit code 1: something failed, or the cluster does not answer; with --strict
    also for a warning.
    """
    import asyncio

    from askproai_cli.doctor import Scope

    refuse_file_and_context(context, kubeconfig)
    scope = Scope(operator_namespace, namespace, with_urls=urls)
    findings = asyncio.run(_examine_until_good(kubeconfig, scope, wait))
    counts = {name: sum(each.outcome == name for each in findings) for name in ("failed", "warning", "skipped", "ok")}
    if output is Output.JSON:
        print_json({"findings": [asdict(each) for each in findings], **counts})
    else:
        for finding in findings:
            for line in render(finding, line_width()):
                typer.echo(line)
        typer.echo(
            f"{format_count(len(findings), 'check')}: {counts['failed']} failed, {format_count(counts['warning'], 'warning')}, "
            f"{counts['skipped']} skipped"
        )
    if counts["failed"] or (strict and counts["warning"]):
        raise typer.Exit(1)


async def _examine_until_good(kubeconfig: Path | None, scope: "Scope", wait_seconds: float) -> "Sequence[Finding]":
    """Repeat the diagnosis until nothing fails or `wait_seconds` have passed, and return the last findings."""
    from askproai_cli.doctor import Outcome
    from askproai_core.clock import SystemClock

    clock = SystemClock()
    end = clock.monotonic() + wait_seconds
    while True:
        findings = await _examine(kubeconfig, scope, clock)
        if clock.monotonic() >= end or all(each.outcome is not Outcome.FAILED for each in findings):
            return findings
        await clock.sleep(_PAUSE)


async def _examine(kubeconfig: Path | None, scope: "Scope", clock: "Clock") -> "Sequence[Finding]":
    """Return the findings about the cluster. If it does not answer, the only finding reports that."""
    from askproai_cli.cluster_login import log_in
    from askproai_cli.doctor import Finding, Outcome, examine
    from askproai_core.kube import AccessError, ApiError

    try:
        return await examine(log_in(kubeconfig, clock), scope, clock)
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        message = f"{describe_cluster(kubeconfig)}: {error}"
        todo = "Start it, or choose another one by KUBECONFIG, --kubeconfig or --context; kubectl auth whoami shows the login."
        return [Finding("cluster", Outcome.FAILED, message, todo, "docs/how-to/command-line.md")]


def render(finding: "Finding", width: int) -> "Iterator[str]":
    """Yield the lines of a finding: outcome, name and message, then details, then what to do. No word is broken."""
    from askproai_cli.doctor.findings import spell_age

    shown = finding.details[:_SHOWN]
    head = (
        f"{finding.outcome.upper() if finding.todo else finding.outcome:<{_OUTCOME_WIDTH}}{finding.name:<{_NAME_WIDTH}}"
    )
    seconds = finding.seconds_ago
    age = "age unknown" if seconds is None else f"{spell_age(seconds)} ago" if seconds else "now"
    shown_age = "" if finding.outcome == "skipped" else f" ({age})"
    yield from wrap(head + to_cell(finding.message) + shown_age, width, further=" " * len(head))
    for detail in shown:
        yield from wrap(to_cell(detail), width, first=f"{_INDENT}- ", further=f"{_INDENT}  ")
    if rest := len(finding.details) - len(shown):
        yield f"{_INDENT}- and {rest} more: --output json has all"
    if finding.todo:
        page = f" See {finding.page}" if finding.page else ""
        yield from wrap(f"{finding.todo}{page}", width, first=f"{_INDENT}→ ", further=f"{_INDENT}  ")
