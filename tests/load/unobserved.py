"""The processes of a pod without metrics: `python -m tests.load.unobserved web`. No setting of the product switches them off."""

from inspect import isfunction
from typing import Any

from askproai_runtime.main import app
from askproai_runtime.metrics import Metrics


def _nothing(*_arguments: Any, **_named: Any) -> None:
    """Take the place of a method that counts."""


def main() -> None:
    for name, method in list(vars(Metrics).items()):
        if isfunction(method) and not name.startswith("_"):
            assert method.__annotations__["return"] is None, f"{name} answers something: keep it"
            setattr(Metrics, name, _nothing)
    app()


if __name__ == "__main__":
    main()
