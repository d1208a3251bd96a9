"""The operator finds its Redis in a variable or a mounted file, or has none."""

from pathlib import Path

import pytest

from askproai_core.clock import SystemClock
from askproai_operator.redis_users import RedisAdmin
from askproai_operator.settings import Settings


def test_redis_is_optional_and_from_variable_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    assert Settings().redis_url() is None
    file = tmp_path / "REDIS_ADMIN_URL"
    monkeypatch.setenv("ASKPROAI_REDIS_ADMIN_URL_FILE", str(file))
    assert Settings().redis_url() is None, "an optional key of the Secret that is not there"
    file.write_text("redis://a:b@c:6379/0\n", encoding="utf-8")
    assert Settings().redis_url() == "redis://a:b@c:6379/0"
    monkeypatch.setenv("ASKPROAI_REDIS_ADMIN_URL", "redis://d")
    assert Settings().redis_url() == "redis://d"
    assert "redis://d" not in repr(Settings())


def test_database_unusable_by_tenants_is_refused_at_once():
    with pytest.raises(ValueError, match="database 0"):
        RedisAdmin("redis://admin:geheim@127.0.0.1/3", SystemClock())


def test_two_routes_of_shared_host_are_refused_immediately():
    with pytest.raises(ValueError, match="set one of them"):
        Settings(shared_ingress_class="nginx", shared_gateway="infra/public")


def test_lease_times_allowing_two_leaders_are_refused():
    with pytest.raises(ValueError, match="ASKPROAI_LEASE_SECONDS must be greater"):
        Settings(lease_renew_seconds=12)
    with pytest.raises(ValueError, match="ASKPROAI_LEASE_RETRY_SECONDS"):
        Settings(lease_retry_seconds=5)
    Settings(lease_seconds=15, lease_renew_seconds=10, lease_retry_seconds=2)
