"""The access to an API server: by a kubeconfig, or by the pod's own service account.

A credential plugin (`exec` of a kubeconfig) is run only if `log_in` is passed, as the command line does: in a pod, no program
that a kubeconfig names is started (docs/decisions/0083-credential-plugins.md).
"""

import base64
import os
import ssl
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from askproai_core.kubeconfig_files import VARIABLE, split_kubeconfig

_SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_UNUSABLE: Final = (KeyError, TypeError, AttributeError, StopIteration, ValueError, yaml.YAMLError)
_STATIC: Final = ("token", "tokenFile", "username", "client-certificate", "client-certificate-data")


class AccessError(Exception):
    """There is no way to log in to an API server; the message says what to set."""


@dataclass(frozen=True, slots=True)
class Access:
    """Where the API server is, and how to authenticate there.

    `authorization` returns the header of that name. It is called for each request, because mounted tokens rotate.
    """

    server: str
    tls: ssl.SSLContext
    authorization: Callable[[], str | None]
    proxy: str | None = None


@dataclass(frozen=True, slots=True)
class ExecUser:
    """A kubeconfig's user who logs in by a program: the section `exec`, the folder of the kubeconfig, and the user's cluster.

    The cluster's CA is always in `certificate-authority-data`, even if the kubeconfig names a file.
    """

    section: Mapping[str, Any]
    folder: Path
    cluster: Mapping[str, Any]


_SET_ONE: Final = (
    "set ASKPROAI_KUBECONFIG or KUBECONFIG to a readable kubeconfig, or run in a pod with a service account"
)
# Loads a client certificate into the context, and returns a function for each request's header `Authorization`.
LogIn = Callable[[ExecUser, ssl.SSLContext], Callable[[], str | None]]


def read_access(kubeconfig: Path | None = None, environment: Mapping[str, str] = os.environ) -> Access:
    """Return the access by the file `kubeconfig`, by `KUBECONFIG`, or as the pod: the first that is there. Raises AccessError."""
    named = [kubeconfig] if kubeconfig else split_kubeconfig(environment.get(VARIABLE, ""))
    try:
        if named:
            return _from_files(named)
        host, port = environment.get("KUBERNETES_SERVICE_HOST"), environment.get("KUBERNETES_SERVICE_PORT")
        if not host or not port:
            raise AccessError(f"no kubeconfig, and no service account of a pod: {_SET_ONE}")
        tls = ssl.create_default_context(cafile=str(_SERVICE_ACCOUNT / "ca.crt"))
    except (*_UNUSABLE, OSError) as error:
        where = _listed(named) or f"the service account, {_SERVICE_ACCOUNT}"
        raise AccessError(f"no way to the API server ({type(error).__name__} in {where}): {_SET_ONE}") from error
    host = f"[{host}]" if ":" in host else host
    return Access(f"https://{host}:{port}", tls, _bearer_from(_SERVICE_ACCOUNT / "token"))


def read_kubeconfigs(files: Sequence[Path], log_in: LogIn | None = None) -> Access:
    """Return the access by a person's kubeconfig files, merged as kubectl merges them. `log_in` is called for a user whose only
    credential is a program (`exec`).

    Raises AccessError, and OSError for a missing file.
    """
    try:
        return _from_files(files, log_in)
    except _UNUSABLE as error:
        text = "the kubeconfig cannot be used: it is no YAML, or lacks its current context or what this names"
        raise AccessError(f"{text} ({_listed(files)})") from error


def _listed(files: Sequence[Path]) -> str:
    return os.pathsep.join(map(str, files))


def load_client_certificate(tls: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Set a client certificate (certificate and key in PEM) for connections opened from now on."""
    with tempfile.NamedTemporaryFile() as pem:  # Python's TLS reads client certificates from files only
        pem.write(certificate + b"\n" + key)
        pem.flush()
        tls.load_cert_chain(pem.name)


def _from_files(files: Sequence[Path], log_in: LogIn | None = None) -> Access:
    """Return the access by the first current context. The first entry of a name counts; paths are relative to their own file."""
    configs = [(file.parent, yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]

    def entry(section: str, name: str) -> tuple[dict[str, Any], Path]:
        kind = section.removesuffix("s")
        return next(
            (dict(item[kind]), folder)
            for folder, config in configs
            for item in (config or {}).get(section) or ()
            if item["name"] == name
        )

    context, _ = entry("contexts", next(config["current-context"] for _, config in configs if _names_context(config)))
    (cluster, beside_cluster), (user, beside_user) = (
        entry("clusters", context["cluster"]),
        entry("users", context["user"]),
    )
    authority = _content(cluster, "certificate-authority", beside_cluster)
    tls = ssl.create_default_context(cadata=authority.decode() if authority else None)
    if cluster.get("insecure-skip-tls-verify"):
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    certificate, key = (_content(user, f"client-{part}", beside_user) for part in ("certificate", "key"))
    if certificate and key:
        load_client_certificate(tls, certificate, key)
    if user.get("exec") and not any(user.get(name) for name in _STATIC):
        if log_in is None:
            raise AccessError(
                f"the user of the kubeconfig ({_listed(files)}) logs in by a program (exec), and this process runs none: "
                "use a kubeconfig with the token of a service account"
            )
        inline = {"certificate-authority-data": base64.b64encode(authority).decode()} if authority else {}
        authorization = log_in(ExecUser(user["exec"], beside_user, {**cluster, **inline}), tls)
    else:
        authorization = _authorization(user, beside_user)
    return Access(str(cluster["server"]).rstrip("/"), tls, authorization, cluster.get("proxy-url"))


def _names_context(config: Mapping[str, Any] | None) -> bool:
    return bool((config or {}).get("current-context"))


def _authorization(user: Mapping[str, Any], folder: Path) -> Callable[[], str | None]:
    """Return a function for the header `Authorization`: by token, token file or password. It returns None if there is none."""
    if file := user.get("tokenFile"):
        return _bearer_from(folder / file)
    header = f"Bearer {user['token']}" if user.get("token") else None
    if header is None and user.get("username"):
        pair = base64.b64encode(f"{user['username']}:{user.get('password') or ''}".encode())
        header = f"Basic {pair.decode()}"
    return lambda: header


def _bearer_from(file: Path) -> Callable[[], str | None]:
    return lambda: f"Bearer {file.read_text('utf-8').strip()}"


def _content(section: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    """Return the bytes in `<name>-data`, or in the file that `<name>` names, relative to `folder`; None if both are missing."""
    if data := section.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / section[name]).read_bytes() if section.get(name) else None
