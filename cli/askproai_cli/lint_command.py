"""`askproai lint`."""

from collections import Counter
from dataclasses import asdict
from typing import Annotated

import typer

from askproai_cli.output import Output, OutputOption, format_count, print_json


def lint_command(
    files: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILES")],
    output: OutputOption = Output.TEXT,
) -> None:
    """Say offline what the API server would say to manifests. Exit code 1: one is refused; 2: a file cannot be read."""
    from askproai_cli.lint import CelMissing, Severity, Unreadable, lint, read_documents

    try:
        documents = list(read_documents(files))
        findings = lint(documents)
    except (Unreadable, CelMissing) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    count = Counter(finding.severity for finding in findings)
    refused, warnings = count[Severity.REFUSED], count[Severity.WARNING]
    if output is Output.JSON:
        totals = {"manifests": len(documents), "refused": refused, "warnings": warnings}
        print_json(totals | {"findings": [asdict(finding) for finding in findings]})
    else:
        for finding in findings:
            where = f"{finding.name} {finding.path}".rstrip()
            typer.echo(f"{finding.file}:{finding.line}: {finding.severity}: {where}: {finding.message}")
        typer.echo(
            f"{format_count(len(documents), 'manifest')}, {refused} refused, {format_count(warnings, 'warning')}"
        )
    if refused:
        raise typer.Exit(1)
