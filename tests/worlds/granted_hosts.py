"""Hosts that are granted to tenants."""

import uuid


def new_host() -> str:
    return f"h{uuid.uuid4().hex[:8]}.example"
