"""A salvage: all that can be made of a dump, in a new schema next to the live one."""

import secrets
from collections.abc import Sequence
from typing import Self

from ...backups.inventory import Inventory
from ...exceptions import ClientError, ProcessError
from ..session import ServerError
from .connection import MysqlSession, quote_name, quote_string
from .dump_format import DumpSplitter
from .inventory import DEFINER, TABLE, inventory_of
from .making import Maker
from .schema import collation_of, schema_names
from .stream import TableCounter
from .tools import Tools

_NAME_LENGTH = 64  # characters; https://mariadb.com/kb/en/identifier-names/


class SalvageSchema:
    """A schema for what can be made. Dropped at the end, unless ``finish()`` has returned.

    Its events are disabled: they are not to run next to those of the live schema.
    """

    def __init__(
        self, session: MysqlSession, live: str, tools: Tools, expected: Inventory | None
    ) -> None:
        token = f"_salvaged_{secrets.token_hex(4)}"
        self.place = f"{live[: _NAME_LENGTH - len(token)]}{token}"
        self.missing: Sequence[str] = ()
        self._session = session
        self._live = live
        self._expected = expected
        # It goes on after an error.
        self._process = tools.loader(self.place, session.settings, "--force")
        self._tables = TableCounter()
        self._dump = DumpSplitter(self._load, schema_names(session))
        self._is_finished = False

    def __enter__(self) -> Self:
        collation = quote_string(collation_of(self._session, self._live))
        try:
            self._session.execute(f"CREATE DATABASE {quote_name(self.place)} COLLATE {collation}")
        except ServerError as error:
            raise ClientError(
                f"Cannot create the schema {self.place}: {error.reason}.",
                hint="Let the role create it: GRANT ALL ON `..._salvaged_%`.*, with the name of "
                "the database.",
            ) from None
        try:
            self._process.__enter__()
        except BaseException:
            self._drop()
            raise
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.__exit__(*exc_info)
        if not self._is_finished:
            self._drop()

    def write(self, data: bytes) -> None:
        """Load more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        self._dump.write(data)

    def finish(self) -> None:
        """Make the rest, and list what could not be made; see ``SalvageTarget``."""
        self._dump.finish()
        missing: list[str] = []
        try:
            self._process.finish()
        except ProcessError as error:
            missing.append(error.message)
        self._session.execute(f"USE {quote_name(self.place)}")
        collation = collation_of(self._session, self.place)
        maker = Maker(self._session, collation, rehearsal=True, moved=(self._live, self.place))
        missing += [error.message for error in maker.try_all(self._dump.create_statements)]
        missing += maker.remarks(0)
        expected = self._expected or self._seen()
        found = inventory_of(self._session, self.place, count=expected.rows)
        objects = {kind: names for kind, names in expected.objects.items() if kind != DEFINER}
        missing += Inventory(objects, expected.rows).differences(found)
        self.missing = tuple(missing)
        self._is_finished = True

    def _load(self, data: bytes) -> None:
        self._tables.see(data)
        self._process.write(data)

    def _seen(self) -> Inventory:
        """Return what the dump itself says that it contains, without a manifest."""
        return Inventory({TABLE: self._tables.tables}, self._tables.rows)

    def _drop(self) -> None:
        self._session.renew()
        self._session.execute(f"DROP DATABASE IF EXISTS {quote_name(self.place)}")
