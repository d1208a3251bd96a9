"""`askproai demo`, `askproai call` and `askproai play`: commands that need the simulators, `askproai_sandbox`.

They import it inside the function, because the production image ships no simulators: there the other commands work, and these
end with exit code 2 and name what they need.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from askproai_cli.demo_state import require_demo, require_simulators
from askproai_cli.output import Output, OutputOption, print_json

_PROMPT = "said     "  # before what is typed, as before what --say says
_SHOWN_LIVE = {"heard", "tool", "note"}  # events are under way while the call is
_WITHHELD = "anonymous"  # what Retell sends for a caller who withholds the number


@contextmanager
def simulators(command: str) -> Iterator[None]:
    """Import the simulators inside this context: without them the command ends with exit code 2."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "askproai_sandbox":
            raise
        typer.echo(
            f"`askproai {command}` needs the simulators, which this installation lacks: run it in a checkout", err=True
        )
        raise typer.Exit(2) from None


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
    """Show the whole path on this machine: from a manifest to a booked appointment."""
    import asyncio

    from rich.console import Console

    with simulators("demo"):
        from askproai_sandbox.cluster import ProcessError, ProgramError
        from askproai_sandbox.demo import ScenarioError, end_demo, remove_demo, run_demo

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


def parse_number(text: str) -> str:
    """Return a number in E.164, in the spellings that manifests accept."""
    from askproai_core.phone_numbers import DEFAULT_REGION, InvalidNumber, to_e164

    try:
        return to_e164(text, DEFAULT_REGION)
    except InvalidNumber as error:
        raise typer.BadParameter(str(error)) from None


def _parse_caller(text: str) -> str:
    return text if text == _WITHHELD else parse_number(text)


def _parse_tool_call(function: str | None, arguments: list[str], say: list[str]) -> list[dict[str, Any]] | None:
    """Return the function call that replaces the demo's agent, None without `--function`."""
    if function is not None and say:
        raise typer.BadParameter("give either sentences, --say, or one function, --function NAME key=value …")
    if function is None:
        if arguments:
            raise typer.BadParameter(f"{arguments[0]!r} is an argument of a function: name it with --function")
        return None
    if wrong := [argument for argument in arguments if "=" not in argument]:
        raise typer.BadParameter(f"an argument of a function is key=value, not {wrong[0]!r}")
    return [{"name": function, "args": dict(argument.split("=", 1) for argument in arguments)}]


def call(
    to: Annotated[
        str,
        typer.Option(
            parser=parse_number, metavar="NUMBER", help="The number to call, such as +49301234567 or 030 1234567."
        ),
    ],
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="KEY=VALUE", help="The arguments of --function.")
    ] = None,
    say: Annotated[list[str] | None, typer.Option(help="What the caller says; once for each turn.")] = None,
    function: Annotated[
        str | None, typer.Option(help="Call this function of the agent directly, without the demo's agent.")
    ] = None,
    caller: Annotated[
        str,
        typer.Option(
            "--from",
            parser=_parse_caller,
            metavar="NUMBER",
            help=f"The caller's number, or {_WITHHELD} if it is withheld.",
        ),
    ] = "+4915112345678",
    output: OutputOption = Output.TEXT,
) -> None:
    """Play a simulated, signed call against the running demo. What its agent understands: docs/demo-agent.md.

    Without --say and --function it is held on the terminal: type what the caller says, line by line; Ctrl-D hangs up.
    """
    tool_calls = _parse_tool_call(function, arguments or [], say or [])
    if not say and function is None:
        if output is Output.JSON:
            raise typer.BadParameter("-o json needs the sentences, --say, or a function, --function NAME key=value …")
        _hold_call(to, caller)
        return
    with simulators("call"):
        import asyncio

        import aiohttp

        from askproai_sandbox.caller import play_call

    retell = require_simulators().retell
    try:
        record = asyncio.run(play_call(retell, to, say or (), from_number=caller, args=tool_calls))
    except ValueError as error:  # the simulator's sentence
        _fail(f"the call failed: {error}")
    except (aiohttp.ClientError, TimeoutError):
        _fail(f"the call failed: the simulated Retell at {retell} does not answer; start `askproai demo --keep` again")
    if output is Output.JSON:
        print_json(record.to_json())
    elif function is not None and not record.errors:
        print(*(json.dumps(answer, ensure_ascii=False, indent=2) for answer in record.answers(function)), sep="\n")
        print(*(step.to_text() for step in record.steps if step.kind == "note"), sep="\n", file=sys.stderr, end="")
    else:
        for step in record.steps:
            print(step.to_text())
        print(record.call_id)  # for `askproai timeline`
    if record.errors:
        raise typer.Exit(1)


def _hold_call(to: str, caller: str) -> None:
    """Hold a call on the terminal, or with the lines of a pipe, and print its steps as they happen."""
    with simulators("call"):
        import asyncio

        import aiohttp

        from askproai_sandbox.caller import HeldCall

    retell = require_simulators().retell
    is_typed = sys.stdin.isatty()
    if is_typed:
        import readline  # noqa: F401 - `input` edits the line with it
    with asyncio.Runner() as runner:  # it does not run while `input` waits, so Ctrl-C hangs up at once
        try:
            held, steps = runner.run(HeldCall.begin(retell, to, from_number=caller))
            while True:
                for step in steps:
                    if step.kind in _SHOWN_LIVE or (step.kind == "said" and not is_typed):
                        print(step.to_text(), flush=True)
                if held.record is not None or (text := _read_sentence(is_typed)) is None:
                    break
                steps = runner.run(held.say(text))
            record = runner.run(held.hang_up())
        except ValueError as error:  # the simulator's sentence
            _fail(f"the call failed: {error}")
        except (aiohttp.ClientError, TimeoutError):
            _fail(
                f"the call failed: the simulated Retell at {retell} does not answer; start `askproai demo --keep` again"
            )
    print(*(f"{step.kind:8} {step.error}" for step in record.steps if step.error), sep="\n", end="")
    print(record.call_id)  # for `askproai timeline`
    if record.errors:
        raise typer.Exit(1)


def _read_sentence(is_typed: bool) -> str | None:
    """Return the next line that is not empty; None at the end of the input, and for Ctrl-C."""
    try:
        while not (text := input(_PROMPT if is_typed else "").strip()):
            pass
    except (EOFError, KeyboardInterrupt):
        print(end="\n" if is_typed else "")
        return None
    return text


def play(
    paths: Annotated[list[Path], typer.Argument(help="Call scripts, or folders of them.", metavar="PATH...")],
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only titles and differences.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Play call scripts against the running demo: what callers must hear, and which books and mails they must leave.

    What the demo cannot play, such as calls of a tenant that it lacks, is named and counted, and the others are played. The exit
    code is 1 if a script differs or was not played.
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
        _fail(str(error))
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
    """Print the result of `play`, and end with exit code 1 if it is not what the scripts say."""
    failed = sum(bool(result["differences"]) for result in played)
    if output is Output.TEXT:
        missed = f", {len(not_played)} not played" if not_played else ""
        typer.echo(f"{len(played)} played, {failed} differ{missed}")
    else:
        print_json({"played": played, "notPlayed": not_played})
    if failed or not_played:
        raise typer.Exit(1)


def _fail(message: str) -> NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
