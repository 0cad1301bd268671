"""Sending content that is not stored yet: batch by batch, each checked before the next."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from ...backups.index import Kind
from ...console import Console
from ...exceptions import RcloneError
from ...rclone.copies import Copied
from ...rclone.copying import Copying
from .batch import Batch
from .cache import Cache
from .content_store import content_hash, content_name
from .hashing import CHANGING, Hashed, hash_files
from .places import MediaPlace
from .scan import Found
from .stored import list_stored
from .workset import EMPTY, WorkSet

_TRIES = 3  # for each file that changes while it is sent, or that could not be sent
_BATCH = 5_000  # files
_BATCH_SIZE = 2 << 30  # bytes; two batches are on their way
_RARE = 50  # one in so many: then they are asked for by name, not by listing all

_PENDING = f"""kind = 'file' AND (sha256 IS NULL OR (sha256 != x'{EMPTY.hex()}' AND NOT EXISTS (
    SELECT 1 FROM stored WHERE stored.sha256 = found.sha256 AND stored.size = found.size)))"""


class Sending:
    """The content of one run on its way to the remote."""

    def __init__(
        self,
        work: WorkSet,
        cache: Cache,
        place: MediaPlace,
        copying: Copying,
        content: str,
        console: Console,
    ) -> None:
        """``content`` is the address of the folder of contents."""
        self._work = work
        self._cache = cache
        self._place = place
        self._copying = copying
        self._content = content
        self._console = console
        self._reasons: dict[bytes, str] = {}
        self._done = self._total = 0
        self._files_done = self._files = 0
        self.bytes = 0
        """Bytes sent."""

    def store_missing(self, temporary: Path) -> None:
        """Send all content that is missing on the remote; note the files that could not be sent.

        Raises ``RcloneError`` if the remote takes nothing more.
        """
        # Most often they are few: all files are looked at only once.
        self._files = self._work.run(
            f"INSERT INTO pending SELECT path, size FROM found WHERE {_PENDING}"
        )
        if not self._files:
            return
        self._total = self._work.number("SELECT sum(size) FROM pending")
        self._send_all(temporary, ahead=True)
        for _ in range(_TRIES - 1):
            self._send_all(temporary, ahead=False)
        for path in [path for batch in self._batches() for path in batch]:
            self._work.leave_out(path, self._reasons.get(path, CHANGING))
        self._require_stored()

    def _batches(self) -> Iterator[list[bytes]]:
        """Yield the paths of files whose content may be missing, in the order of paths."""
        after = b""
        while True:
            rows = self._work.connection.execute(
                "SELECT path, found.size FROM pending CROSS JOIN found USING (path)"
                f" WHERE path > ? AND {_PENDING} ORDER BY path LIMIT ?",
                (after, _BATCH),
            )
            batch: list[bytes] = []
            size = 0
            for path, bytes_of in rows:
                if batch and size + bytes_of > _BATCH_SIZE:
                    break
                batch.append(path)
                size += bytes_of
            rows.close()
            if not batch:
                return
            after = batch[-1]
            yield batch

    def _send_all(self, temporary: Path, *, ahead: bool) -> None:
        """Send batch after batch. With ``ahead``, the next is read while rclone sends one.

        What could not be sent at first is not: a file may equal one on its way that changes.
        """
        with ExitStack() as opened:
            last: Batch | None = None
            for paths in self._batches():
                if last and not ahead:
                    self._note_sent(last, last.finish())
                    last = None
                batch = opened.enter_context(Batch(self._place, paths, temporary))
                self._read(batch, on_its_way=last.sources if last else {})
                copied = last.finish() if last else None
                batch.begin(self._copying, self._content, self._show)
                if last and copied:
                    self._note_sent(last, copied)
                last = batch
            if last:
                self._note_sent(last, last.finish())

    def _read(self, batch: Batch, on_its_way: Collection[bytes]) -> None:
        """Hash files, and choose those whose content is neither stored nor on its way."""
        self._reasons.update(batch.missing)
        missing = self._noted(batch.read())
        sources = {sha256: found for sha256, found in missing.items() if sha256 not in on_its_way}
        self._cache.begin(sources)
        batch.choose(sources)

    def _show(self, size: int, files: int) -> None:
        """Show how far all is, with what was sent of the batch on its way."""
        done = min(self._files, self._files_done + files)
        self._console.progress(self._done + size, self._total, (done, self._files))

    def _noted(self, hashed: Sequence[Hashed]) -> dict[bytes, Found]:
        """Note hashes in the facts; return the files whose content is missing, each content once."""
        for found, _, problem in hashed:
            if problem:
                self._reasons[found.path] = problem
                if problem != CHANGING:
                    self._work.leave_out(found.path, problem)
        good = [one for one in hashed if not one.problem]
        self._place.note(self._work, good)
        missing: dict[bytes, Found] = {}
        for found, sha256, _ in good:
            if not found.size or self._is_stored(sha256, found.size):
                continue
            # Of equal files, one that could be sent each time.
            if sha256 not in missing or missing[sha256].path in self._reasons:
                missing[sha256] = found
        return missing

    def _is_stored(self, sha256: bytes, size: int) -> bool:
        query = "SELECT 1 FROM stored WHERE sha256 = ? AND size = ?"
        return bool(self._work.rows(query, (sha256, size)))

    def _note_sent(self, batch: Batch, copied: Copied) -> None:
        """Note that a batch was sent, and what of it is stored."""
        if batch.sources:
            self._note_stored(batch, copied)
        self._done += batch.size
        self._files_done += len(batch.paths)
        self._show(0, 0)
        batch.close()

    def _note_stored(self, batch: Batch, copied: Copied) -> None:
        sources = batch.sources
        arrived = sources if copied.error is None else self._arrived(sources, copied)
        if copied.error is not None and not copied.failed and len(arrived) == len(sources):
            # It failed, and nobody knows what is wrong.
            raise copied.error
        changed = [s for s in arrived if self._place.changed(batch.root, arrived[s])]
        good = {sha256: found for sha256, found in arrived.items() if sha256 not in changed}
        if changed:
            self._take_back(changed, sources)
        self._work.add_stored((sha256, found.size) for sha256, found in good.items())
        self._work.run_many(
            "INSERT OR REPLACE INTO sent VALUES (?,?)", ((s, f.size) for s, f in good.items())
        )
        self._cache.confirm(good)
        self.bytes += sum(found.size for found in good.values())
        if copied.error is not None and not arrived:
            raise copied.error

    def _arrived(self, sources: Mapping[bytes, Found], copied: Copied) -> dict[bytes, Found]:
        """Return what is stored of a batch that failed; note why the rest is not."""
        error = copied.error
        assert error is not None
        names = {content_name(sha256): sha256 for sha256 in sources}
        failed = {names[name]: reason for name, reason in copied.failed.items() if name in names}
        with closing(self._copying.sizes(self._content, list(names))) as listed:
            sizes = {names[name]: size for name, size in listed if name in names}
        arrived = {
            sha256: found
            for sha256, found in sources.items()
            if sizes.get(sha256) == found.size and sha256 not in failed
        }
        for sha256, found in sources.items():
            if sha256 not in arrived:
                self._reasons[found.path] = failed.get(sha256) or error.message.splitlines()[-1]
        return arrived

    def _take_back(self, changed: Sequence[bytes], sources: Mapping[bytes, Found]) -> None:
        """Delete what was stored of files that changed: it may not be what its name says."""
        self._copying.delete(self._content, [content_name(sha256) for sha256 in changed])
        for sha256 in changed:
            self._reasons[sources[sha256].path] = CHANGING
            self._work.run("UPDATE found SET sha256 = NULL WHERE sha256 = ?", (sha256,))

    def _require_stored(self) -> None:
        """Raise ``RcloneError`` unless the remote has what was sent, by name and size."""
        sent = self._work.number("SELECT count(*) FROM sent")
        if not sent:
            return
        stored = self._work.number("SELECT count(*) FROM stored")
        if sent * _RARE < stored:
            hashes = [h for (h,) in self._work.rows("SELECT sha256 FROM sent")]
            names = [content_name(h) for h in hashes if isinstance(h, bytes)]
            with closing(self._copying.sizes(self._content, names)) as listed:
                found = [(content_hash(name), size) for name, size in listed]
            self._work.run_many("DELETE FROM sent WHERE sha256 = ? AND size = ?", found)
        else:
            list_stored(self._copying, self._content, self._work)
            self._work.run(
                "DELETE FROM sent WHERE EXISTS (SELECT 1 FROM stored"
                " WHERE stored.sha256 = sent.sha256 AND stored.size = sent.size)"
            )
        if lost := self._work.number("SELECT count(*) FROM sent"):
            raise RcloneError(
                f"{lost:,} of {sent:,} files are not on the remote as they were sent.",
                hint="Check the remote: its quota, options of the storage in RCLONE_FLAGS, "
                "other writers.",
            )


def hash_all(work: WorkSet, place: MediaPlace, temporary: Path) -> None:
    """Fill in the hashes of all files found that have none yet, as far as they can be read."""
    query = "SELECT path FROM found WHERE path > ? AND kind = ? AND sha256 IS NULL ORDER BY path LIMIT ?"
    after = b""
    while paths := [p for (p,) in work.connection.execute(query, (after, Kind.FILE, _BATCH))]:
        after = paths[-1]
        with place.at_hand(paths, temporary) as (root, missing):
            here = [path for path in paths if path not in missing]
            hashed = hash_files(root, here, follow=place.follows)
            place.note(work, [one for one in hashed if not one.problem])
