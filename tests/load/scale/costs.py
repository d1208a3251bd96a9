"""What the time of an instrumented operator went to: `python -m tests.load.scale.costs FOLDER`, that of a run with --profile.

Prints, for each trace, what reconciles waited for, by kind and layer, and for each profile the functions with the most CPU time.
"""

import argparse
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from rich.console import Console

_LONGEST = 25


def layer(line: dict[str, Any]) -> str:
    """Return what a line of the trace waited for."""
    if line["what"] != "HTTP":
        return f"{line['what']}.{line['method']}"
    path = urlsplit(line["url"]).path
    if "/proof/" in path:
        return "the proof of a public URL"
    if not path.startswith(("/api/", "/apis/")):
        return f"provider or pod: {line['method']} /{path.split('/')[1]}"
    return f"API server: {line['method']}"


def sum_up(lines: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Return milliseconds by kind of the key, then by layer; `reconcile` is the whole, `count` how often."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for line in lines:
        if not line["key"]:
            continue
        kind, name = line["key"].split(" ")[0], layer(line)
        if name == "ReconcileLoop.process":
            found[kind]["reconcile"] += line["ms"]
            found[kind]["count"] += 1
        else:
            found[kind][name] += line["ms"]
    return found


def callers(lines: list[dict[str, Any]]) -> Counter[str]:
    """Return how many requests each place of the operator has made."""
    http = [line for line in lines if line["what"] == "HTTP" and line["key"]]
    return Counter(f"{layer(line)} by {' < '.join(line['by'][:2])}" for line in http)


def main() -> None:
    out = Console(width=160, highlight=False, markup=False, soft_wrap=True).print
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder: Path = parser.parse_args().folder
    for file in sorted(folder.glob("trace*.jsonl")):
        lines = [json.loads(line) for line in file.read_text().splitlines()]
        out(f"\n== {file.name}: {len(lines)} entries")
        for kind, spent in sorted(sum_up(lines).items(), key=lambda item: -item[1]["reconcile"]):
            count, whole = spent.pop("count", 0) or 1, spent.pop("reconcile", 0)
            out(f"{kind}: {count} reconciles, {whole / 1000:.1f} s, {whole / count:.0f} ms each")
            spent["elsewhere: its own CPU, the turn of the event loop, a provider's budget"] = whole - spent.total()
            for name, ms in spent.most_common(12):
                out(f"    {ms / count:8.1f} ms each  {name}")
        for name, count in callers(lines).most_common(_LONGEST):
            out(f"{count:7}  {name}")
    for file in sorted(folder.glob("profile*.json")):
        found = json.loads(file.read_text())
        out(f"\n== {file.name}: {found['samples']} samples of 5 ms of CPU")
        for title, names in (("functions, with what they call", found["total"]), ("lines that ran", found["own"])):
            out(f"{title}:")
            for name, count in names[: 3 * _LONGEST if title.startswith("f") else _LONGEST]:
                out(f"    {100 * count / max(found['samples'], 1):5.1f} %  {name}")


if __name__ == "__main__":
    main()
