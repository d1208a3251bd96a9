"""`askproai demo` and `askproai play`: commands that need the simulators, `askproai_sandbox`.

They import it inside the function, because the production image has no simulators: other commands work there, and these two end
with exit code 2 and name the missing package.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from askproai_cli.demo_state import require_demo
from askproai_cli.output import Output, OutputOption, fail, print_json


@contextmanager
def simulators(command: str) -> Iterator[None]:
    """Let a block import the simulators. If they are not installed, the command ends with exit code 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "askproai_sandbox":
            raise
        fail(f"`askproai {command}` needs the simulators, which this installation lacks: run it in a checkout", 2)


def demo(
    keep: Annotated[
        bool, typer.Option("--keep", help="Leave everything running; .demo/state.json has the addresses.")
    ] = False,
    kill: Annotated[
        bool, typer.Option("--kill", help="Kill the operator and the workers with -9 in the middle.")
    ] = False,
    down: Annotated[bool, typer.Option("--down", help="End a demo that was left running; its data stays.")] = False,
    clean: Annotated[bool, typer.Option("--clean", help="End a demo, and delete all its data.")] = False,
) -> None:
    """Run the demo on this machine: from a manifest to an appointment that a caller has booked."""
    import asyncio

    from rich.console import Console

    with simulators("demo"):
        from askproai_sandbox.cluster import ProcessError
        from askproai_sandbox.demo import ScenarioError, end_demo, remove_demo, run_demo
        from askproai_sandbox.programs import ProgramError

    console = Console(width=None if sys.stdout.isatty() else 132)  # a log or a pipe has no width of its own
    if sum((down, clean, keep or kill)) > 1:
        raise typer.BadParameter("--down and --clean end a demo: they go with no other option")
    if clean:
        asyncio.run(remove_demo())
        console.print("ended, and its data deleted")
        return
    if down:
        console.print("ended" if asyncio.run(end_demo()) else "no demo was running")
        return
    try:
        asyncio.run(run_demo(keep=keep, kill=kill, console=console))
    except (ProcessError, ProgramError, ScenarioError) as error:
        Console(stderr=True).print(f"the demo failed: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def play(
    paths: Annotated[list[Path], typer.Argument(help="Call scripts, or folders of them.", metavar="PATH...")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only titles and differences.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Play call scripts against the running demo, and compare the callers' answers, the books and the mails with the scripts.

    A call that the demo cannot play, such as one of a tenant that it lacks, is named and counted, and the others are played.
    The exit code is 1 if a script differs or was not played.
    """
    with simulators("play"):
        import asyncio

        from askproai_sandbox.call_scripts import Addresses, PodsMissingError, ScriptError, load_script, play_script

    def admin(tenant: str) -> tuple[str, str]:
        state = require_demo()  # pods and tokens change
        if tenant not in state["adminUrls"] or tenant not in state["adminTokens"]:
            if tenant in state.get("runtimeUrls", {}):
                raise PodsMissingError(f"{tenant} has no pod that is ready")
            known = ", ".join(sorted(state.get("runtimeUrls", state["adminUrls"]))) or "none"
            raise ScriptError(f"the demo has no tenant {tenant}. It has: {known}")
        return state["adminUrls"][tenant], state["adminTokens"][tenant]

    state, as_text = require_demo(), output is Output.TEXT
    addresses = Addresses(
        state["retellUrl"], state["calcomUrl"], state.get("mailsUrl", ""), Path(state["kubeconfig"]), admin
    )
    show = (lambda _: None) if quiet or not as_text else typer.echo
    files = [file for path in paths for file in (sorted(path.glob("*.yaml")) if path.is_dir() else [path])]
    if not files:
        raise typer.BadParameter(f"there is no *.yaml in {', '.join(map(str, paths))}")
    try:
        scripts = [(file, load_script(file)) for file in files]
    except ScriptError as error:
        fail(str(error))
    played, not_played = list[dict[str, Any]](), list[dict[str, Any]]()
    for file, script in scripts:
        about = {"file": str(file), "title": script.title}
        if as_text:
            typer.echo(f"{file}: {script.title}")
        try:
            problems = asyncio.run(play_script(script, addresses, show))
        except ScriptError as error:
            typer.echo(f"NOT PLAYED  {error}", err=True)
            not_played.append(about | {"reason": str(error)})
            continue
        typer.echo("".join(f"DIFFERS  {problem}\n" for problem in problems), err=True, nl=False)
        played.append(about | {"differences": problems})
    _report_played(played, not_played, output)


def _report_played(played: Sequence[dict[str, Any]], not_played: Sequence[dict[str, Any]], output: Output) -> None:
    """Print the result of `play`. End with exit code 1 if a script differs or was not played."""
    failed = sum(bool(result["differences"]) for result in played)
    if output is Output.TEXT:
        missed = f", {len(not_played)} not played" if not_played else ""
        typer.echo(f"{len(played)} played, {failed} differ{missed}")
    else:
        print_json({"played": played, "notPlayed": not_played})
    if failed or not_played:
        raise typer.Exit(1)
