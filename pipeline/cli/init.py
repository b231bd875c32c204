"""`formpipe init`: a folder to start from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from pipeline.cli.console import out
from pipeline.db import schema
from pipeline.db.connection import open_database
from pipeline.errors import RunError
from pipeline.settings import CONFIG_FILE

_CONFIG = """\
# Settings of formpipe in this folder. Every one can also be set as FORMPIPE_<NAME> in the environment,
# which wins; all of them and their defaults: docs/settings.md.

# Where parameter rows, state and results live.
database_url = "sqlite:///formpipe.db"
# PostgreSQL or SQL Server instead (docs/databases.md):
# database_url = "postgresql://USER@HOST/DATABASE"
# database_password_secret = "NAME"

# The folder whose sub-folders are the containers that parameter rows name.
storage_root = "data"

# Forms in a storage account, secrets in a Key Vault (docs/azure.md):
# storage = "azure-blob"
# key_vault_url = "https://NAME.vault.azure.net"

# Documents are read by so many processes at a time (default: one per core).
# workers = 2
"""


def init(
    folder: Annotated[Path, typer.Argument(help="Where to start; made when missing.")] = Path(),
) -> None:
    """Make formpipe.toml, an empty database and a data folder. Leaves alone what is there."""
    config = folder / CONFIG_FILE
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        if not config.exists():
            config.write_text(_CONFIG)
    except OSError as error:
        raise RunError(f"cannot write into {folder}: {error.strerror}", reason="folder-unwritable") from None
    engine = open_database(f"sqlite:///{folder / 'formpipe.db'}")
    schema.upgrade(engine)
    engine.dispose()
    where = "" if folder == Path() else f"cd {folder}\n  "
    out.print(
        f"Ready in {escape(str(folder.resolve()))}. Next:\n\n"
        f"  {escape(where)}mkdir -p data/forms/invoices/training data/forms/invoices/backlog\n"
        "  # put labelled forms into the first and the forms to score into the second\n"
        "  formpipe params add invoices --container forms --training invoices/training "
        "--backlog invoices/backlog\n"
        "  formpipe doctor invoices\n"
        "  formpipe run"
    )
