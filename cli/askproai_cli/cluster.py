"""The cluster that a command uses: kubeconfig files and a context, merged as kubectl does. Also explains kubectl's errors."""

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from askproai_core.kubeconfig_files import VARIABLE, split_kubeconfig

KubeconfigOption = Annotated[
    Path | None, typer.Option(help="Kubeconfig file. Default: KUBECONFIG, then ~/.kube/config, then the pod's account.")
]
OperatorNamespaceOption = Annotated[str, typer.Option(envvar="ASKPROAI_NAMESPACE", help="The operator's namespace.")]
_KINDS = ("contexts", "clusters", "users")


def list_kubeconfigs(kubeconfig: Path | None = None) -> list[Path]:
    """Return the files that kubectl would read: the given one, else those of KUBECONFIG, else the one in the home folder."""
    if kubeconfig is not None:
        return [kubeconfig]
    return split_kubeconfig(os.environ.get(VARIABLE, "")) or [
        path for path in [Path.home() / ".kube/config"] if path.exists()
    ]


def find_kubeconfig_in_use() -> Path | None:
    """Return the kubeconfig file that has the context in use, else the first file; None if there is no file."""
    files = list_kubeconfigs()
    if len(files) > 1:
        context = _merge(files)["current-context"]
        for file in files:
            if context in _names(_merge([file])["contexts"]):
                return file
    return files[0] if files else None


@contextmanager
def use_context(name: str) -> Iterator[None]:
    """Make a kubeconfig context the current one, for this process and its kubectl. An unknown context is wrong usage.

    It puts a temporary file that names this context before the others: the first file with a current context decides.
    """
    files = list_kubeconfigs()
    known = [str(entry["name"]) for entry in _merge(files)["contexts"]]
    if name not in known:
        available = ", ".join(known) or f"none: set {VARIABLE}"
        raise typer.BadParameter(f"there is no context {name}; there is: {available}", param_hint="--context")
    before = os.environ.get(VARIABLE)
    with tempfile.NamedTemporaryFile("w", prefix="kube-context-", suffix=".json") as file:
        json.dump({"apiVersion": "v1", "kind": "Config", "current-context": name}, file)
        file.flush()
        os.environ[VARIABLE] = os.pathsep.join(map(str, [file.name, *files]))
        try:
            yield
        finally:
            os.environ.pop(VARIABLE)
            os.environ.update({} if before is None else {VARIABLE: before})


def refuse_file_and_context(context: typer.Context, kubeconfig: Path | None) -> None:
    """Raise `BadParameter` if a command has both a kubeconfig file and `--context`, which selects from the files of KUBECONFIG."""
    if kubeconfig is not None and context.find_root().params.get("cluster"):
        raise typer.BadParameter(
            "--context chooses among the files of KUBECONFIG: set KUBECONFIG to this file, or leave out --context",
            param_hint="--kubeconfig",
        )


def describe_cluster(kubeconfig: Path | None = None) -> str:
    """Return the context and the server that are in use, such as `context prod, https://10.0.0.1:6443`."""
    merged = _merge(list_kubeconfigs(kubeconfig))
    context = merged["current-context"]
    named = {kind: {entry["name"]: entry for entry in merged[kind]} for kind in ("contexts", "clusters")}
    cluster = (named["contexts"].get(context, {}).get("context") or {}).get("cluster")
    server = (named["clusters"].get(cluster, {}).get("cluster") or {}).get("server")
    return f"context {context}, {server or 'no server'}" if context else f"no context: set {VARIABLE}"


def _merge(files: list[Path]) -> dict[str, Any]:
    """Return the merged `{"current-context", "contexts", "clusters", "users"}` of all files. The first entry of a name counts."""
    import yaml

    merged: dict[str, Any] = {"current-context": "", **{kind: [] for kind in _KINDS}}
    for file in files:
        try:
            config = yaml.safe_load(file.read_text())
        except (OSError, ValueError, yaml.YAMLError):
            continue
        if isinstance(config, dict):
            merged["current-context"] = merged["current-context"] or config.get("current-context") or ""
            for kind in _KINDS:
                entries = config.get(kind)
                entries = entries if isinstance(entries, list) else []
                named = (each for each in entries if isinstance(each, dict) and "name" in each)
                merged[kind] += [each for each in named if each["name"] not in _names(merged[kind])]
    return merged


def _names(entries: list[dict[str, Any]]) -> list[str]:
    return [str(entry["name"]) for entry in entries]


def explain_kubectl(errors: str) -> str:
    """Return the meaning of a kubectl error and the remedy, with the last line of the error."""
    lines = errors.strip().splitlines()
    said = lines[-1].removeprefix("error: ").removeprefix("Error from server ") if lines else "kubectl says nothing"
    if "error dialing backend" in said:
        return (
            f"the cluster does not reach its own node ({said}). Pods of the demo are processes of this machine: set "
            f"{VARIABLE} to the demo's .demo/cluster/kubeconfig, and read their logs in .demo/runner/pods/*/*.log"
        )
    if any(sign in said for sign in ("connection to the server", "Unable to connect", "dial tcp", "i/o timeout")):
        if not _merge(list_kubeconfigs())["current-context"]:
            return (
                f"no kubeconfig chooses a cluster: set {VARIABLE}, or name a context by --context; without a cluster, start a demo"
                " with `askproai demo --keep`, or give --url"
            )
        return f"the cluster does not answer ({describe_cluster()}): check {VARIABLE} or --context. kubectl: {said}"
    if "context was not found" in said:
        context = _merge(list_kubeconfigs())["current-context"]
        return f"the kubeconfig has no context {context}: correct current-context, or use --context"
    if "(Forbidden)" in said:
        return (
            f"you have no right to it ({describe_cluster()}); docs/how-to/command-line.md has the Role. kubectl: {said}"
        )
    if "NotFound" in said or "not found" in said:
        return (
            f"there is none ({describe_cluster()}): `kubectl get tenants.askproai.de -A` lists NAMESPACE and tenant. "
            f"kubectl: {said}"
        )
    return f"{said} ({describe_cluster()})"
