"""The journal application."""

from django.apps import AppConfig


class JournalConfig(AppConfig):
    """Connects the receivers once every application is loaded."""

    name = "journal"

    def ready(self) -> None:
        """Import the receivers: the import connects them."""
        import journal.receivers  # noqa: F401
