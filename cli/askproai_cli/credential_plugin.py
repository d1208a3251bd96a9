"""Logs in by the program that a person's kubeconfig names (`exec`), as `aws eks get-token`, gke-gcloud-auth-plugin and kubelogin.

The protocol: https://kubernetes.io/docs/reference/access-authn-authz/authentication/#client-go-credential-plugins
Only the command line runs such a program (docs/decisions/0083-credential-plugins.md).
"""

import json
import os
import shutil
import ssl
import subprocess
import sys
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from askproai_core.clock import Clock
from askproai_core.kube import AccessError, ExecUser, load_client_certificate

_GROUP: Final = "client.authentication.k8s.io"
_VERSIONS: Final = (f"{_GROUP}/v1", f"{_GROUP}/v1beta1")
_CONFIG_EXTENSION: Final = f"{_GROUP}/exec"
_CLUSTER_FIELDS: Final = (
    "server", "tls-server-name", "insecure-skip-tls-verify", "certificate-authority-data", "proxy-url", "disable-compression",
)  # fmt: skip
_TIMEOUT_SECONDS: Final = 180.0  # somebody may have to log in by a browser


class LoginFailed(AccessError):
    """The kubeconfig's program cannot be run, or returns no credential; the message says why."""


class _Named(msgspec.Struct):
    name: str
    value: str = ""  # of a variable
    extension: Any = None  # of a cluster


class _ExecSection(msgspec.Struct, rename="camel"):
    """The section `exec` of a kubeconfig."""

    api_version: str
    command: str
    args: list[str] | None = None
    env: list[_Named] | None = None
    install_hint: str | None = None
    provide_cluster_info: bool = False
    interactive_mode: Literal["Never", "IfAvailable", "Always"] = "IfAvailable"


class _Status(msgspec.Struct, rename="camel"):
    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class _ExecCredential(msgspec.Struct, rename="camel"):
    api_version: str
    status: _Status


class CredentialPlugin:
    """The login of one kubeconfig user. Its program runs before the first request, and again when the credential has expired."""

    def __init__(
        self, user: ExecUser, tls: ssl.SSLContext, clock: Clock, timeout_seconds: float = _TIMEOUT_SECONDS
    ) -> None:
        """Read the section `exec`. `tls` gets the client certificate, if the program returns one. Raises LoginFailed."""
        self._tls, self._clock, self._timeout_seconds, self._folder = tls, clock, timeout_seconds, user.folder
        try:
            self._section = msgspec.convert(user.section, _ExecSection)
            extensions = msgspec.convert(user.cluster.get("extensions") or [], list[_Named])
        except msgspec.ValidationError as error:
            raise LoginFailed(f"the kubeconfig's user has a section `exec` that cannot be used: {error}") from None
        if self._section.api_version not in _VERSIONS:
            text = f"the kubeconfig runs {self._section.command} by {self._section.api_version}, which Kubernetes has removed"
            raise LoginFailed(f"{text}: write it anew for {_VERSIONS[0]}, such as by `aws eks update-kubeconfig`")
        config = next((each.extension for each in extensions if each.name == _CONFIG_EXTENSION), None)
        self._cluster = {name: user.cluster[name] for name in _CLUSTER_FIELDS if user.cluster.get(name)} | {
            "config": config
        }
        self._header: str | None = None
        self._expires: datetime | None = datetime.min.replace(tzinfo=UTC)

    def authorization(self) -> str | None:
        """Return the header `Authorization`; None if the only credential is a client certificate. Raises LoginFailed."""
        if self._expires is not None and self._clock.now() >= self._expires:
            status = self._decode(self._run())
            if status.client_certificate_data and status.client_key_data:
                pair = (status.client_certificate_data.encode(), status.client_key_data.encode())
                try:
                    load_client_certificate(self._tls, *pair)
                except ssl.SSLError as error:
                    text = f"{self._section.command} gives a client certificate that cannot be used: {error}"
                    raise LoginFailed(text) from None
            elif not status.token:
                raise LoginFailed(
                    f"{self._section.command} gives neither a token nor a client certificate with its key"
                )
            self._header = f"Bearer {status.token}" if status.token else None
            self._expires = status.expiration_timestamp
        return self._header

    def _run(self) -> bytes:
        """Run the program and return its standard output. On a terminal the program shows its errors and asks questions."""
        section, is_terminal = self._section, sys.stderr.isatty()
        is_interactive = section.interactive_mode != "Never" and sys.stdin.isatty()
        if section.interactive_mode == "Always" and not is_interactive:
            text = f"{section.command} has to ask you something (interactiveMode: Always)"
            raise LoginFailed(f"{text}, and standard input is no terminal")
        try:
            done = subprocess.run(  # noqa: S603 - the kubeconfig is the person's own, and kubectl runs the same program
                [self._find_program(), *(section.args or ())],
                env=os.environ | self._environment(is_interactive=is_interactive),
                stdin=None if is_interactive else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if is_terminal else subprocess.PIPE,
                timeout=self._timeout_seconds,
                check=False,
            )
        except OSError as error:
            raise LoginFailed(f"{section.command} cannot be run: {error.strerror}") from None
        except subprocess.TimeoutExpired:
            text = f"{section.command} has given no credential within {self._timeout_seconds:g} s"
            raise LoginFailed(f"{text}: run `kubectl auth whoami` to see what it waits for") from None
        if done.returncode:
            lines = (done.stderr or b"").decode(errors="replace").strip().splitlines()
            said = f": {lines[-1]}" if lines else ", and says why above" if is_terminal else ", and does not say why"
            raise LoginFailed(f"{section.command} ended with exit status {done.returncode}{said}")
        return done.stdout

    def _find_program(self) -> str:
        """Return the path of the program: relative to the kubeconfig's folder if it names a folder, else found on the PATH."""
        command = self._section.command
        is_path = os.sep in command
        found = shutil.which(str(self._folder.absolute() / command) if is_path else command)
        if found is None:
            text = f"the kubeconfig logs in by {command}, which {'is no program' if is_path else 'is not on the PATH'}"
            hint = (self._section.install_hint or "").strip()
            raise LoginFailed(f"{text}. {hint}" if hint else text)
        return found

    def _environment(self, *, is_interactive: bool) -> dict[str, str]:
        """Return the variables for the program: the kubeconfig's, and the exec protocol's KUBERNETES_EXEC_INFO."""
        spec: dict[str, Any] = {"interactive": is_interactive}
        if self._section.provide_cluster_info:
            spec["cluster"] = self._cluster
        info = {"apiVersion": self._section.api_version, "kind": "ExecCredential", "spec": spec}
        return {each.name: each.value for each in self._section.env or ()} | {"KUBERNETES_EXEC_INFO": json.dumps(info)}

    def _decode(self, output: bytes) -> _Status:
        command, expected = self._section.command, self._section.api_version
        try:
            credential = msgspec.json.decode(output, type=_ExecCredential)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise LoginFailed(f"{command} printed no ExecCredential: {error}") from None
        if credential.api_version != expected:
            text = f"{command} answers with {credential.api_version}, and the kubeconfig asks for {expected}"
            raise LoginFailed(f"{text}: update the program or the kubeconfig")
        return credential.status
