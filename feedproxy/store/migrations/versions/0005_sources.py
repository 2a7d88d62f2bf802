"""Where a channel's listing is had: when its first source answered last, and what stands in for it; serials of what is signed.

Revision ID: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("channel", sa.Column("own_at", sa.BigInteger))
    op.add_column("channel", sa.Column("stand_in", sa.Text, nullable=False, server_default=""))
    op.add_column("channel", sa.Column("replica", sa.Text, nullable=False, server_default=""))
    op.create_table(
        "serial",
        sa.Column("source", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("digest", sa.Text, nullable=False),
    )
    op.execute("UPDATE channel SET own_at = succeeded_at")
