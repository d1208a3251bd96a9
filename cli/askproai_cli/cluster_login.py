"""Log in to the API server as the person who runs the command, or as the pod that the command runs in."""

from pathlib import Path

from askproai_cli.cluster import list_kubeconfigs
from askproai_cli.credential_plugin import CredentialPlugin
from askproai_core.clock import Clock
from askproai_core.kube import Access, read_access, read_kubeconfigs


def log_in(kubeconfig: Path | None, clock: Clock) -> Access:
    """Return the access of the person, or of the pod that the command runs in. Raises AccessError; OSError for an absent file."""
    files = list_kubeconfigs(kubeconfig)
    if not files:
        return read_access()
    return read_kubeconfigs(files, lambda user, tls: CredentialPlugin(user, tls, clock).authorization)
