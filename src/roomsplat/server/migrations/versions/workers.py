"""Workers: which ones were heard of, and when."""

import sqlalchemy as sa
from alembic import op

from roomsplat.server.models import UtcTime

revision = "workers"
down_revision = "logins"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=240), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("device", sa.Text(), nullable=False),
        sa.Column("seen_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_workers"),
    )


def downgrade() -> None:
    """Drop it."""
    op.drop_table("workers")
