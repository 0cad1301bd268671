"""The wheels, installed into empty environments as a user would install them.

They are built once per test run, whatever the number of workers, by the
hatchling of this environment. What they depend on comes from the package index.
"""

import fcntl
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = {
    "django_rclone": ROOT / "packages/django-rclone",
    "django_rclone_notify": ROOT / "packages/django-rclone-notify",
}

IMPORT_EVERYTHING = """
import importlib, pkgutil, sys
import django
from django.conf import settings

package = importlib.import_module(sys.argv[1])
settings.configure(INSTALLED_APPS=sys.argv[1:], SECRET_KEY="packaging")
django.setup()
for module in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
    importlib.import_module(module.name)
    print(module.name)
"""

CORE_COMMANDS = """
import importlib.util
import django
from django.conf import settings
from django.core.management import get_commands, load_command_class

assert importlib.util.find_spec("django_rclone_notify") is None
settings.configure(INSTALLED_APPS=["django_rclone"], SECRET_KEY="packaging")
django.setup()
for name, app in get_commands().items():
    if app == "django_rclone":
        load_command_class(app, name).create_parser("manage.py", name)
        print(name)
"""

SLACK_WITHOUT_REQUESTS = """
import importlib.util
import django
from django.conf import settings

assert importlib.util.find_spec("requests") is None
settings.configure(
    INSTALLED_APPS=["django_rclone", "django_rclone_notify"], SECRET_KEY="packaging"
)
django.setup()
from django_rclone_notify.notifiers.slack import SlackNotifier

try:
    SlackNotifier(webhook_url="https://hooks.example.com/services/x")
except Exception as error:
    print(type(error).__name__, error)
"""


def run(*argv: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in argv], capture_output=True, text=True, cwd=cwd, timeout=300
    )
    assert done.returncode == 0, f"{argv} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Environment:
    """A virtual environment that holds the named wheels and what they depend on."""

    def __init__(self, path: Path, *wheels: Path) -> None:
        venv.create(path, with_pip=False)
        self.path = path
        self.python = path / "bin" / "python"
        run(sys.executable, "-m", "pip", "--python", self.python, "install", "--quiet", *wheels)

    def execute(self, program: str, *arguments: str) -> str:
        """Run ``program`` without sight of this checkout."""
        return run(self.python, "-I", "-c", program, *arguments, cwd=self.path)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> dict[str, Path]:
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    folder = shared / "wheels"
    with (shared / "wheels.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for package, source in SOURCES.items():
            if not list(folder.glob(f"{package}-*.whl")):
                run(
                    sys.executable,
                    "-m",
                    "hatchling",
                    "build",
                    "-t",
                    "wheel",
                    "-d",
                    folder,
                    cwd=source,
                )
    return {package: next(folder.glob(f"{package}-*.whl")) for package in SOURCES}


@pytest.mark.parametrize("package", SOURCES)
def test_wheel_holds_the_package_and_nothing_else(package: str, wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels[package]) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    root = SOURCES[package] / "src"
    sources = {
        path.relative_to(root)
        for path in (root / package).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }
    # Hidden folders are caches that tools leave behind.
    assert held == {
        path.as_posix() for path in sources if not any(part.startswith(".") for part in path.parts)
    }
    assert f"{package}/py.typed" in held


@pytest.mark.parametrize("package", SOURCES)
def test_wheel_carries_licence_and_readme(package: str, wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels[package]) as archive:
        names = archive.namelist()
        [metadata] = [name for name in names if name.endswith(".dist-info/METADATA")]
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
        assert (SOURCES[package] / "README.md").read_text().strip() in archive.read(
            metadata
        ).decode()


def test_core_works_alone(wheels: dict[str, Path], tmp_path: Path) -> None:
    environment = Environment(tmp_path / "core", wheels["django_rclone"])

    modules = environment.execute(IMPORT_EVERYTHING, "django_rclone").split()
    commands = environment.execute(CORE_COMMANDS).split()

    assert "django_rclone.signals" in modules
    assert {"dbbackup", "dbrestore", "mediabackup", "mediarestore"} <= set(commands)


def test_notify_without_extras_names_what_to_install(
    wheels: dict[str, Path], tmp_path: Path
) -> None:
    environment = Environment(tmp_path / "notify", *wheels.values())

    # Every module can be imported; only the notifier that is used asks for its extra.
    environment.execute(IMPORT_EVERYTHING, "django_rclone_notify", "django_rclone")
    message = environment.execute(SLACK_WITHOUT_REQUESTS)

    assert 'pip install "django-rclone-notify[slack]"' in message


def test_the_installing_line_of_the_readme_installs_this_project(tmp_path: Path) -> None:
    line = 'pip install "./packages/django-rclone[rclone]" "./packages/django-rclone-notify[all]"'
    assert line in (ROOT / "README.md").read_text()
    names = [part.strip('"') for part in line.split()[2:]]
    venv.create(tmp_path / "venv", with_pip=False)
    python = tmp_path / "venv/bin/python"

    install: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
    ]
    run(*install, *names, cwd=ROOT)

    run(python, "-I", "-c", "import django_rclone.events, django_rclone_notify.notifiers.slack")
    assert (tmp_path / "venv/bin/rclone").exists()
