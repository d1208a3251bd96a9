"""Numbers and what they are held to. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


def due_times(rate: float, seconds: float) -> list[float]:
    """Give when each request is due, in seconds from the start: a schedule that no slow answer moves."""
    return [n / rate for n in range(math.floor(rate * seconds + 1e-9))]


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the nearest-rank percentile: a value that really occurred, never an interpolated one."""
    if not values:
        raise ValueError("nothing was measured")
    if not 0 < percent <= 100:
        raise ValueError(f"a percentile lies in (0, 100], not {percent}")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number. Only rows with `bar` (value < bar, or == 0 where it is 0) decide about the exit code."""

    name: str
    value: float
    unit: str = "ms"
    design: str = ""  # the number of design §6 that a later issue makes the bar
    bar: float | None = None

    @property
    def ok(self) -> bool | None:
        """Tell whether the bar is held; None where there is none yet."""
        if self.bar is None:
            return None
        return self.value < self.bar or self.value == self.bar == 0

    @property
    def shown(self) -> str:
        digits = 0 if self.unit in ("", "/s") or self.value >= 1000 else 2 if self.value < 10 else 1
        return f"{self.value:,.{digits}f} {self.unit}".rstrip()

    @property
    def held_to(self) -> str:
        if self.bar is None:
            return self.design
        return "0" if self.bar == 0 else f"< {self.bar:g} {self.unit}"

    def as_json(self) -> dict[str, Any]:
        found = {"name": self.name, "value": round(self.value, 4), "unit": self.unit, "bar": self.bar}
        return found | {"design": self.design or None, "ok": self.ok}


def latency_rows(name: str, seconds: Sequence[float], *percents: float, design: str = "") -> list[Row]:
    """Give a row for each percentile of latencies in seconds; `design` is said of the last."""
    last = percents[-1]
    return [Row(f"{name}, p{p:g}", percentile(seconds, p) * 1000, design=design * (p == last)) for p in percents]
