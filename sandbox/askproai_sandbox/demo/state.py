"""`.demo/state.json`: where everything of a running demo is (contract §6)."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

DIRECTORY = Path(".demo")


class StateError(RuntimeError):
    """There is no demo to talk to; the message says how to start one."""


@dataclass(slots=True)
class State:
    """The addresses, credentials and process ids of a running demo. The names of the fields are public."""

    kubeconfig: str
    retellUrl: str  # noqa: N815 (contract §6)
    calcomUrl: str  # noqa: N815
    postgresDsn: str  # noqa: N815
    redisUrl: str  # noqa: N815 (the administrator's)
    runtimeUrls: dict[str, str] = field(default_factory=dict)  # noqa: N815
    podUrls: dict[str, list[str]] = field(default_factory=dict)  # noqa: N815
    adminUrls: dict[str, str] = field(default_factory=dict)  # noqa: N815
    adminTokens: dict[str, str] = field(default_factory=dict)  # noqa: N815
    pids: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"


def state_file(directory: Path = DIRECTORY) -> Path:
    return directory / "state.json"


def read_state(directory: Path = DIRECTORY) -> State:
    """Read the state of the demo that runs. Raises StateError when none does."""
    try:
        return State(**json.loads(state_file(directory).read_text()))
    except FileNotFoundError:
        raise StateError("no demo is running here: start one with `make demo KEEP=1`") from None
