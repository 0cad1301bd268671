"""Storages of Django: which one a source means, and work on many of its files at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.core.files.storage import FileSystemStorage, Storage, storages

from ...conf.media_sources import MediaSource
from ...exceptions import InvalidSettings
from ...interrupts import interruptible
from ...redaction import redact

# Each waits for a request most of the time. Sites use their storages in threads, too.
_THREADS = 8
_LONGEST_REASON = 200  # characters

Item = TypeVar("Item")
Result = TypeVar("Result")


def storage_of(source: MediaSource) -> Storage:
    """Return the storage of a source. Raises ``InvalidSettings`` if it cannot be made."""
    try:
        return storages[source.storage]
    except Exception as error:
        raise InvalidSettings(
            "MEDIA_SOURCES",
            f"of {source.name!r}: STORAGE {source.storage!r} cannot be used: {reason(error)}",
            "Correct STORAGES.",
        ) from error


def local_folder(source: MediaSource) -> str:
    """Return the folder of a source whose storage is one of this machine; otherwise nothing."""
    if not source.storage:
        return ""
    try:
        return folder_of(storage_of(source))
    except InvalidSettings:
        return ""  # whoever needs the storage says so


def folder_of(storage: Storage) -> str:
    """Return the folder of a storage of this machine; nothing for any other."""
    return str(storage.location) if isinstance(storage, FileSystemStorage) else ""


def reason(error: BaseException) -> str:
    """Return in a line why a storage could not do something."""
    known = error.strerror if isinstance(error, OSError) else ""
    text = known or str(error).strip().partition("\n")[0] or type(error).__name__
    return redact(text)[:_LONGEST_REASON]


def together(work: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """Yield what ``work`` returns for each item, in their order, from several threads."""
    with ThreadPoolExecutor(_THREADS) as pool:
        futures = [pool.submit(work, item) for item in items]
        try:
            for future in futures:
                with interruptible():
                    result = future.result()
                yield result
        finally:
            for future in futures:
                future.cancel()
