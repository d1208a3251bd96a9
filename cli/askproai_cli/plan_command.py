"""`askproai plan`: preview an apply of manifests."""

import textwrap
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from askproai_cli.cluster import KubeconfigOption, describe_cluster, refuse_file_and_context
from askproai_cli.output import Output, OutputOption, fail, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from askproai_cli.lint import Document
    from askproai_cli.plan import Planned


def plan_command(
    context: typer.Context,
    files: Annotated[list[str], typer.Argument(help="Files, folders, or - for standard input.", metavar="FILES")],
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", help="Namespace of manifests that name none.")
    ] = "default",
    kubeconfig: KubeconfigOption = None,
    operator_namespace: Annotated[
        str,
        typer.Option(
            envvar="ASKPROAI_NAMESPACE", help="The operator's namespace, which says who has which host and number."
        ),
    ] = "askproai-system",
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Exit with 1 also for warnings, conditions that would be False, refused steps and numbers that are taken away.",
        ),
    ] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Show what an apply would change, and what the operator would then do at the providers. Nothing is written.

    It needs a kubeconfig that may write these objects (a dry run asks for the same rights) and read the Secret
    `<tenant>-teardown`. With the right to get ConfigMaps in the operator's namespace it also shows which hosts and numbers another
    tenant has. Exit code 1: the API server refuses something, another tenant has one of these, or there is no
    manifest; with --strict also for findings to look at before an apply. 2: a file cannot be read.
    """
    from askproai_cli.lint import Unreadable, read_documents

    refuse_file_and_context(context, kubeconfig)
    try:
        found = [(document, _is_planned(document)) for document in read_documents(files)]
    except Unreadable as error:
        fail(str(error), 2)
    documents = [document for document, is_planned in found if is_planned]
    if not documents:
        fail(f"there is no manifest of ours in {', '.join(files)}: did rendering fail?")
    others = [document for document, is_planned in found if not is_planned]
    planned = _plan(documents, others, kubeconfig, namespace, operator_namespace, output)
    if strict and any(each.is_problem or each.warnings for each in planned):
        fail("stopped by --strict: something above needs a look before an apply")


def _plan(
    documents: "Sequence[Document]",
    others: "Sequence[Document]",
    kubeconfig: Path | None,
    namespace: str,
    operator_namespace: str,
    output: Output,
) -> "Sequence[Planned]":
    """Ask the cluster, print the plan and return it. Imports the operator's code at first use, which takes half a second."""
    import asyncio

    from askproai_cli.plan import Change, plan_manifests
    from askproai_core.kube import AccessError, ApiError

    try:
        planned = asyncio.run(plan_manifests(documents, kubeconfig, namespace, operator_namespace, others))
    except (ApiError, AccessError, OSError) as error:  # OSError: no such kubeconfig
        fail(_explain(error, kubeconfig))
    if output is Output.JSON:
        print_json([asdict(each) for each in planned])
    else:
        _print_plan(planned)
    if any(each.change is Change.REFUSED or each.is_taken for each in planned):
        raise typer.Exit(1)
    return planned


def _print_plan(planned: "Sequence[Planned]") -> None:
    from askproai_cli.plan import summarize

    for each in planned:
        typer.echo(f"{each.name}: {each.change}")
        for line in each.fields:
            typer.echo(textwrap.indent(line, "    "))
        for line in (*each.claims, *(f"warning: {warning}" for warning in each.warnings)):
            typer.echo(f"    {line}")
        for step in each.steps or ():
            typer.echo(f"    at {each.provider}: {step}")
    typer.echo(summarize(planned))


def _is_planned(document: "Document") -> bool:
    """Return True if a manifest is planned: it is of our API group, or a Namespace or Secret.

    Raises Unreadable if the kind is unknown, the name is missing, or name or namespace is not text.
    """
    from askproai_cli.lint import Unreadable
    from askproai_operator import resources

    value = document.value
    if not isinstance(value, dict):
        return False
    beside = (resources.NAMESPACES, resources.SECRETS)
    group = str(value.get("apiVersion")).partition("/")[0]
    if group != resources.GROUP and (value.get("apiVersion"), value.get("kind")) not in [
        (ref.api_version, ref.kind) for ref in beside
    ]:  # a list, because an ill-formed kind may have no hash
        return False
    kinds = [ref.kind for ref in (*resources.CUSTOM, *beside)]
    metadata = value.get("metadata")
    if value.get("kind") not in kinds or not isinstance(metadata, dict) or not metadata.get("name"):
        where = f"{document.file}:{document.line_of(())}"
        raise Unreadable(f"{where}: a manifest needs metadata.name and one of the kinds {', '.join(kinds)}")
    for field in ("name", "namespace"):
        if not isinstance(metadata.get(field) or "", str):
            where = f"{document.file}:{document.line_of(('metadata', field))}"
            raise Unreadable(f"{where}: metadata.{field} must be a text: put it in quotes")
    return True


def _explain(error: Exception, kubeconfig: Path | None) -> str:
    """Return a text that names the cluster that cannot be asked, why, and what to do."""
    from askproai_cli.credential_plugin import LoginFailed
    from askproai_core.kube import AccessError, Unreachable

    offline = "`askproai lint` checks manifests without a cluster"
    if isinstance(error, LoginFailed):
        return f"no login at the cluster ({describe_cluster(kubeconfig)}): {error}; {offline}"
    if isinstance(error, AccessError | OSError):
        why = ""  # nothing is configured
        if isinstance(error, OSError):
            why = f" ({error.filename}: {error.strerror})" if error.filename else f" ({error})"
        elif error.__cause__:
            why = f" ({error})"
        return f"there is no cluster to compare with{why}: give --kubeconfig FILE, or set KUBECONFIG; {offline}"
    cluster = describe_cluster(kubeconfig)
    if isinstance(error, Unreachable) and not error.status:
        return f"the cluster does not answer ({cluster}): start it, or check KUBECONFIG or --context; {offline}"
    return f"the cluster refuses to be asked ({cluster}): {error}"
