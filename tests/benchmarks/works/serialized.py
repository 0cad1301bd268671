"""The client for any engine, against the one for SQLite."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.contenders import OURS, Contender
from tests.benchmarks.subject import Subject
from tests.benchmarks.works.databases import back_up_and_restore
from tests.integration.clients.orm.sample_data import CLIENT, settings_for
from tests.support.databases import Database
from tests.support.site import REPOSITORY, DjangoSite

_ROWS = 2_600
"""For each megabyte."""
_FILL = """
import django
django.setup()
from tests.integration.clients.orm import sample_data
sample_data.create_tables("default")
sample_data.add_rows("default", rows={rows})
"""
_SPOILED = ('DELETE FROM "every thing" WHERE rowid % 3 = 0',)
_SUMMED = """
SELECT count(*), total(length(text)), total(length(raw)), round(total(big) / 1e9), round(total(ratio))
FROM "every thing"
"""


def serialized(bench: Bench) -> None:
    """Back up and restore SQLite by its own client, and by the one for any other engine.

    The second stores values, not bytes: their counts and sums are compared.
    """
    rows = _ROWS * min(bench.size.megabytes, 100)
    bench.progress.say(f"serialized: making {rows:,} rows")

    def fill(database: Database) -> None:
        with tempfile.TemporaryDirectory() as folder:
            site = DjangoSite(Path(folder))
            site.use(database)
            site.extra_settings = _models()
            program = [sys.executable, "-c", _FILL.format(rows=rows)]
            subprocess.run(program, env=site.environ(), cwd=folder, check=True)

    subject = Subject(bench.engine("sqlite"), "serialized", fill, _SPOILED, _SUMMED)
    options = f'DJANGO_RCLONE["CLIENTS"] = {{{{"default": {{{{"BACKEND": "{CLIENT}"}}}}}}}}\n'
    native = replace(OURS, settings=OURS.settings + _paths() + _models())
    any_engine = replace(
        native,
        name=f"{OURS.name}, any engine",
        settings=native.settings + options,
        # It has no scratch place unless REHEARSAL names one.
        arguments={**native.arguments, "rehearsal": ()},
    )
    contenders: list[Contender] = [native, any_engine]
    back_up_and_restore(bench, "serialized", subject, ("folder",), contenders)


def _models() -> str:
    return "".join(f"{name} = {value!r}\n" for name, value in settings_for().items())


def _paths() -> str:
    return f"import sys\nsys.path.append({str(REPOSITORY)!r})\n"
