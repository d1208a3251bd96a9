"""`askproai plan`."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from askproai_cli.cluster import describe_cluster
from askproai_cli.output import Output, OutputOption, print_json

if TYPE_CHECKING:
    from askproai_cli.lint import Document


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
    import asyncio

    from askproai_cli.lint import GROUP, Unreadable, read_documents
    from askproai_cli.plan import Change, plan_manifests, summarize
    from askproai_core.kube import AccessError
    from askproai_operator.engine import ApiError, Unreachable, resources

    try:
        documents = [document for document in read_documents(files) if isinstance(document.value, dict)]
        manifests = [
            _manifest(document)
            for document in documents
            if str(document.value.get("apiVersion")).startswith(f"{GROUP}/")
        ]
        new_namespaces = {
            _manifest(document)["metadata"]["name"]
            for document in documents
            if document.value.get("kind") == resources.NAMESPACES.kind
        }
        planned = asyncio.run(plan_manifests(manifests, kubeconfig, namespace, new_namespaces))
    except Unreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    except Unreachable:
        cluster = describe_cluster(kubeconfig)
        typer.echo(f"the cluster does not answer ({cluster}): start it, or check KUBECONFIG or --context", err=True)
        raise typer.Exit(1) from None
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        typer.echo(f"the cluster cannot be asked: {error}", err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json([asdict(each) for each in planned])
    else:
        for each in planned:
            typer.echo(f"{each.name}: {each.change}")
            for line in each.fields:
                typer.echo(f"    {line}")
            for step in each.steps or ():
                typer.echo(f"    at Retell: {step}")
        typer.echo(summarize(planned))
    if any(each.change is Change.REFUSED for each in planned):
        raise typer.Exit(1)


def _manifest(document: "Document") -> dict[str, Any]:
    """Return a manifest that has a known kind and a name; the API server judges the rest. Raises Unreadable."""
    from askproai_cli.lint import Unreadable
    from askproai_operator.engine import resources

    kinds = [ref.kind for ref in (*resources.CUSTOM, resources.NAMESPACES)]
    value: dict[str, Any] = document.value
    kind, meta = value.get("kind"), value.get("metadata")
    if kind not in kinds or not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        where = f"{document.file}:{document.line_of(())}"
        raise Unreadable(f"{where}: a manifest needs metadata.name and one of the kinds {', '.join(kinds)}")
    return value
