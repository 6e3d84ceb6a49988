"""Runs migrations on the connection that `pollux.store.schema` hands over."""

from alembic import context

from pollux.store.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
with context.begin_transaction():
    context.run_migrations()
