"""Alembic's entry: run the migrations on the connection that `feedproxy.store.schema` hands over."""

from alembic import context

from feedproxy.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
