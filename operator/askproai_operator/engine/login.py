"""Where the API server is and who we are: kopf's own logins, so that its watches and our client are the same person."""

import logging
import os
from pathlib import Path

import kopf

_logger = logging.getLogger(__name__)


def connection(kubeconfig: Path | None = None) -> kopf.ConnectionInfo:
    """Read the kubeconfig, or the pod's service account. Called again on a 401, because mounted tokens rotate.

    Raises kopf.LoginError when there is neither.
    """
    kept = os.environ.get("KUBECONFIG")
    if kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(kubeconfig)  # kopf's login knows no other way to name the file
    try:
        for login in (kopf.login_with_kubeconfig, kopf.login_with_service_account):
            info = login(settings=kopf.OperatorSettings(), logger=_logger)
            if info is not None:
                return info
    finally:
        if kubeconfig is not None:
            os.environ.pop("KUBECONFIG")
            os.environ.update({"KUBECONFIG": kept} if kept is not None else {})
    raise kopf.LoginError(
        "no API server: set ASKPROAI_KUBECONFIG or KUBECONFIG, or run in a pod with a service account"
    )
