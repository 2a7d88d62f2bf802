"""Which channels are due is found without looking at all of them.

Revision ID: 0007
"""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_index("channel_due", "channel", ["next_poll_at"])
    op.create_index("channel_polled", "channel", ["polled_at"])
