"""Alembic runs this file: it puts our tables and the open connection into Alembic's hands."""

from alembic import context

from roomsplat.server.models import Table

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Table.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
