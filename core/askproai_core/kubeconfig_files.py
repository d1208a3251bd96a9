"""The kubeconfig files that a person or process has named. Imports nothing heavy, because each command uses it at its start."""

import os
from pathlib import Path
from typing import Final

VARIABLE: Final = "KUBECONFIG"


def split_kubeconfig(value: str) -> list[Path]:
    """Return the files that a value of `KUBECONFIG` names, as kubectl splits it."""
    return [Path(name).expanduser() for name in value.split(os.pathsep) if name.strip()]
