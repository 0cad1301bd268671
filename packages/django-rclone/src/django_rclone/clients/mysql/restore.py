"""Restoring a dump of MySQL or MariaDB through a scratch schema."""

import hashlib
import logging
from collections.abc import Mapping
from contextlib import suppress

from ...backups.inventory import Inventory
from ...exceptions import ClientError
from ...processes import Process
from ..staging import LiveData, Staging
from .connection import MysqlSession, quote_name, quote_string
from .dump_format import DumpSplitter
from .plan import SwapPlan
from .rehearsal import Rehearsed, rehearse_making, rehearse_remaking
from .schema import collation_of, objects_of, schema_names
from .swap import finish_swap, put_back, run_swap, state_after

logger = logging.getLogger(__name__)

_NAME_LENGTH = 64  # characters; https://mariadb.com/kb/en/identifier-names/
_STEM_LENGTH = _NAME_LENGTH - len("_restoring_12345678")


class ScratchSchema(Staging):
    """A scratch schema on the server of the live one."""

    def __init__(self, session: MysqlSession, live: str) -> None:
        super().__init__(live, stem_bytes=len(live[:_STEM_LENGTH].encode()))
        self._session = session
        self._rehearsed: Rehearsed | None = None
        self._plan: SwapPlan | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not as in the backup."""
        return self._rehearsed.remarks if self._rehearsed else ()

    @property
    def refusal(self) -> str:
        """What is said to a role that may not create it to rehearse in."""
        name = f"{self.stem}_restoring_..."
        return f"The role may not create a scratch schema ({name}) to rehearse in."

    @property
    def schemas(self) -> list[str]:
        """The schemas on the server."""
        return self._places()

    @property
    def packet_limit(self) -> int:
        """The bytes of the longest statement that the server takes."""
        return self._session.packet_limit

    def complete(self, dump: DumpSplitter, expected: Inventory | None) -> None:
        """Create the objects that the dump tool left out, which proves that it is possible.

        Raises ``ClientError``, also if the result is not what was ``expected``.
        """
        self._rehearsed = rehearse_making(self._session, self.live, self.scratch, dump, expected)

    def _claim(self) -> None:
        claim(self._session, self.live)

    def _release(self) -> None:
        release(self._session, self.live)

    def _places(self) -> list[str]:
        return schema_names(self._session)

    def _create(self) -> None:
        collation = quote_string(collation_of(self._session, self.live))
        self._session.execute(f"CREATE DATABASE {quote_name(self.scratch)} COLLATE {collation}")

    def _drop(self, name: str) -> None:
        self._session.renew()
        self._session.execute(f"DROP DATABASE IF EXISTS {quote_name(name)}")

    def _drop_without_swap(self) -> None:
        self._try_drop(self.scratch)
        # Found as it was, the live schema has all its tables: none is set aside.
        self._try_drop(self.aside)

    def _swap(self) -> None:
        assert self._rehearsed is not None, "complete() comes first"
        session = self._session
        old = objects_of(session, self.live)
        plan = SwapPlan(
            live=self.live,
            scratch=self.scratch,
            aside=self.aside,
            old=old,
            new=self._rehearsed.objects,
            completions=self._rehearsed.completions,
            remakable=rehearse_remaking(session, self.live, self.aside, old),
        )
        self._plan = plan
        run_swap(session, plan)
        if state_after(session, plan) is not LiveData.NEW:
            raise ClientError("After the swap the database is not what the backup contains.")

    def _look(self) -> LiveData:
        plan = self._plan
        if plan is None:
            return LiveData.OLD  # no statement that changes it was sent
        if self._session.renew():
            claim(self._session, self.live)
        if plan.is_complete(self._session):
            finish_swap(self._session, plan)
        found = state_after(self._session, plan)
        if found is LiveData.MIXED and not plan.is_complete(self._session):
            try:
                put_back(self._session, plan)
            except ClientError as error:  # what became of it is looked at
                logger.warning("The database could not be put back: %s", error.message)
            self._session.renew()
            found = state_after(self._session, plan)
        return found


class StagedRestore:
    """Restores into a scratch schema, which is then swapped with the live one."""

    def __init__(
        self, scratch: ScratchSchema, process: Process, expected: Inventory | None
    ) -> None:
        """``process`` loads its input into the scratch schema."""
        self._expected = expected
        self._scratch = scratch
        self.place: Mapping[str, object] = {"NAME": scratch.scratch}
        self._process = process
        self._dump = DumpSplitter(process.write, scratch.schemas, packet_limit=scratch.packet_limit)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What is not as in the backup."""
        return self._scratch.remarks

    def write(self, data: bytes) -> None:
        """Load more of the dump. Raises ``ClientError`` or ``ProcessError``."""
        self._dump.write(data)

    def finish(self) -> None:
        """Load the rest; see ``RestoreTarget.finish()``."""
        self._dump.finish()
        self._process.finish()
        self._scratch.complete(self._dump, self._expected)

    def swap(self) -> None:
        """Swap the schemas; see ``RestoreTarget.swap()``."""
        self._scratch.swap()


def claim(session: MysqlSession, live: str) -> None:
    """Claim the right to restore a schema. Raises ``ClientError`` while another restore has it."""
    if session.value("SELECT GET_LOCK(%s, 0)", [_lock(live)]) != 1:
        raise ClientError("Another restore of this database is running.")


def release(session: MysqlSession, live: str) -> None:
    """Give up the right to restore a schema."""
    with suppress(ClientError):  # a session that was lost has lost it
        session.value("SELECT RELEASE_LOCK(%s)", [_lock(live)])


def is_claimed(session: MysqlSession, live: str) -> bool:
    """Return whether a restore of this schema is running."""
    return bool(session.value("SELECT IS_FREE_LOCK(%s)", [_lock(live)]) == 0)


def _lock(live: str) -> str:
    # Names of locks are limited to 64 characters, and compared without case.
    return f"django_rclone:{hashlib.sha256(live.encode()).hexdigest()[:40]}"
