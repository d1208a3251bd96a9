"""Commands as a person types them."""

import json
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from askproai_cli.main import app

TENANT = "{apiVersion: askproai.de/v1alpha1, kind: Tenant, metadata: {name: a}}"


def run(*arguments: str, stdin: str | None = None) -> Result:
    """Run a command that is expected to end by itself; any other exception fails the test."""
    result = CliRunner().invoke(app, arguments, input=stdin, env={"COLUMNS": "300"})
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def kubeconfig_of(user: dict[str, Any]) -> str:
    cluster = {"name": "c", "cluster": {"server": "https://127.0.0.1:9"}}
    context = {"name": "prod", "context": {"cluster": "c", "user": "me"}}
    users = [{"name": "me", "user": user}]
    return json.dumps({"current-context": "prod", "clusters": [cluster], "contexts": [context], "users": users})
