#!/usr/bin/env python3
"""Draw the picture of docs/architecture.md from the imports, or (--check) report that it is not current.

`make generate` writes it, `make check` compares it. It is a Mermaid graph of packages: an arrow means "imports", also through a
single module. Arrows that follow from others (a imports b, b imports c, a imports c) are left out.
"""

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/architecture.md"
BEGIN, END = "<!-- picture: drawn by hack/architecture.py -->\n", "<!-- /picture -->"
PLANES = {
    "cli": "cli/askproai_cli",
    "sandbox": "sandbox/askproai_sandbox",
    "operator": "operator/askproai_operator",
    "runtime": "runtime/askproai_runtime",
    "core": "core/askproai_core",
}
WHOLE = {"cli", "sandbox"}  # one node each, since they import everything


def node_of(module: str) -> str | None:
    """Return the graph's node for a dotted module name, such as `runtime.book`; None for modules that are not ours."""
    top, _, rest = module.partition(".")
    plane = top.removeprefix("askproai_")
    if plane == top or plane not in PLANES:
        return None
    part = rest.partition(".")[0]
    return plane if plane in WHOLE or not part else f"{plane}.{part}"


def imports() -> dict[str, set[str]]:
    """Return for each node the nodes that it imports. Nodes are packages, single modules, or whole planes."""
    arrows: dict[str, set[str]] = defaultdict(set)
    for plane, folder in PLANES.items():
        for file in (ROOT / folder).rglob("*.py"):
            part = file.relative_to(ROOT / folder).with_suffix("").parts[0]
            source = plane if plane in WHOLE or part == "__init__" else f"{plane}.{part}"
            arrows[source] |= {target for name in _imported(file) if (target := node_of(name))} - {source, plane}
    return {source: targets for source, targets in arrows.items() if source in WHOLE or "." in source}


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        match node:
            case ast.Import(names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(str(module), names):
                yield from (f"{module}.{alias.name}" for alias in names)


def reachable(arrows: dict[str, set[str]], start: str, ends: Collection[str] = ()) -> set[str]:
    """Return the nodes that can be reached from `start` by `arrows`. Nodes in `ends` are included, but not followed further."""
    seen: set[str] = set()
    waiting = list(arrows[start])
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            waiting += () if node in ends else arrows[node]
    return seen


def between_packages(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows between packages. A single module is replaced by the nodes that it imports."""
    folders = {node for node in arrows if (ROOT / PLANES[node.partition(".")[0]] / node.partition(".")[2]).is_dir()}
    return {node: reachable(arrows, node, folders) & folders - {node} for node in folders}


def without_implied(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the arrows without each arrow that follows from others (a to c, if a to b and b to c exist)."""
    behind = {node: reachable(arrows, node) for node in arrows}
    return {
        source: {target for target in targets if not any(target in behind[via] for via in targets - {target})}
        for source, targets in arrows.items()
    }


def picture() -> str:
    """Return the Mermaid graph of packages for docs/architecture.md, as text."""
    arrows = between_packages(imports())
    lines = ["```mermaid", "flowchart TD"]
    for plane in PLANES:
        nodes = sorted(node for node in arrows if node.partition(".")[0] == plane)
        if plane in WHOLE:
            lines.append(f"  {plane}")
            continue
        lines.append(f"  subgraph {plane}")
        lines += [f"    {node}[{node.partition('.')[2]}]" for node in nodes]
        lines.append("  end")
    for source, targets in sorted(without_implied(arrows).items()):
        lines += [f"  {source} --> {target}" for target in sorted(targets)]
    return "\n".join([*lines, "```"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the picture is not current")
    check = parser.parse_args().check
    page = PAGE.read_text("utf-8")
    current = page[: page.index(BEGIN)] + BEGIN + picture() + page[page.index(END) :]
    if current == page:
        return 0
    print(f"{'not current, run make generate' if check else 'written'}: docs/architecture.md")
    if not check:
        PAGE.write_text(current, "utf-8")
    return int(check)


if __name__ == "__main__":
    sys.exit(main())
