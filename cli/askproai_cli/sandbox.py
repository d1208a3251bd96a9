"""`askproai sandbox`: run one simulator by itself, switch on faults of the demo's simulators, and read the demo's mails."""

import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from askproai_cli.call_command import parse_number
from askproai_cli.demo import simulators
from askproai_cli.demo_state import require_demo, require_simulators
from askproai_cli.output import Output, OutputOption, fail, print_json, print_rows, to_cell

sandbox = typer.Typer(
    no_args_is_help=True,
    help="The simulated Retell and Cal.com, and the mails of the demo.",
    epilog="Example: `askproai sandbox faults calcom down --count 0`",
)
PortOption = Annotated[int, typer.Option(help="Port on loopback.")]
_MAX_ANSWER_BYTES = 1024 * 1024
_COLUMNS = {"provider": "provider", "fault": "fault", "does": "what it does", "active": "active"}

_MAX_MAILS_BYTES = 64 * 1024 * 1024
_MAIL_COLUMNS = {"number": "number", "received": "received", "to": "to", "subject": "subject", "file": "calendar file"}


class Simulated(StrEnum):
    """The providers that are simulated."""

    RETELL = "retell"
    CALCOM = "calcom"


@sandbox.command(epilog="Example: `askproai sandbox retell --port 9001`")
def retell(port: PortOption = 9001) -> None:
    """Run the simulated Retell on its own."""
    _run(Simulated.RETELL, port)


@sandbox.command(epilog="Example: `askproai sandbox calcom --port 9002`")
def calcom(port: PortOption = 9002) -> None:
    """Run the simulated Cal.com on its own."""
    _run(Simulated.CALCOM, port)


