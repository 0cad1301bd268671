"""A session with MongoDB, with the parameters of Django's connection."""

import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import ClientError
from ...redaction import redact
from ..session import Session

NOT_FOUND = "26"
"""https://www.mongodb.com/docs/manual/reference/error-codes/"""


class MongodbSession(Session):
    """A client of the driver. It connects at the first question, and again if it has to."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        parameters = connection_parameters(wrapper)
        # It would look for keys that no backup needs.
        parameters.pop("auto_encryption_opts", None)
        super().__init__(wrapper, MongoClient(**parameters), driver_error=PyMongoError)
        self.name = str(wrapper.settings_dict["NAME"])

    @cached_property
    def version(self) -> str:
        """The version of the server, such as ``"8.0.4"``."""
        with self.translated_errors():
            return str(self._connection.server_info()["version"])

    @cached_property
    def _hello(self) -> Mapping[str, Any]:
        with self.translated_errors():
            answer: Mapping[str, Any] = self._connection.admin.command("hello")
            return answer

    @property
    def replica_set(self) -> str:
        """The name of the replica set that the server belongs to, if any."""
        return str(self._hello.get("setName", ""))

    @property
    def sharded(self) -> bool:
        """Whether the server is a router of a sharded cluster."""
        return self._hello.get("msg") == "isdbgrid"

    def collections(self) -> list[dict[str, Any]]:
        """Return the collections and views by name, each with ``name``, ``type``, ``options``, ``info``."""
        with self.translated_errors():
            found = self._connection[self.name].list_collections()
            return sorted(found, key=lambda one: str(one["name"]))

    def documents(self, collection: str, *fields: str) -> list[dict[str, Any]]:
        """Return some fields of all documents of a collection."""
        with self.translated_errors():
            found = self._connection[self.name][collection].find({}, dict.fromkeys(fields, 1))
            return list(found)

    def create(self, name: str, options: Mapping[str, Any]) -> None:
        """Create a collection or, with ``viewOn`` in ``options``, a view."""
        with self.translated_errors():
            self._connection[self.name].command({"create": name, **options})

    def drop(self, name: str) -> None:
        """Drop a collection or a view, if it exists."""
        with self.translated_errors():
            self._connection[self.name].drop_collection(name)

    def rename(self, name: str, new: str, *, replace: bool = False) -> None:
        """Rename a collection; with ``replace``, one that has the new name is dropped at once."""
        with self.translated_errors():
            self._connection.admin.command(
                "renameCollection",
                f"{self.name}.{name}",
                to=f"{self.name}.{new}",
                dropTarget=replace,
                writeConcern={"w": "majority"},
            )

    @staticmethod
    def _message(error: Exception) -> str:
        return _server_message(error)

    @staticmethod
    def _code(error: Exception) -> str:
        code = getattr(error, "code", None)
        return str(code) if isinstance(code, int) else ""


def open_session(wrapper: BaseDatabaseWrapper) -> MongodbSession:
    """Return a session. Raises ``ClientError`` when the driver rejects the settings."""
    from pymongo.errors import PyMongoError

    try:
        return MongodbSession(wrapper)
    except (PyMongoError, TypeError, ValueError) as error:
        raise ClientError(
            f"The settings of the database are wrong: {redact(_server_message(error))}.",
            hint="Correct HOST, PORT and OPTIONS of this database.",
        ) from None


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what Django would connect with."""
    private: Any = wrapper.copy()
    parameters: dict[str, Any] = private.get_connection_params()
    return parameters


def _server_message(error: Exception) -> str:
    """Return the server's message without the details that the driver adds."""
    message = re.split(r", full error: |, Timeout: | \(configured timeouts: ", str(error))[0]
    return message.strip().rstrip(".,")[:500]
