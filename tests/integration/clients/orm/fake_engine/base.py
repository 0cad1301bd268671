"""What Django loads of an engine."""

from django.db.backends.sqlite3 import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Fakes an engine that is not at hand."""

    vendor = "fake"
    display_name = "FakeEngine"
