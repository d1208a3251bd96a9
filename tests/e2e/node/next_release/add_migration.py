"""Add a migration behind the newest of the installed package: a column, as releases add them."""

from importlib import resources
from pathlib import Path

from askproai_core.database.migrate import shipped_migrations

folder = Path(str(resources.files("askproai_core.database") / "migrations"))
stem = f"{shipped_migrations()[-1].version + 1:04}_next_release"
(folder / f"{stem}.up.sql").write_text("ALTER TABLE appointments ADD COLUMN next_release text;\n")
(folder / f"{stem}.down.sql").write_text("ALTER TABLE appointments DROP COLUMN next_release;\n")
