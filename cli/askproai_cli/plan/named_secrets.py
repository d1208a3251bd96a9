"""The Secrets that planned manifests name, and that do not come with them: whether the cluster has what the operator needs."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

from askproai_cli.lint import (
    Document,
    Reference,
    collect_secrets,
    find_references,
    identity_of,
    keys_of,
    permits_use,
)
from askproai_core.kube import ApiError, HttpTransport
from askproai_operator.resources import SECRETS, USE_LABEL


class NamedSecrets:
    """Looks at Secrets of the cluster, each once.

    `documents` are all manifests, also those without a plan: where one makes Secrets, such as an ExternalSecret, those
    of its namespace may come from it. `namespace` is for manifests that name none.
    """

    def __init__(
        self,
        documents: Iterable[Document],
        namespace: str,
        transport: HttpTransport,
        new_namespaces: Collection[str],
    ) -> None:
        beside = collect_secrets(documents)
        self._among_files = {(space or namespace, name) for space, name in beside.documents}
        self._made_elsewhere = {space or namespace for space in beside.made_elsewhere}
        self._new_namespaces = new_namespaces
        self._default, self._transport = namespace, transport
        self._read: dict[str, Mapping[str, Any] | str | None] = {}  # by path

    async def list_warnings(self, document: Document) -> list[str]:
        """Return what is wrong with the Secrets that a manifest of ours names, other than those among the files.

        Raises ApiError when the cluster cannot be asked.
        """
        space = identity_of(document.value).namespace or self._default
        found: list[str] = []
        if space in self._made_elsewhere:
            return found
        for reference in find_references(document.value.get("spec")):
            if (space, reference.name) not in self._among_files:  # lint compares those
                path = ".".join(str(part) for part in reference.path)
                where = f"{document.file}:{document.line_of(reference.path)}"
                messages = _check(reference, space, await self._find(space, reference.name))
                found += [f"{path}: {message} ({where})" for message in messages]
        return found

    async def _find(self, namespace: str, name: str) -> Mapping[str, Any] | str | None:
        """Return a Secret, None if there is none, and why it is unknown where it may not be read."""
        if namespace in self._new_namespaces:
            return None
        path = SECRETS.path(namespace, name)
        if path not in self._read:
            try:
                self._read[path] = await self._transport.find(path)
            except ApiError as error:
                if error.status != HTTPStatus.FORBIDDEN:
                    raise
                self._read[path] = f"not looked at: Secret {name!r}: your account may not read it"
        return self._read[path]


def _check(reference: Reference, namespace: str, secret: Mapping[str, Any] | str | None) -> Iterator[str]:
    """Yield what the operator would report about a Secret of the cluster."""
    if secret is None:
        yield (
            f"Secret {reference.name!r} is neither among these files nor in namespace {namespace}; create it, or correct the name"
        )
    elif isinstance(secret, str):
        yield secret
    else:
        keys = keys_of(secret)
        for key in reference.keys:
            if key not in keys:
                has = f"it has {', '.join(keys)}" if keys else "it has none"
                yield f"Secret {reference.name!r} of namespace {namespace} has no key {key!r}; {has}"
        if not permits_use(secret):
            yield (
                f"Secret {reference.name!r} of namespace {namespace} is not used by the operator without the label"
                f' {USE_LABEL}: "true"'
            )
