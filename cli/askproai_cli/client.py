"""A client of a tenant's private API: at the given URL, in the demo on this machine, or by a port-forward."""

import json
import os
import shutil
import subprocess
import threading
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import urlencode

import typer

from askproai_cli.cluster import describe_cluster, explain_kubectl
from askproai_cli.demo_state import find_demo, is_in_use

TOKEN_VARIABLE = "ASKPROAI_TOKEN"  # noqa: S105 - names a variable
_TIMEOUT_SECONDS = 15.0
_MAX_ANSWER_BYTES = 64 * 1024 * 1024
_ANSWER_SECONDS = 20.0  # a statement may take 15 s before the pod answers that it took too long
_LOGIN_TIMEOUT_SECONDS = 60.0  # the kubeconfig's program may log in first, as by a browser


class RequestFailed(Exception):
    """The private API could not be reached, or refused; the message says what to do.

    RequestFailed
    ├── NoAnswer  the connection broke or the server failed: a change may have been done, and the same request may be sent again
    └── Refused   the private API has answered, and done nothing
        └── Forbidden  a reader's token, which does not allow this

    `problem` is the problem document of the answer, empty without one.
    """

    def __init__(self, message: str, problem: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.problem: Mapping[str, Any] = problem or {}


class NoAnswer(RequestFailed):
    """No answer came, or the server failed: a change may have been carried out."""


class Refused(RequestFailed):
    """The private API answered with a refusal and changed nothing."""


class Forbidden(Refused):
    """The token is a reader's, which does not allow this request."""


@dataclass(frozen=True, slots=True)
class PrivateApiClient:
    """A client of one tenant's private API: its URL, its token, and the token's Secret as `NAMESPACE/NAME`."""

    url: str
    token: str = field(repr=False)
    secret: str

    def request(self, method: str, path: str, *, params: Mapping[str, Any] | None = None, json: Any = None) -> Any:
        """Send a request to `/api/v1/<path>`, with a query or a JSON body, and return the JSON of the response.

        Raises `RequestFailed`; a value that the tenant cannot read (status 400) ends the command as wrong usage.
        """
        query = f"?{urlencode(params)}" if params else ""
        if not self.url.startswith(("http://", "https://")):
            raise typer.BadParameter(f"{self.url} is no address such as http://127.0.0.1:8081", param_hint="--url")
        status, body = self._send(method, f"{self.url.rstrip('/')}/api/v1/{path}{query}", json)
        if status == HTTPStatus.BAD_REQUEST:  # exit code 2: what was typed is wrong
            raise typer.BadParameter(body["detail"])
        if status == HTTPStatus.UNAUTHORIZED:
            namespace, _, name = self.secret.partition("/")
            raise Refused(
                f"{self.url} refuses the token: it is not, or no longer, that of Secret {name} in namespace {namespace}. "
                f"Read it by: kubectl get secret {name} -n {namespace} -o jsonpath='{{.data.token}}' | base64 -d."
            )
        if status == HTTPStatus.FORBIDDEN:
            raise Forbidden(body.get("detail", "Forbidden"))
        if status not in range(200, 300):
            kind = NoAnswer if status >= HTTPStatus.INTERNAL_SERVER_ERROR else Refused
            raise kind(_describe_problem(status, body), body)
        return body

    def _send(self, method: str, url: str, content: Any) -> tuple[int, Any]:
        """Send a request; return status and JSON of the response. It uses no proxy and no redirect, which could see the token."""
        from http.client import HTTPException
        from urllib import error, request

        class NoRedirect(request.HTTPRedirectHandler):
            def redirect_request(self, *_: Any) -> None:
                return None

        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        headers |= {"X-Askproai-User": name_user().encode("ascii", "replace").decode()}  # for the audit log
        data = None if content is None else json.dumps(content).encode()
        opener = request.build_opener(request.ProxyHandler({}), NoRedirect)
        try:
            prepared = request.Request(url, data, headers, method=method)  # noqa: S310 - an address of the user's own
            try:
                with opener.open(prepared, timeout=_ANSWER_SECONDS) as response:
                    return response.status, json.loads(_read_answer(response))
            except error.HTTPError as refused:  # any status but 2xx
                with refused:
                    return refused.code, json.loads(_read_answer(refused))
        except (OSError, HTTPException) as failure:
            raise NoAnswer(f"{self.url} does not answer: {_describe_failure(failure)}") from None
        except ValueError:  # no JSON
            raise RequestFailed(f"{self.url} is not the private port of a tenant, which is 8081") from None


def _read_answer(response: IO[bytes]) -> bytes:
    """Return the body of a response of urllib, which is not compressed. Raises `RequestFailed` if it is too large."""
    body = response.read(_MAX_ANSWER_BYTES + 1)
    if len(body) > _MAX_ANSWER_BYTES:
        raise RequestFailed(
            f"the answer has more than {_MAX_ANSWER_BYTES // 1024**2} MiB: ask for less, by --limit say"
        )
    return body


def _describe_problem(status: int, problem: Mapping[str, Any]) -> str:
    """Return a problem document as a sentence. For a server error it has the correlation id, to find the cause in the log."""
    text, correlation = f"{problem.get('title', status)}: {problem.get('detail', '')}", problem.get("correlation_id")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR or not correlation:
        return text
    return f"{text} (correlation id {correlation})"


def _describe_failure(failure: Exception) -> str:
    """Return a sentence that says why there was no response."""
    import socket
    import ssl

    match getattr(failure, "reason", failure):
        case ConnectionRefusedError():
            return "nothing listens there; is the pod still running?"
        case TimeoutError():
            return f"it took longer than {_ANSWER_SECONDS:.0f} s; PostgreSQL may hang, which askproai doctor finds out"
        case socket.gaierror():
            return "its host is not known; check --url"
        case ssl.SSLError():
            return "its certificate is not trusted, or it does not speak TLS; check --url"
        case _:
            return "the connection broke; try again"


@contextmanager
def connect(tenant: str, url: str | None) -> Iterator[PrivateApiClient]:
    """Yield a client of a tenant's private API. Raises `RequestFailed`; a malformed name ends the command as wrong usage."""
    namespace, dot, name = tenant.partition(".")
    if not (namespace and dot and name):
        raise typer.BadParameter("write it as NAMESPACE.TENANT, such as salon-mueller.salon-mueller")
    if url is not None:
        token = os.environ.get(TOKEN_VARIABLE)
        if not token:
            text = f"--url needs the token of Secret {name}-admin (or, to look, {name}-reader) in the variable {TOKEN_VARIABLE}"
            raise RequestFailed(text)
        yield PrivateApiClient(url, token, f"{namespace}/{name}-admin")
    elif (client := _find_in_demo(tenant)) is not None:
        yield client
    else:
        with _port_forward(namespace, name) as client:
            yield client


def _find_in_demo(tenant: str) -> PrivateApiClient | None:
    """Return a client of the demo's tenant, None if no demo runs here or kubectl uses another cluster. Raises RequestFailed."""
    state = find_demo()
    if state is None or not is_in_use(state):
        return None
    urls, tokens = state.get("adminUrls", {}), state.get("adminTokens", {})
    if tenant not in urls or tenant not in tokens:
        others = ", ".join(sorted(urls)) or "none yet"
        raise RequestFailed(f"the demo has no ready pod of {tenant} (a suspended tenant has none); it has: {others}")
    return PrivateApiClient(urls[tenant], tokens[tenant], f"{tenant.replace('.', '/', 1)}-admin")


@contextmanager
def _port_forward(namespace: str, name: str) -> Iterator[PrivateApiClient]:
    """Yield a client of the tenant's Service through `kubectl port-forward` from a free local port. It ends with the block."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        raise RequestFailed(
            f"no demo runs here, and kubectl is not on the PATH: install it and set KUBECONFIG, or give --url and {TOKEN_VARIABLE}"
        )
    token, secret = _read_token(kubectl, namespace, name)
    command = [kubectl, "port-forward", "-n", namespace, f"service/{name}-admin", ":8081", "--address=127.0.0.1"]
    child = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    timeout = threading.Timer(_TIMEOUT_SECONDS, child.kill)
    timeout.start()
    said, forwards, failure = "", "", None
    try:
        for line in child.stdout or ():  # a credential plugin may write warnings before
            _, forwards, address = line.partition("Forwarding from ")
            said = "" if forwards else said + line
            if forwards:
                break
        timeout.cancel()
        if forwards:
            yield PrivateApiClient(f"http://{address.split(' ')[0]}", token, f"{namespace}/{secret}")
    except RequestFailed as error:
        failure = error
    finally:
        timeout.cancel()
        child.terminate()
        said += child.communicate()[0]
    if not forwards or (failure and "error" in said):  # kubectl notices an unreachable pod at a request only
        # The caller must still learn whether a change may have been done.
        kind = type(failure) if failure else RequestFailed
        raise kind(f"no connection to {namespace}/{name}-admin: {explain_kubectl(said)}") from failure
    if failure:
        raise failure


def _read_token(kubectl: str, namespace: str, name: str) -> tuple[str, str]:
    """Return the admin token, or the reader token if the user may not read the former, and its Secret. Raises RequestFailed."""
    failures: list[str] = []
    for secret in (f"{name}-admin", f"{name}-reader"):
        command = [kubectl, "get", "secret", secret, "-n", namespace, "-o", "jsonpath={.data.token}"]
        try:
            read = subprocess.run(  # noqa: S603
                [*command, "--request-timeout=10s"],
                stdin=subprocess.DEVNULL,  # a question of a login program would not be seen
                capture_output=True,
                text=True,
                timeout=_LOGIN_TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise RequestFailed(
                f"kubectl has not answered within {_LOGIN_TIMEOUT_SECONDS:.0f} s ({describe_cluster()}): if it waits for your "
                "login, log in by `kubectl auth whoami`, then repeat"
            ) from None
        if read.returncode == 0 and read.stdout:
            return b64decode(read.stdout).decode(), secret
        failures.append(read.stderr if read.returncode else "")
        if not any(sign in failures[-1] for sign in ("(Forbidden)", "(NotFound)")):
            cause = explain_kubectl(failures[-1]) if read.returncode else "it has no token yet; is the Tenant Ready?"
            raise RequestFailed(f"Secret {secret} of namespace {namespace} cannot be read: {cause}")
    of_admin, of_reader = failures
    cause = explain_kubectl(of_reader if "(Forbidden)" in of_admin else of_admin)  # certain: "not found"
    raise RequestFailed(f"neither Secret {name}-admin nor {name}-reader of namespace {namespace} can be read: {cause}")


def name_user() -> str:
    """Return `user@host` of the person who runs the command. The audit log marks it as claimed."""
    import getpass
    import socket

    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"[:100]
