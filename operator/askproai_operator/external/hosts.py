"""Which servers a tenant's `baseUrl` may name: a key of ours must never be sent to a host that nobody allowed."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from urllib.parse import urlsplit


def host_problem(base_url: str, patterns: Iterable[str]) -> str | None:
    """Say why `base_url` is not allowed, or None. A pattern without a port means https on its own port.

    `api.cal.com`, `*.cal.example`, `127.0.0.1:*`, `cal.internal:5555`; with a port, http is allowed, too.
    """
    try:
        url = urlsplit(base_url)
        port = url.port
    except ValueError:
        return f"baseUrl {base_url!r} is not a URL"
    if url.scheme not in ("http", "https") or not url.hostname:
        return "baseUrl must start with https:// and name a host"
    if url.username or url.password or url.query or url.fragment:
        return "baseUrl must not hold a user, a query or a fragment"
    for pattern in patterns:
        host, colon, wanted = (
            pattern.strip().lower().rpartition(":") if ":" in pattern else (pattern.strip().lower(), "", "")
        )
        if not fnmatchcase(url.hostname, host):
            continue
        if not colon and url.scheme == "https" and port in (None, 443):
            return None
        if colon and fnmatchcase(str(port or (443 if url.scheme == "https" else 80)), wanted):
            return None
    return f"host {url.netloc} is not in the operator's ASKPROAI_PROVIDER_HOSTS; add it there or use an allowed server"
