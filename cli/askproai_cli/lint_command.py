"""`askproai lint`: check manifests offline."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from askproai_cli.output import Output, OutputOption, fail, find_width, format_count, print_json, wrap

if TYPE_CHECKING:
    from askproai_cli.lint import Report


def lint_command(
    files: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILES")],
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Check manifests offline as the API server would, and warn of problems.

    All mistakes are reported at once. Exit code 1: a manifest is refused, or there is none, or with --strict a warning; 2: a file
    cannot be read.
    """
    from askproai_cli.lint import CelMissing, Unreadable, lint, read_documents

    try:
        report = lint(read_documents(files))
    except (Unreadable, CelMissing) as error:
        fail(str(error), 2)
    if output is Output.JSON:
        totals = {name: getattr(report, name) for name in ("manifests", "unchecked", "refused", "mistakes", "warnings")}
        print_json(totals | {"findings": [asdict(finding) for finding in report.findings]})
    elif report.manifests:
        for finding in report.findings:
            typer.echo(_fold(str(finding)))
        if report.services_unchecked:
            typer.echo("once no Branch is refused, services are also compared with its openings and people")
        typer.echo(summarize(report))
    if not report.manifests:
        typer.echo(f"there is no manifest in {', '.join(files)}: did rendering fail?", err=True)
    if report.refused or not report.manifests or (strict and report.warnings):
        raise typer.Exit(1)


def summarize(report: "Report") -> str:
    """Return the last line, such as `5 manifests: 2 refused for 9 mistakes, 1 warning`. Each manifest counts once."""
    refused = f"{report.refused} refused"
    if report.refused:
        refused += f" for {format_count(report.mistakes, 'mistake')}"
    line = f"{format_count(report.manifests, 'manifest')}: {refused}, {format_count(report.warnings, 'warning')}"
    return f"{line} ({report.unchecked} of other kinds, not checked)" if report.unchecked else line


def _fold(line: str) -> str:
    """Return a finding's line: wrapped between words for a terminal, unchanged for programs."""
    width = find_width()
    return line if width is None else "\n".join(wrap(line, width, further="    "))
