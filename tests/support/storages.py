"""Storages of Django for media files, each with a habit that some real one has."""

import threading
from datetime import datetime
from pathlib import Path

from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage


class ObjectStorage(Storage):
    """Files in a folder that looks like a bucket: no path, and names are kept as Django does."""

    def __init__(self, folder: str) -> None:
        self.folder = Path(folder)
        self._files = FileSystemStorage(folder)
        self.opened: list[str] = []
        self._lock = threading.Lock()

    def _open(self, name: str, mode: str = "rb") -> ContentFile:
        with self._lock:
            self.opened.append(name)
        return ContentFile((self.folder / name).read_bytes(), name)

    def _save(self, name: str, content: ContentFile) -> str:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.read())
        return name

    def delete(self, name: str) -> None:
        (self.folder / name).unlink()

    def exists(self, name: str) -> bool:
        return (self.folder / name).exists()

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        return self._files.listdir(path)

    def size(self, name: str) -> int:
        return self._files.size(name)

    def get_modified_time(self, name: str) -> datetime:
        return self._files.get_modified_time(name)


class OverwritingStorage(ObjectStorage):
    """One that keeps every name, as storages for S3 do by default."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return name


class TimelessStorage(ObjectStorage):
    """One that knows no times."""

    get_modified_time = Storage.get_modified_time


class RenamingStorage(ObjectStorage):
    """One that gives every new file a name of its own."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return str(self.get_alternative_name(*name.rsplit(".", 1)))


class SluggingStorage(ObjectStorage):
    """One that replaces spaces in names."""

    def get_available_name(self, name: str, max_length: int | None = None) -> str:
        return str(super().get_available_name(name.replace(" ", "_"), max_length))


class UnlistedStorage(ObjectStorage):
    """One that cannot list its files."""

    listdir = Storage.listdir


class BrokenStorage(ObjectStorage):
    """One that is not reached."""

    def listdir(self, path: str) -> tuple[list[str], list[str]]:
        raise ConnectionError("no route to the storage")


class BrokenFileStorage(ObjectStorage):
    """One in which a file cannot be read."""

    def _open(self, name: str, mode: str = "rb") -> ContentFile:
        if name == "bad.txt":
            raise PermissionError("403 Forbidden")
        return super()._open(name, mode)
