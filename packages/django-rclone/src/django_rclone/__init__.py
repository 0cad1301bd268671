"""Backups of Django databases and media, streamed through rclone to any storage.

The functions are imported when they are first used: importing this is cheap, and safe
before Django is set up.
"""

import importlib
import logging
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .operations.from_code import backup_database as backup_database
    from .operations.from_code import backup_databases as backup_databases
    from .operations.from_code import check_backups as check_backups
    from .operations.from_code import list_backups as list_backups
    from .operations.from_code import pin_backup as pin_backup
    from .operations.from_code import plan_prune as plan_prune
    from .operations.from_code import prune_database as prune_database
    from .operations.from_code import restore_database as restore_database
    from .operations.from_code import salvage_database as salvage_database
    from .operations.from_code import unpin_backup as unpin_backup
    from .operations.from_code import verify_database as verify_database
    from .operations.from_code import verify_databases as verify_databases
    from .operations.media.from_code import backup_media as backup_media
    from .operations.media.from_code import list_media as list_media
    from .operations.media.from_code import list_media_files as list_media_files
    from .operations.media.from_code import prune_media as prune_media
    from .operations.media.from_code import restore_media as restore_media
    from .operations.media.from_code import verify_media as verify_media
    from .operations.site.from_code import backup_site as backup_site
    from .operations.site.from_code import list_sites as list_sites
    from .operations.site.from_code import restore_site as restore_site

# Warnings are shown by the commands; without a handler logging would show them twice.
logging.getLogger(__name__).addHandler(logging.NullHandler())

__version__ = "1.0.0a1"

__all__ = [
    "backup_database",
    "backup_databases",
    "backup_media",
    "backup_site",
    "check_backups",
    "list_backups",
    "list_media",
    "list_media_files",
    "list_sites",
    "pin_backup",
    "plan_prune",
    "prune_database",
    "prune_media",
    "restore_database",
    "restore_media",
    "restore_site",
    "salvage_database",
    "unpin_backup",
    "verify_database",
    "verify_databases",
    "verify_media",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        room = next((f".{room}" for room in ("media", "site") if f"_{room}" in name), "")
        return getattr(importlib.import_module(f"{__name__}.operations{room}.from_code"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
