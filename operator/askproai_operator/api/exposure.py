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
