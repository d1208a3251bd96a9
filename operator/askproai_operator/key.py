"""The name of one object. A leaf of the import tree: `api` gives keys and `engine` queues them."""

from typing import NamedTuple


class Key(NamedTuple):
    """Names one object in the queue. `kind` is the CamelCase kind, such as `RetellAgent`."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"
