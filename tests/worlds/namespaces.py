"""Objects left in the namespaces of finished tests."""

from askproai_operator import resources
from askproai_sandbox.cluster import ApiError, KubeClient

_NOT_FOUND, _CONFLICT = 404, 409


async def release_deleted_namespaces(client: KubeClient) -> None:
    """Remove the finalizers from all objects in namespaces that are being deleted.

    Their operator has ended. While finalizers remain, the cluster tries to empty each namespace three times a second, with a
    request for each kind: dozens of them take a core from the tests that follow.
    """
    namespaces = (await client.get("/api/v1/namespaces"))["items"]
    deleted = {each["metadata"]["name"] for each in namespaces if each["metadata"].get("deletionTimestamp")}
    if not deleted:
        return
    for resource in (*resources.CUSTOM, resources.SECRETS):
        for item in (await client.get(resource.path()))["items"]:
            metadata = item["metadata"]
            if metadata["namespace"] not in deleted or not metadata.get("finalizers"):
                continue
            try:
                path = resource.path(metadata["namespace"], metadata["name"])
                await client.merge(path, {"metadata": {"finalizers": None}})
            except ApiError as error:
                if error.status not in {_NOT_FOUND, _CONFLICT}:
                    raise
