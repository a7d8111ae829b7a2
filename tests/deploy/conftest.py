"""The laws of the scaling ask a real database, of each kind, as those of the service do."""

from tests.server.conftest import database, postgres_cluster, service, standing_database

__all__ = ["database", "postgres_cluster", "service", "standing_database"]
