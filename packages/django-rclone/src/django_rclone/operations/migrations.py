"""How the migrations in a backup differ from those of the code."""

from collections.abc import Iterator

from django.db import DEFAULT_DB_ALIAS, router
from django.db.migrations.loader import MigrationLoader

from ..backups import Backup


def missing_migrations(alias: str, backup: Backup) -> Iterator[str]:
    """Yield a sentence if the code has migrations that a backup of ``alias`` lacks.

    Nothing is yielded for a backup of which no migration is known.
    """
    manifest = backup.manifest
    if manifest is None or not backup.verified or not manifest.migrations:
        return
    applied = set(manifest.migrations)
    if missing := sorted(_wanted(alias, applied) - applied):
        database = "" if alias == DEFAULT_DB_ALIAS else f" --database {alias}"
        more = f" and {len(missing) - 3:,} more" if len(missing) > 3 else ""
        yield (
            f"{backup.path} is older than the code. It lacks {', '.join(missing[:3])}{more}: "
            f"after a restore, run `manage.py migrate{database}`."
        )


def _wanted(alias: str, applied: set[str]) -> set[str]:
    """Return the migrations that ``migrate`` would want to have been applied."""
    migrations = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
    wanted = set()
    for (app, name), migration in migrations.items():
        replaced = {f"{of}.{other}" for of, other in migration.replaces}
        # Of a squashed migration and those that it replaces, either will do.
        if router.allow_migrate(alias, app) and not (replaced and replaced <= applied):
            wanted.add(f"{app}.{name}")
    squashed = {
        f"{of}.{other}"
        for (app, name), migration in migrations.items()
        if f"{app}.{name}" in applied
        for of, other in migration.replaces
    }
    return wanted - squashed
