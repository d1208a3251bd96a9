"""The calls in the answers of the private API."""

from typing import Any

from tests.worlds.tenant_pod import ADMIN_TOKEN, TenantPod


async def get(pod: TenantPod, path: str, **params: Any) -> Any:
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with pod.session.get(f"{pod.private_url}/api/v1/{path}", params=params, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()
