"""Fill the site with invented data."""

import hashlib
from argparse import ArgumentParser
from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any

from django.contrib.auth.models import User
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.text import slugify

from journal import sample_data
from journal.models import Attachment, Entry, Tag

BATCH_SIZE = 500


class Command(BaseCommand):
    """Create people, entries, tags and attached files, the same ones every time."""

    help = "Fill an empty journal with invented people, entries, tags and attached files."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add options for the size and the random seed."""
        parser.add_argument("--users", type=int, default=25, help="People (%(default)s).")
        parser.add_argument("--entries", type=int, default=3000, help="Entries (%(default)s).")
        parser.add_argument("--files", type=int, default=300, help="Attached files (%(default)s).")
        parser.add_argument("--seed", type=int, default=1, help="Random seed (%(default)s).")

    def handle(
        self, *args: Any, users: int, entries: int, files: int, seed: int, **options: Any
    ) -> None:
        """Refuse a journal that has entries; otherwise write all rows or none."""
        if min(users, entries) < 1 or files < 0:
            raise CommandError("A journal needs at least one person and one entry.")
        if Entry.objects.exists():
            raise CommandError("The journal already has entries; seed fills an empty one.")
        random = Random(seed)
        with transaction.atomic():
            people = create_users(users)
            written = create_entries(random, people, entries)
            tag_entries(random, written)
            attach_files(random, written, files)
        self.stdout.write(f"Created {users} users, {entries} entries and {files} attached files.")


def create_users(count: int) -> Sequence[User]:
    """Create people who cannot log in."""
    people = []
    for number in range(count):
        username, first_name, last_name = sample_data.person(number)
        people.append(
            User(
                username=username,
                first_name=first_name,
                last_name=last_name,
                email=f"{username}@example.org",
                # Never a valid hash: nobody can log in, and every run writes the same value.
                password="!",
                date_joined=sample_data.FIRST_DAY,
            )
        )
    return User.objects.bulk_create(people)


def create_entries(random: Random, people: Sequence[User], count: int) -> Sequence[Entry]:
    """Create the entries."""
    return Entry.objects.bulk_create(
        (
            Entry(
                author=random.choice(people),
                title=sample_data.title(random),
                body=sample_data.body(random),
                happened_at=sample_data.moment(number),
                distance_km=random.choice([None, Decimal(random.randint(100, 3000)) / 100]),
                weather=sample_data.weather(random),
            )
            for number in range(count)
        ),
        batch_size=BATCH_SIZE,
    )


def tag_entries(random: Random, entries: Sequence[Entry]) -> None:
    """Give each entry up to three tags."""
    tags = Tag.objects.bulk_create(Tag(name=name, slug=slugify(name)) for name in sample_data.TAGS)
    link = Entry.tags.through
    link.objects.bulk_create(
        (
            link(entry=entry, tag=tag)
            for entry in entries
            for tag in random.sample(tags, random.randint(0, 3))
        ),
        batch_size=BATCH_SIZE,
    )


def attach_files(random: Random, entries: Sequence[Entry], count: int) -> None:
    """Store files under the media folder and attach each to some entry."""
    attachments = []
    for number in range(count):
        name, content = sample_data.attachment(random, number)
        attachments.append(
            Attachment(
                entry=random.choice(entries),
                file=default_storage.save(name, ContentFile(content)),
                caption=f"Enclosure {number + 1}" if number % 3 else "",
                digest=hashlib.sha256(content).digest(),
            )
        )
    Attachment.objects.bulk_create(attachments, batch_size=BATCH_SIZE)
