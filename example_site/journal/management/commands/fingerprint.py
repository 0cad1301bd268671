"""Print hashes of everything the site contains."""

import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand

from journal.fingerprint import digest, take_fingerprint


class Command(BaseCommand):
    """Hash rows, schema and media, so that two states of the site can be compared."""

    help = "Hash every row, the schema and every media file, to compare two states of the site."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the option for programs."""
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="Each table and file, as JSON."
        )

    def handle(self, *args: Any, as_json: bool, **options: Any) -> None:
        """Print one line for each of the three, or all of it as JSON."""
        fingerprint = take_fingerprint()
        if as_json:
            self.stdout.write(json.dumps(asdict(fingerprint), ensure_ascii=False))
            return
        tables, files = fingerprint.tables, fingerprint.files
        counts = f"{fingerprint.row_count} rows in {len(tables)} tables"
        self.stdout.write(f"rows    {digest([*tables, *tables.values()])}  {counts}")
        self.stdout.write(f"schema  {fingerprint.schema}")
        self.stdout.write(f"media   {digest([*files, *files.values()])}  {len(files)} files")
