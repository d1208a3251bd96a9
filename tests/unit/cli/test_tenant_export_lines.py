"""The output of `askproai tenant export`: people copy its undo command into a shell."""

from pathlib import Path

import pytest
import structlog

from askproai_cli.tenant_command import _warnings_on_standard_error, export_lines
from askproai_cli.tenant_move import Exported


def test_undoing_an_export_is_one_command() -> None:
    exported = Exported("exported:uid-1", {"appointments": 2, "calls": 1}, ["Tenant/salon"], ["Secret/salon-admin"], [])
    lines = list(export_lines(exported, "berlin", "salon", Path("salon.askproai")))
    (command,) = [line.strip() for line in lines if "kubectl" in line]
    assert command == "kubectl annotate tenants.askproai.de salon -n berlin askproai.de/adopt-data=exported:uid-1"
    assert lines[0] == "salon.askproai: 3 rows, Tenant/salon, Secret/salon-admin"


def test_log_lines_below_warnings_are_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    with _warnings_on_standard_error():
        structlog.get_logger("x").info("role.dropped", role="r")
        structlog.get_logger("x").warning("role.kept", role="r")
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "role.dropped" not in shown.err
    assert "role.kept" in shown.err
