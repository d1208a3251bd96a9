"""How a Tenant's webhook host or page is reached from outside: by an Ingress or by an HTTPRoute."""

from typing import Annotated

from pydantic import Field

from askproai_operator.api import base


class ParentRef(base.Part):
    name: base.ForeignName
    """Name of the Gateway."""
    namespace: base.Label | None = None
    """Namespace of the Gateway. Absent: this one."""
    section_name: base.ForeignName | None = None
    """Name of the listener. Absent: all of them."""


class Gateway(base.Part):
    parent_refs: Annotated[tuple[ParentRef, ...], base.bounded_list(8, min_items=1)]
    """Gateways that the HTTPRoute attaches to."""


class Ingress(base.Part):
    class_name: base.ForeignName | None = None
    """Name of the IngressClass. Absent: the cluster's default."""
    annotations: Annotated[dict[str, Annotated[str, Field(max_length=1000)]], Field(max_length=50)] | None = None
    """Annotations of the Ingress; only those of the operator's ASKPROAI_INGRESS_ANNOTATIONS, the others are left out."""
    tls_secret_name: base.ForeignName | None = None
    """Secret with the certificate. Absent: no TLS section."""


class Exposure(base.Part):
    model_config = base.with_rules(
        base.rule("!(has(self.gateway) && has(self.ingress))", "exposure is by gateway or by ingress, not by both"),
        base.rule(
            "has(self.host) || !(has(self.gateway) || has(self.ingress))",
            "exposure.gateway and exposure.ingress need exposure.host: they route a host of this tenant's own",
        ),
    )

    host: base.Host | None = None
    """This tenant's own host name. Absent: the operator's shared host and the path /<namespace>/<tenant>."""
    path_prefix: Annotated[str, base.matching("^(/[A-Za-z0-9._~-]+)+$", 200, "not a path, such as /voice")] | None = (
        None
    )
    """Path under which the runtime is served on that host, such as /voice. Absent: none."""
    base_url: base.BaseUrl | None = None
    """The URL for senders, if it differs from host and path (tunnels, proxies)."""
    gateway: Gateway | None = None
    """Exposure by an HTTPRoute, where the cluster has the Gateway API."""
    ingress: Ingress | None = None
    """Exposure by an Ingress."""
