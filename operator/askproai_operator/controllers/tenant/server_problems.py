"""Decides which servers in a manifest, besides the providers, the pods may connect to. Pure."""

from collections.abc import Collection
from typing import Final
from urllib.parse import urlsplit

from askproai_core.providers import is_host_listed

# Those of tenants' own pods: the NetworkPolicy must not let pods out to them.
_POD_PORTS: Final = frozenset({8080, 8081, 8082, 9090, 9091})


def find_server_problem(url: str, patterns: Collection[str], setting: str, usual_ports: Collection[int]) -> str | None:
    """Return why pods must not connect to the server at `url`; None if they may.

    `patterns` are the hosts that the operator's `setting` allows, as in ASKPROAI_PROVIDER_HOSTS; a pattern without a port
    allows the usual ports.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", 443 if parts.port is None else parts.port
    except ValueError as error:
        return f"its URL has no host and port that can be used ({error}): correct it"
    if not host or port == 0:
        return "its URL has no host and port that can be used: correct it"
    if port in _POD_PORTS:
        return f"port {port} is one of tenants' own pods: use another one"
    if is_host_listed(host, port, patterns, is_usual_port=port in usual_ports):
        return None
    return f"{host}:{port} is not in the operator's {setting}; add it there, or use an allowed server and port"
