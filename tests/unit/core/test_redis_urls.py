"""The servers that a REDIS_URL names, and the tenants that get ACL rules."""

from datetime import timedelta
from typing import Any

import pytest
from redis.asyncio.connection import SSLConnection
from redis.asyncio.sentinel import SentinelConnectionPool, SentinelManagedSSLConnection

from askproai_core.redis import connect
from askproai_operator.redis_acl import acl_rules

WAIT = timedelta(milliseconds=100)


def pool_of(url: str, **more: Any) -> Any:
    return connect(url, WAIT, **more).connection_pool


def test_plain_server_is_queried_once_with_short_waits() -> None:
    kwargs = pool_of("redis://u:p%40ss@redis.example:6380/0").connection_kwargs
    assert (kwargs["host"], kwargs["port"]) == ("redis.example", 6380)
    assert (kwargs["username"], kwargs["password"]) == ("u", "p@ss")
    assert (kwargs["socket_timeout"], kwargs["socket_connect_timeout"]) == (0.1, 0.1)
    assert kwargs["retry"].get_retries() == 0


@pytest.mark.parametrize("scheme", ["redis", "rediss"])
def test_sentinels_are_asked_without_the_redis_password(scheme: str) -> None:
    pool = pool_of(f"{scheme}+sentinel://u:p%40ss@h1:26380,h2/mymaster")
    assert isinstance(pool, SentinelConnectionPool)
    assert pool.service_name == "mymaster"
    sentinels = [node.connection_pool for node in pool.sentinel_manager.sentinels]
    connections = [node.connection_kwargs for node in sentinels]
    assert [(kwargs["host"], kwargs["port"], kwargs.get("password")) for kwargs in connections] == [
        ("h1", 26380, None),
        ("h2", 26379, None),
    ]
    assert (pool.connection_kwargs["username"], pool.connection_kwargs["password"]) == ("u", "p@ss")
    assert all(kwargs["socket_timeout"] == 0.1 and kwargs["retry"].get_retries() == 0 for kwargs in connections)
    tls = [issubclass(node.connection_class, SSLConnection) for node in sentinels]
    assert (*tls, pool.connection_class is SentinelManagedSSLConnection) == (scheme == "rediss",) * 3


def test_redis_ca_file_is_trusted_if_it_exists(tmp_path) -> None:
    file = tmp_path / "CA_FILE"
    assert "ssl_ca_certs" not in pool_of("rediss://h", ca_file=file).connection_kwargs
    file.write_text("a certificate")
    assert pool_of("rediss://h", ca_file=file).connection_kwargs["ssl_ca_certs"] == str(file)
    assert "ssl_ca_certs" not in pool_of("redis://h", ca_file=file).connection_kwargs


@pytest.mark.parametrize(
    "url", ["", "nonsense", "http://h", "redis+sentinel://h", "redis+sentinel:///x", "redis://h:port"]
)
def test_invalid_redis_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        connect(url, WAIT)


@pytest.mark.parametrize("tenant", ["", "*", "a*", "a:b", "_", "a b", "A.b", "a.b\n", "a.?", "a[b]", ".a"])
def test_tenant_name_with_wildcards_gets_no_rule(tenant: str) -> None:
    with pytest.raises(ValueError):
        acl_rules(tenant, "0" * 64)


def test_redis_user_rules_first_revoke_all_rights() -> None:
    rules = acl_rules("salon.mueller", "0" * 64)
    assert rules[0] == "reset"
    assert "-@all" in rules
    assert [rule for rule in rules if rule.startswith(("~", "%", "&"))] == [
        "~askproai:salon.mueller:*", "%R~askproai:_:*", "&askproai:salon.mueller:*",
    ]  # fmt: skip
