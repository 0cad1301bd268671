"""What a good shell script does: the same programs, and nothing between them.

A script finds the database by variables, ``$REMOTE``, ``$MEDIA``, and an empty folder ``$TMPDIR``.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.benchmarks.contenders import Contender, Place, django_start
from tests.benchmarks.measure import Command

_ZSTD = "zstd -q -1 -T0"
_MARIADB = '--no-defaults --host="$MYSQL_HOST" --port="$MYSQL_TCP_PORT" --user="$MYSQL_USER"'
_SYNC = "rclone sync --transfers=16 --checkers=32 --fast-list --check-first"
_LISTING = "rclone lsjson --files-only --no-modtime --no-mimetype"

BACKUP = {
    "sqlite": f"""
sqlite3 "$DB" ".backup '$TMPDIR/copy'"
{_ZSTD} -c "$TMPDIR/copy" | rclone rcat "$REMOTE/dump.zst"
rm "$TMPDIR/copy"
""",
    "postgresql": f'pg_dump -Fc -Z0 | {_ZSTD} | rclone rcat "$REMOTE/dump.zst"',
    "mariadb": f"""
mariadb-dump {_MARIADB} --single-transaction --quick --routines --triggers --events \
--default-character-set=utf8mb4 "$MYSQL_DATABASE" | {_ZSTD} | rclone rcat "$REMOTE/dump.zst"
""",
}
RESTORE = {
    "sqlite": """
rclone cat "$REMOTE/dump.zst" | zstd -q -d > "$DB.new"
mv "$DB.new" "$DB"
""",
    "postgresql": """
rclone cat "$REMOTE/dump.zst" | zstd -q -d |
pg_restore --clean --if-exists --single-transaction --dbname="$PGDATABASE"
""",
    "mariadb": f"""
rclone cat "$REMOTE/dump.zst" | zstd -q -d |
mariadb {_MARIADB} --default-character-set=utf8mb4 "$MYSQL_DATABASE"
""",
}
SWAP = {
    "postgresql": """
new="$PGDATABASE"_new
createdb "$new"
rclone cat "$REMOTE/dump.zst" | zstd -q -d | pg_restore --dbname="$new"
psql -q -v ON_ERROR_STOP=1 postgres <<END
DROP DATABASE "$PGDATABASE";
ALTER DATABASE "$new" RENAME TO "$PGDATABASE";
END
""",
    "mariadb": f"""
ask() {{ mariadb {_MARIADB} -N -B -e "$1"; }}
new="$MYSQL_DATABASE"_restoring_1 old="$MYSQL_DATABASE"_replaced_1
ask "CREATE DATABASE $new CHARACTER SET utf8mb4; CREATE DATABASE $old"
rclone cat "$REMOTE/dump.zst" | zstd -q -d |
mariadb {_MARIADB} --default-character-set=utf8mb4 "$new"
tables() {{ ask "SELECT table_name FROM information_schema.tables WHERE table_schema = '$1'"; }}
moves=$(for t in $(tables "$MYSQL_DATABASE"); do printf '%s TO %s,' \
"\\`$MYSQL_DATABASE\\`.\\`$t\\`" "\\`$old\\`.\\`$t\\`"; done
for t in $(tables "$new"); do printf '%s TO %s,' \
"\\`$new\\`.\\`$t\\`" "\\`$MYSQL_DATABASE\\`.\\`$t\\`"; done)
ask "RENAME TABLE ${{moves%,}}"
ask "DROP DATABASE $new; DROP DATABASE $old"
""",
}


@dataclass
class Pipeline(Contender):
    """Scripts by step."""

    name: str
    scripts: Mapping[str, str]
    is_pipeline: bool = True
    starts_django: frozenset[str] = field(default_factory=frozenset)
    """The steps before which Django is started once, as a management command must be."""
    stores_as: str = ""
    """The contender whose backups it reads."""
    caveats: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def command(self, step: str, place: Place) -> Command | None:
        if step not in self.scripts:
            return None
        script = self.scripts[step]
        own = place.own(self.name)
        env = {**place.env(self.name), **place.environ, "MEDIA": str(place.media)}
        env["REMOTE"] = place.remote.address(self.stores_as or own.name)
        if step in self.starts_django:
            start = django_start(place)
            env |= {key: start.env[key] for key in ("PYTHONPATH", "DJANGO_SETTINGS_MODULE")}
            script = f"{shlex.join(map(str, start.argv))} > /dev/null\n{script}"
        return Command(("bash", "-euo", "pipefail", "-c", script), env, own)


def shell(engine: str) -> Pipeline:
    """Return the pipelines of an engine."""
    scripts = {"backup": BACKUP[engine], "restore": RESTORE[engine]}
    return Pipeline("shell", scripts, caveats={("restore", "mariadb"): "not atomic"})


def shell_with_swap(engine: str) -> Pipeline:
    """Return the restore that is exact and changes the live database last."""
    scripts = {"restore": SWAP[engine]}
    caveats = {("restore", "postgresql"): "for an instant there is no database"}
    return Pipeline("shell, swap", scripts, stores_as="shell", caveats=caveats)


SYNC = Pipeline(
    "rclone sync",
    {
        "media backup": f'{_SYNC} "$MEDIA" "$REMOTE/media"',
        "media restore": f'{_SYNC} "$REMOTE/media" "$MEDIA"',
    },
    starts_django=frozenset({"media backup", "media restore"}),
)
LISTING = Pipeline(
    "rclone lsjson",
    {"list": f'{_LISTING} "$REMOTE/db"'},
    starts_django=frozenset({"list"}),
    stores_as="django-rclone",
)
