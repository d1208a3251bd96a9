"""The operator's login at the API server, through kopf, so that its watches and our client are the same user.

The other processes log in by `askproai_core.kube.read_access`, which does not import kopf: that import costs 30 MiB.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import kopf
import yaml

from askproai_core.kube import Access, AccessError

_logger = logging.getLogger(__name__)


def kopf_login(kubeconfig: Path | None = None) -> kopf.ConnectionInfo:
    """Read the kubeconfig, or the pod's service account. Called again on a 401, because mounted tokens rotate.

    Raises AccessError when there is neither.
    """
    before = os.environ.get("KUBECONFIG")
    if kubeconfig is not None:
        os.environ["KUBECONFIG"] = str(kubeconfig)  # kopf's login takes no argument for the file
    try:
        for login in (kopf.login_with_kubeconfig, kopf.login_with_service_account):
            info = login(settings=kopf.OperatorSettings(), logger=_logger)
            if info is not None:
                return info
    except kopf.LoginError as error:
        raise AccessError(str(error)) from error
    except (KeyError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        text = "the kubeconfig cannot be used: it is no YAML, or lacks its current context or what this names"
        raise AccessError(f"{text} ({kubeconfig or before})") from error
    finally:
        if kubeconfig is not None:
            os.environ.pop("KUBECONFIG")
            os.environ.update({"KUBECONFIG": before} if before is not None else {})
    raise AccessError("no API server: set ASKPROAI_KUBECONFIG or KUBECONFIG, or run in a pod with a service account")


def access_by_kopf(login: Callable[[], kopf.ConnectionInfo]) -> Access:
    """Log in and return the access in the form that `HttpTransport` takes."""
    info = login()
    header = info.as_http_headers().get("Authorization")
    return Access(info.server, info.as_ssl_context(), lambda: header, info.proxy_url)
