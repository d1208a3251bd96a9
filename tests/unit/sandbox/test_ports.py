"""Ports of this machine."""

import socket

from askproai_sandbox.cluster import free_port, port_is_free


def test_no_port_is_returned_twice() -> None:
    """Several parts choose their ports before the first of them listens."""
    ports = [free_port() for _ in range(300)]
    assert len(set(ports)) == 300


def test_a_port_held_at_all_addresses_is_free_at_none() -> None:
    """On a developer's machine another program may hold 0.0.0.0:8080, while a pod needs 127.64.1.2:8080."""
    with socket.socket() as holder:
        holder.bind(("0.0.0.0", 0))
        port = holder.getsockname()[1]
        holder.listen()
        assert not port_is_free(port, "127.64.1.2")
        assert not port_is_free(port)
    assert port_is_free(port, "127.64.1.2")
