"""Alembic, run from the package itself: no configuration file, an open connection instead.

Comes in: a connection. Goes out: a database at `HEAD`.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def config(connection: Connection) -> Config:
    """Alembic's view of this folder, working on `connection`."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent))
    made.attributes["connection"] = connection
    return made


def upgrade(connection: Connection) -> None:
    """Run the steps that the database has not seen."""
    with connection.begin():
        command.upgrade(config(connection), "head")
