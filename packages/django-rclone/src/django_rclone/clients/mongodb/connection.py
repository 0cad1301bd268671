"""How MongoDB is reached: a connection of our own, with the parameters of Django's."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from ...exceptions import DumpError, RestoreError
from ...redaction import redact


class Session:
    """A connection of our own. Raises ``error``, the driver's own."""

    def __init__(self, wrapper: BaseDatabaseWrapper) -> None:
        from pymongo import MongoClient
        from pymongo.errors import PyMongoError

        self.error: type[Exception] = PyMongoError
        parameters = connection_parameters(wrapper)
        # It would look for keys that no backup needs.
        parameters.pop("auto_encryption_opts", None)
        self._client: Any = MongoClient(**parameters)
        self.name = str(wrapper.settings_dict["NAME"])

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._client.close()

    @property
    def database(self) -> Any:
        """The database, as the driver has it."""
        return self._client[self.name]

    @cached_property
    def version(self) -> str:
        """The version of the server, such as ``"8.0.4"``."""
        return str(self._client.server_info()["version"])

    @cached_property
    def _greeting(self) -> Mapping[str, Any]:
        greeting: Mapping[str, Any] = self._client.admin.command("hello")
        return greeting

    @property
    def replica_set(self) -> str:
        """The name of the replica set that the server belongs to, if any."""
        return str(self._greeting.get("setName", ""))

    @property
    def sharded(self) -> bool:
        """Whether the server is a router of a sharded cluster."""
        return self._greeting.get("msg") == "isdbgrid"

    def collections(self) -> list[dict[str, Any]]:
        """Return what the database holds, views too: ``name``, ``type``, ``options``."""
        return sorted(self.database.list_collections(), key=lambda found: str(found["name"]))

    def rename(self, name: str, new: str, *, replace: bool = False) -> None:
        """Give a collection another name, at once; on request in the place of another one."""
        self._client.admin.command(
            "renameCollection",
            f"{self.name}.{name}",
            to=f"{self.name}.{new}",
            dropTarget=replace,
            writeConcern={"w": "majority"},
        )


@contextmanager
def open_session(
    wrapper: BaseDatabaseWrapper, failure: type[DumpError] | type[RestoreError]
) -> Iterator[Session]:
    """Yield a session. Raises ``failure`` for errors of the driver, also in the block."""
    from pymongo.errors import PyMongoError

    try:
        session = Session(wrapper)
    except (PyMongoError, TypeError, ValueError) as error:
        raise failure(f"The settings of the database are wrong: {said(error)}.") from None
    with session:
        try:
            yield session
        except session.error as error:
            raise failure(f"The database cannot be used: {said(error)}.") from None


def connection_parameters(wrapper: BaseDatabaseWrapper) -> dict[str, Any]:
    """Return what Django would connect with."""
    private: Any = wrapper.copy()
    parameters: dict[str, Any] = private.get_connection_params()
    return parameters


def said(error: Exception) -> str:
    """Return what the server said, without what the driver knows of it."""
    words = re.split(r", full error: |, Timeout: | \(configured timeouts: ", str(error))[0]
    return redact(words).strip().rstrip(".,")[:500]


def code_of(error: Exception) -> int:
    """Return the number that the server gave an error; 0 for none."""
    code = getattr(error, "code", None)
    return code if isinstance(code, int) else 0