@sandbox.command(
    epilog='Example: `askproai sandbox number "0511 7654300" --key key_demo_zahn`, and `--remove` takes it back'
)
def number(
    to_import: Annotated[str, typer.Argument(parser=parse_number, metavar="NUMBER", help="The number of a business.")],
    key: Annotated[
        str | None, typer.Option(help="The business's key at the simulated Retell; made if it does not exist.")
    ] = None,
    move: Annotated[bool, typer.Option("--move", help="Take the number from the key that has it.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the number, from KEY or from its holder.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """Import a number at the simulated Retell, as the owner of a business does before its first manifest; or remove it."""
    if key is None and not remove:
        raise typer.BadParameter("name the business's key", param_hint="--key")
    if move and remove:
        raise typer.BadParameter("--move imports the number with another key, --remove with none: choose one of them")
    with simulators("sandbox"):
        import asyncio

        import aiohttp

        from askproai_sandbox.example_tenant import NumberError, assign_number, release_number

    retell = require_simulators().retell
    try:
        if key and not remove:
            asyncio.run(assign_number(retell, key, to_import, move=move))
        else:
            asyncio.run(release_number(retell, key, to_import))
    except NumberError as error:
        fail(str(error))
    except aiohttp.ClientResponseError as error:
        fail(f"the simulated Retell {_explain_refusal(error.status)}")
    except aiohttp.ClientError as error:
        fail(f"the simulated Retell does not answer; start `askproai demo --keep` again ({error})")
    at = f"with the key {key}" if key else "with any key"
    text = f"{to_import} is no longer at the simulated Retell" if remove else f"{to_import} is at the simulated Retell"
    print_json({"number": to_import, "key": None if remove else key}) if output is Output.JSON else typer.echo(
        f"{text}, {at}"
    )


def _explain_refusal(status: int) -> str:
    from http import HTTPStatus

    if status in {HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY}:
        return f"refused it ({status}): a key begins with key_"
    return f"failed ({status}): a fault may be on, which `askproai sandbox faults` lists and `--clear` ends"


@sandbox.command(
    epilog="Example: `askproai sandbox faults retell rate-limited --count 3`, then `askproai sandbox faults --clear`"
)
def faults(
    provider: Annotated[
        Simulated | None, typer.Argument(help="retell or calcom. Default: both.", metavar="PROVIDER")
    ] = None,
    fault: Annotated[str | None, typer.Argument(help="The fault to switch on, as listed.", metavar="FAULT")] = None,
    operation: Annotated[
        str, typer.Option(help="Only for requests of this operation, as in the simulator's journal.")
    ] = "*",
    count: Annotated[int, typer.Option(min=0, help="For how many requests; 0: until --clear.")] = 1,
    seconds: Annotated[float | None, typer.Option(help="For timeout-after-commit and lagging-list.")] = None,
    ms: Annotated[float, typer.Option(help="For slow: the delay of each answer, in milliseconds.")] = 0,
    requests: Annotated[int, typer.Option(help="For lagging-list: how many list requests omit new objects.")] = 0,
    clear: Annotated[bool, typer.Option("--clear", help="Switch all faults off.")] = False,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the faults of the running demo's providers, or switch a fault on."""
    if fault is not None and (provider is None or clear):
        raise typer.BadParameter("name the provider before the fault; --clear takes no fault")
    import asyncio

    import aiohttp

    from askproai_core.http_answers import client_session, read_answer

    simulated = require_simulators()
    urls = {Simulated.RETELL: simulated.retell, Simulated.CALCOM: simulated.calcom}
    body: dict[str, Any] = {"fault": fault, "operation": operation, "count": count or None, "seconds": seconds}
    body |= {"ms": ms, "requests": requests}

    async def act() -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        async with client_session() as session:
            for name in [provider] if provider else list(Simulated):
                url = f"{urls[name]}/_sim/faults"
                if clear:
                    await session.delete(url)
                if fault:
                    async with session.get(url) as answer:
                        known = json.loads(await read_answer(answer, _MAX_ANSWER_BYTES))["kinds"]
                    if fault not in known:
                        raise typer.BadParameter(f"{name} has no fault {fault}; it has: {', '.join(known)}")
                    async with session.post(url, json=body) as answer:
                        if answer.status != 200:  # noqa: PLR2004
                            raise ValueError(json.loads(await read_answer(answer, _MAX_ANSWER_BYTES))["error"])
                async with session.get(url) as answer:
                    rows += _rows(name, json.loads(await read_answer(answer, _MAX_ANSWER_BYTES)))
        return rows

    try:
        rows = asyncio.run(act())
    except aiohttp.ClientConnectionError as error:
        fail(f"the simulators do not answer; start `askproai demo --keep` again ({error})")
    except (ValueError, aiohttp.ClientError) as error:
        fail(f"the faults cannot be changed: {error}")
    print_rows(output, {"faults": rows}, rows, _COLUMNS)


def _rows(provider: Simulated, answer: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row for each kind of fault of a simulator, with the operations for which it is active now."""

    def active(kind: str) -> str:
        counts = [(f["operation"], f["count"]) for f in answer["active"] if f["fault"] == kind]
        return ", ".join(f"{of}: {'until --clear' if n is None else f'{n} more'}" for of, n in counts)

    return [
        {"provider": str(provider), "fault": kind, "does": text, "active": active(kind)}
        for kind, text in answer["kinds"].items()
    ]


def _run(provider: Simulated, port: int) -> None:
    with simulators("sandbox"):
        import askproai_sandbox  # noqa: F401 - only to learn whether it is installed

    import runpy

    sys.argv = [provider, "--port", str(port)]
    runpy.run_module(f"askproai_sandbox.{provider}", run_name="__main__")


@sandbox.command(epilog="Example: `askproai sandbox mails`, then `askproai sandbox mails 1`")
def mails(
    number: Annotated[int | None, typer.Argument(min=1, help="As listed: show this mail.", metavar="NUMBER")] = None,
    to: Annotated[str | None, typer.Option(help="Only mails to this address.", metavar="ADDRESS")] = None,
    output: OutputOption = Output.TEXT,
) -> None:
    """List the mails that the running demo's tenants have sent, newest first, or show one. The demo delivers none of them."""
    if number is not None and to is not None:
        raise typer.BadParameter("name a NUMBER or --to, not both")
    import asyncio

    state = require_demo()
    url, port = state.get("mailsUrl"), state.get("smtpPort")
    if not url:
        fail("the running demo is older than this command and keeps no mails; start `askproai demo --keep` again")
    found = [each for each in asyncio.run(_fetch_mails(url)) if to is None or to in each["to"]]
    if number is not None:
        _show_mail(next((each for each in found if each["number"] == number), None), number, url, output)
        return
    rows = [each | {"to": ", ".join(each["to"]), "file": each["method"]} for each in reversed(found)]
    nothing = (
        f"no mails{f' to {to}' if to else ''} yet; a notification is sent within a minute. A Tenant sends its mails here by"
        f" spec.notifications.email: {{host: 127.0.0.1, port: {port}, security: None, sender: …}}"
    )
    print_rows(output, {"mails": found}, rows, _MAIL_COLUMNS, nothing, with_seconds={"received"})


async def _fetch_mails(url: str) -> list[dict[str, Any]]:
    """Return the caught mails, the oldest first. If nothing answers at `url`, the command ends."""
    import aiohttp

    from askproai_core.http_answers import client_session, read_answer

    try:
        async with client_session(raise_for_status=True) as session, session.get(f"{url}/mails") as answer:
            return list(json.loads(await read_answer(answer, _MAX_MAILS_BYTES))["mails"])
    except aiohttp.ClientError as error:
        fail(f"the mail catcher does not answer; start `askproai demo --keep` again ({error})")


def _show_mail(mail: dict[str, Any] | None, number: int, url: str, output: Output) -> None:
    if mail is None:
        fail(f"there is no mail {number}: `askproai sandbox mails` lists them")
    if output is Output.JSON:
        print_json(mail)
        return
    for name, text in (("From", mail["sender"]), ("To", ", ".join(mail["to"])), ("Subject", mail["subject"])):
        typer.echo(f"{name + ':':9}{to_cell(text)}")
    typer.echo()
    for line in [*mail["text"].splitlines(), *(["", *mail["calendar"].splitlines()] if mail["calendar"] else [])]:
        typer.echo(_indent(line) + to_cell(line))
    typer.echo(f"\nAs HTML: {url}/mails/{number}.html")


def _indent(line: str) -> str:
    """Return the leading spaces of a line: in a calendar file they mark a continuation of the line before (RFC 5545, 3.1)."""
    return line[: len(line) - len(line.lstrip(" "))]
