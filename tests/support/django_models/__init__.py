"""The models of Django's own test suite, made and filled in a database of a test."""

import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import django

from tests.support.site import REPOSITORY, DjangoSite

_CACHE = REPOSITORY / "build" / "django"

_SKIPPED = {
    "gis_tests": "needs GDAL",
    "postgres_tests": "needs extensions",
    "import_error_package": "fails on purpose",
    "test_runner_apps": "is not an app",
    "apps": "has no models of its own",
    "constraints": "PostgreSQL prints one of its checks in other words after each restore",
}

_SETTINGS = """
import sys, warnings
warnings.simplefilter("ignore")
sys.path.append({path!r})
INSTALLED_APPS = {apps!r}
MIGRATION_MODULES = dict.fromkeys((app.split(".")[-1] for app in INSTALLED_APPS), None)
MIGRATION_MODULES["admin"] = None
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
SITE_ID = 1
"""

_CONTRIB = (
    *("contenttypes", "auth", "sites", "sessions", "messages", "flatpages", "redirects"),
    "admin.apps.SimpleAdminConfig",
)


def add_models_of_django(site: DjangoSite, *, one_in: int = 1) -> str:
    """Make all models in the default database, fill them, and return how many were made.

    ``one_in`` is how many apps there are for each one that is taken.
    """
    folder = _tests_of_django()
    apps = [*(f"django.contrib.{name}" for name in _CONTRIB), *list(_apps(folder))[::one_in]]
    site.extra_settings = _SETTINGS.format(path=str(folder), apps=apps)
    done = subprocess.run(
        [sys.executable, "-m", f"{__name__}.fill"],
        env=site.environ(),
        cwd=site.folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stderr[-5000:]
    return done.stdout


def _apps(folder: Path) -> Iterator[str]:
    for path in sorted([*folder.glob("*/models.py"), *folder.glob("*/models/__init__.py")]):
        name = path.relative_to(folder).parts[0]
        if name not in _SKIPPED:
            yield name


def _tests_of_django() -> Path:
    """Return the folder ``tests`` of Django's sdist, which is downloaded once."""
    kept = _CACHE / django.__version__
    if not kept.exists():
        _CACHE.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_CACHE) as temporary:
            _download(Path(temporary))
            [unpacked] = Path(temporary).glob("*/tests")
            try:
                unpacked.rename(kept)
            except OSError:
                assert kept.exists()  # another process of the tests was faster
    return kept


def _download(folder: Path) -> None:
    source = f"Django=={django.__version__}"
    options = ("--quiet", "--no-deps", "--no-binary=django", f"--dest={folder}")
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, source], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as members:
        members.extractall(folder, filter="data")
