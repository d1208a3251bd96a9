"""`askproai plan`."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import kopf
import typer

from askproai_cli.lint import Document, Unreadable, read_documents
from askproai_cli.lint.check import GROUP
from askproai_cli.output import Output, OutputOption, print_json
from askproai_cli.plan.plan import Change, plan, summary
from askproai_operator.engine import ApiError, Unreachable, refs

_KINDS = [ref.kind for ref in (*refs.CUSTOM, refs.NAMESPACES)]


def plan_command(
    files: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILES")],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of manifests that name none.")
    ] = "default",
    kubeconfig: Annotated[
        Path | None, typer.Option(help="Kubeconfig file. Default: KUBECONFIG, then ~/.kube/config.")
    ] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what `kubectl apply` would change, and what the operator would then do at Retell. Nothing is written.

    It needs a kubeconfig that may read these objects and the Secret `<tenant>-teardown`.
    Exit code 1: something is refused; 2: a file cannot be read.
    """
    try:
        documents = [one for one in read_documents(files) if isinstance(one.value, dict)]
        ours = [_named(one) for one in documents if str(one.value.get("apiVersion")).startswith(f"{GROUP}/")]
        coming = {_named(one)["metadata"]["name"] for one in documents if one.value.get("kind") == refs.NAMESPACES.kind}
        planned = asyncio.run(plan(ours, kubeconfig, namespace, coming))
    except Unreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except (ApiError, Unreachable, kopf.LoginError, OSError) as error:  # OSError: no such kubeconfig
        typer.echo(f"the cluster cannot be asked: {error}", err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json([asdict(one) for one in planned])
    else:
        for one in planned:
            typer.echo(f"{one.name}: {one.change}")
            for line in one.fields:
                typer.echo(f"    {line}")
            for step in one.steps or ():
                typer.echo(f"    at Retell: {step}")
        typer.echo(summary(planned))
    if any(one.change is Change.REFUSED for one in planned):
        raise typer.Exit(1)


def _named(document: Document) -> dict[str, Any]:
    """Give a manifest that the API server can be asked about. Raises `Unreadable`; what else is wrong, the server says."""
    value: dict[str, Any] = document.value
    kind, meta = value.get("kind"), value.get("metadata")
    if kind not in _KINDS or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        where = f"{document.file}:{document.line_of(())}"
        raise Unreadable(f"{where}: a manifest needs metadata.name and one of the kinds {', '.join(_KINDS)}")
    return value
