"""`askproai plan`."""

import asyncio
import os
import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
import yaml

from askproai_cli.lint import Document, Unreadable, read_documents
from askproai_cli.output import Output, OutputOption, print_json
from askproai_cli.plan.dry_run import Change
from askproai_cli.plan.plan import plan_manifests, summarize
from askproai_core.kube import AccessError
from askproai_operator.engine import ApiError, Unreachable, access_by_kopf, kopf_login, resources

_KINDS = [ref.kind for ref in (*resources.CUSTOM, resources.NAMESPACES, resources.SECRETS)]
_BESIDE = {(ref.api_version, ref.kind) for ref in (resources.NAMESPACES, resources.SECRETS)}


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
    """Show what an apply would change, and what the operator would then do at the providers. Nothing is written.

    It needs a kubeconfig that may write these objects (a dry run asks for the same rights) and read the Secret
    `<tenant>-teardown`. Exit code 1: something is refused, or there is no manifest; 2: a file cannot be read.
    """
    try:
        documents = [document for document in read_documents(files) if _is_planned(document)]
    except Unreadable as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    if not documents:
        typer.echo(f"there is no manifest of ours in {', '.join(files)}: did rendering fail?", err=True)
        raise typer.Exit(1)
    try:
        planned = asyncio.run(plan_manifests(documents, kubeconfig, namespace))
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        typer.echo(_explain(error, kubeconfig), err=True)
        raise typer.Exit(1) from None
    if output is Output.JSON:
        print_json([asdict(each) for each in planned])
    else:
        for each in planned:
            typer.echo(f"{each.name}: {each.change}")
            for line in each.fields:
                typer.echo(textwrap.indent(line, "    "))
            for step in each.steps or ():
                typer.echo(f"    at {each.provider}: {step}")
        typer.echo(summarize(planned))
    if any(each.change is Change.REFUSED for each in planned):
        raise typer.Exit(1)


def _is_planned(document: Document) -> bool:
    """Return whether a manifest is ours, or a Namespace or Secret beside ours: of others nothing is planned.

    Raises Unreadable for one without a known kind and a name; lint and the API server judge the rest.
    """
    value = document.value
    if not isinstance(value, dict):
        return False
    group = str(value.get("apiVersion")).partition("/")[0]
    if group != resources.GROUP and (value.get("apiVersion"), value.get("kind")) not in _BESIDE:
        return False
    metadata = value.get("metadata")
    if value.get("kind") not in _KINDS or not isinstance(metadata, dict) or metadata.get("name") in {None, ""}:
        where = f"{document.file}:{document.line_of(())}"
        raise Unreadable(f"{where}: a manifest needs metadata.name and one of the kinds {', '.join(_KINDS)}")
    return True


def _explain(error: Exception, kubeconfig: Path | None) -> str:
    """Return why the cluster cannot be asked: which one that is, and what to do."""
    offline = "`askproai lint` checks manifests without a cluster"
    if isinstance(error, AccessError | OSError):
        why = f" ({error})" if isinstance(error, OSError) else ""
        return f"there is no cluster to compare with{why}: give --kubeconfig FILE, or set KUBECONFIG; {offline}"
    try:
        server = access_by_kopf(lambda: kopf_login(kubeconfig)).server
    except (AccessError, OSError):
        server = "of the kubeconfig"
    where = f"the API server {server}{_context_of(kubeconfig)}"
    if isinstance(error, Unreachable) and not error.status:
        return (
            f"{where} does not answer: start the cluster, or choose another one by --kubeconfig or"
            f" `kubectl config use-context`; {offline}"
        )
    return f"{where} refuses to be asked: {error}"


def _context_of(kubeconfig: Path | None) -> str:
    """Return which context of which kubeconfig is used, empty if that cannot be read."""
    file = kubeconfig or Path(os.environ.get("KUBECONFIG", "").split(os.pathsep)[0] or Path.home() / ".kube/config")
    try:
        context = yaml.safe_load(file.read_text(encoding="utf-8"))["current-context"]
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        return ""
    return f" (context {context} of {file})"
