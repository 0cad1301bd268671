"""Stands in for django-mongodb-backend where no version of it runs on this Django."""

from typing import Any

from django.db.backends.dummy.base import DatabaseWrapper as DummyWrapper


class FakeMongodbWrapper(DummyWrapper):
    """Connects never; tells what it would connect with."""

    vendor = "mongodb"

    def get_connection_params(self) -> dict[str, Any]:
        given = self.settings_dict
        named = {"username": given["USER"], "password": given["PASSWORD"]}
        port = {"port": int(given["PORT"])} if given["PORT"] else {}
        login = {name: value for name, value in named.items() if value}
        return {"host": given["HOST"] or None, **given["OPTIONS"], **login, **port}


DatabaseWrapper = FakeMongodbWrapper
