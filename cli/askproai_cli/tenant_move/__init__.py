"""Moves one tenant to another cluster and database, by a file (docs/how-to/keys.md)."""

from askproai_cli.tenant_move.archive import UnreadableFile
from askproai_cli.tenant_move.export import Exported, MoveRefused, Source, export_tenant
from askproai_cli.tenant_move.importing import Destination, Imported, import_tenant

__all__ = [
    "Destination", "Exported", "Imported", "MoveRefused", "Source", "UnreadableFile", "export_tenant", "import_tenant",
]  # fmt: skip
