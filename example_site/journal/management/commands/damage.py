"""Wreck the site's data on purpose, to practice a restore."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.db.models import F, Value
from django.db.models.functions import Concat

from journal.models import Attachment, Entry


class Command(BaseCommand):
    """Delete, alter and add rows, tables and media files."""

    help = "Wreck this site's database and media on purpose, to practice a restore."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option that confirms the damage."""
        parser.add_argument("--yes", action="store_true", help="I mean it.")

    def handle(self, *args: Any, yes: bool, **options: Any) -> None:
        """Do the damage and print what was done."""
        if not yes:
            raise CommandError("This destroys data of this site. Add --yes if you mean it.")
        for line in (*damage_database(), *damage_media(Path(settings.MEDIA_ROOT))):
            self.stdout.write(line)


def damage_database() -> list[str]:
    """Delete and alter rows, drop one table and add another."""
    doomed = Entry.objects.filter(pk__in=list(Entry.objects.values_list("pk", flat=True)[::3]))
    Attachment.objects.filter(entry__in=doomed).delete()
    deleted = doomed.delete()[1].get("journal.Entry", 0)
    altered = Entry.objects.update(title=Concat(F("title"), Value(" (altered)")))
    dropped = Entry.tags.through._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {connection.ops.quote_name(dropped)}")
        cursor.execute("CREATE TABLE stowaway (note varchar(20))")
    return [
        f"Deleted {deleted} entries, altered {altered} titles.",
        f"Dropped the table {dropped}, added the table stowaway.",
    ]


def damage_media(root: Path) -> list[str]:
    """Delete every fifth file, corrupt every fourth, add one."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    deleted, corrupted = files[::5], [path for path in files[1::4] if path not in files[::5]]
    for path in deleted:
        path.unlink()
    for path in corrupted:
        path.write_bytes(bytes(byte ^ 0xFF for byte in path.read_bytes()))
    (root / "stowaway.txt").write_text("I was not in the backup.\n")
    return [f"Deleted {len(deleted)} media files, corrupted {len(corrupted)}, added one."]
