"""The arithmetic of measurements, the limits that they are held to, and the CPU time of a process."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from askproai_sandbox.cluster import Child


def due_times(rate: float, seconds: float) -> list[float]:
    """Return when each request is due, in seconds from the start: a schedule that no slow answer delays."""
    return [n / rate for n in range(math.floor(rate * seconds + 1e-9))]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile: a measured value, never an interpolated one."""
    if not values or not 0 < percent <= 100:
        raise ValueError(f"no percentile {percent} of {len(values)} values: it lies in (0, 100], of one value at least")
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured number. `wish` is its goal (docs/performance.md); only a `bar` decides about the exit code."""

    name: str
    value: float
    unit: str = "ms"
    wish: str = ""
    bar: float | None = None

    @property
    def ok(self) -> bool | None:
        """Whether the value is below its bar, or zero if the bar is zero; None without a bar."""
        return None if self.bar is None else self.value < self.bar or self.value == self.bar == 0

    @property
    def shown(self) -> str:
        digits = 0 if self.unit in ("", "/s") or self.value >= 1000 else 2 if self.value < 10 else 1
        return f"{self.value:,.{digits}f} {self.unit}".rstrip()


def latency_rows(name: str, seconds: Sequence[float], *percents: float, wish: str = "") -> list[Row]:
    """Return a row for each percentile of latencies in seconds; `wish` belongs to the last."""
    rows = [Row(f"{name}, p{p:g}", percentile(seconds, p) * 1000) for p in percents]
    return [*rows[:-1], Row(rows[-1].name, rows[-1].value, wish=wish)]


def cpu_seconds(process: Child) -> float:
    """Return the CPU time that a process has used, of the user and of the system."""
    fields = Path(f"/proc/{process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
