"""Run the migrations on the connection that `feedproxy.store.schema` passes to Alembic."""

from alembic import context

from feedproxy.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
