"""The documentation covers all that the code offers: settings, commands, signals and the like."""

import ast
import dataclasses
import inspect
import re
import signal

import pytest
from django.core.management import load_command_class
from django.core.management.base import BaseCommand
from django.utils.module_loading import import_string

from django_rclone import conf, exceptions, signals
from django_rclone.backups.manifest import Manifest
from django_rclone.events import Operation, OperationEvent, State
from django_rclone.management import base
from django_rclone_notify import checks as notify_checks
from django_rclone_notify import conf as notify_conf
from django_rclone_notify.notifications import NotificationState
from django_rclone_notify.notifiers import dummy
from django_rclone_notify.notifiers.loading import SHIPPED
from tests.docs.texts import CORE, NOTIFY, PAGES, ROOT, TEXTS, page, rows, section
from tests.support.site import DjangoSite

COMMANDS = (
    "backupsetup",
    "backupcheck",
    "dbbackup",
    "dbrestore",
    "dbverify",
    "listbackups",
    "prune",
    "pin",
    "unpin",
    "mediabackup",
    "mediarestore",
    "backupsite",
    "restoresite",
    "mediaverify",
)


NOTIFIERS = {path.split(".")[-2]: import_string(path) for path in SHIPPED if "dummy" not in path}
"""The notifiers by the names of their modules, which are those of their pages."""


@pytest.mark.parametrize("key", conf.KEYS)
def test_every_setting_is_documented_with_its_default(key):
    text = section(page("settings"), f"### `{key}`")
    if key == "REMOTE":
        assert "Required." in text
        return
    match = re.search(r"Default: `(.+?)`\.\n", text)
    assert match, f"{key} has no default"
    default = ast.literal_eval(match[1])
    assert (tuple(default) if isinstance(default, list) else default) == conf.KEYS[key].default


def test_no_other_setting_is_documented():
    assert set(re.findall(r"^### `(\w+)`$", page("settings"), re.M)) == set(conf.KEYS)


def options(command: BaseCommand) -> dict[str, str]:
    """Return the options that a command adds to Django's own, with their help texts."""
    common = BaseCommand().create_parser("manage.py", "x")._option_string_actions
    return {
        ", ".join(action.option_strings): str(action.help)
        for action in command.create_parser("manage.py", "x")._actions
        if action.option_strings and not set(action.option_strings) <= set(common)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented_with_its_help_texts(name, site: DjangoSite):
    command = load_command_class("django_rclone", name)
    text = section(page("commands"), f"## {name}")
    assert text.strip().startswith(command.help)
    assert rows(text) == options(command)


def test_every_command_has_a_section():
    folder = CORE / "src" / "django_rclone" / "management" / "commands"
    assert {path.stem for path in folder.glob("[!_]*.py")} == set(COMMANDS)


def exit_codes() -> set[int]:
    named = {
        value
        for module in (base, exceptions)
        for name, value in vars(module).items()
        if name.startswith("EXIT_")
    }
    raised = {
        error.exit_code
        for error in vars(exceptions).values()
        if inspect.isclass(error) and hasattr(error, "exit_code")
    }
    stopped = {128 + number for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)}
    return {0, *named, *raised, *stopped, base._EXIT_INTERRUPTED}


def test_every_exit_code_is_documented():
    table = section(page("commands"), "## Exit codes")
    assert {int(code) for code in rows(table)} == exit_codes()


def test_every_system_check_is_documented():
    found = re.findall(r"\b([EW]\d{3}): ", (CORE / "src/django_rclone/checks.py").read_text())
    documented = rows(section(page("commands"), "## check"))
    assert set(documented) == {f"django_rclone.{number}" for number in found}


@pytest.mark.parametrize("name", signals.__all__)
def test_every_signal_is_documented(name):
    assert f"`{name}`" in page("signals") or f"`{name}(" in page("signals")


def test_every_field_of_the_event_is_documented():
    documented = rows(section(page("signals"), "### The event"))
    assert list(documented) == [
        name
        for name in documented
        if name in {field.name for field in dataclasses.fields(OperationEvent)}
    ]
    assert len(documented) == len(dataclasses.fields(OperationEvent))


@pytest.mark.parametrize("value", [*Operation, *State])
def test_every_operation_and_state_is_documented(value):
    assert f'`"{value}"`' in section(page("signals"), "### The event")
    assert f"`{value}`" in section(page("notify"), "## Settings")


@pytest.mark.parametrize("value", NotificationState)
def test_every_state_of_a_notification_is_documented(value):
    assert f"`{value}`" in section(page("notify"), "## Settings")
    assert f"`{value}`" in page("writing-a-notifier")


def test_every_field_of_the_manifest_is_documented():
    documented = rows(section(page("how-it-works"), "## The manifest"))
    names = {name for cell in documented for name in cell.split(", ")}
    assert names == {field.name for field in dataclasses.fields(Manifest)}


def test_every_key_of_a_channel_is_documented():
    documented = [name for name in rows(section(page("notify"), "## Settings")) if name.isupper()]
    assert documented == list(notify_conf.KEYS)


def test_every_notifier_is_shipped_and_has_a_page():
    folder = NOTIFY / "src" / "django_rclone_notify" / "notifiers"
    is_notifier = re.compile(r"^class \w+\(\w*Notifier\):", re.M)
    modules = [path for path in folder.rglob("*.py") if is_notifier.search(path.read_text())]
    found = {path.relative_to(folder).with_suffix("").parts[0] for path in modules}
    assert found == {*NOTIFIERS, "dummy"}
    assert {path.stem for path in PAGES.glob("notify-*.md")} == {f"notify-{n}" for n in NOTIFIERS}


@pytest.mark.parametrize("name", NOTIFIERS)
def test_every_option_is_documented_with_its_default(name):
    notifier = NOTIFIERS[name]
    text = page(f"notify-{name}")
    assert f"`django_rclone_notify.notifiers.{name}.{notifier.__qualname__}`" in text
    [table] = re.findall(r"^\| option \| default \|\n(?:\|.+\|\n)+", text, re.M)
    documented = {
        option: default for cell, default in rows(table).items() for option in cell.split(", ")
    }
    parameters = inspect.signature(notifier).parameters
    assert set(documented) == set(parameters)
    for option, parameter in parameters.items():
        if parameter.default not in (parameter.empty, None):
            match = re.match(r"`(.+?)`", documented[option])
            assert match, option
            assert ast.literal_eval(match[1]) == parameter.default


def test_the_dummy_is_documented():
    text = section(page("notify"), "## In the tests of your site")
    assert f"`{dummy.__name__}.DummyNotifier`" in text
    assert f"`{dummy.__name__}.outbox`" in text


def test_every_check_of_notify_is_documented():
    documented = {name.rpartition(".")[2] for name in rows(section(page("notify"), "## Settings"))}
    assert documented >= set(re.findall(r"``(\w\d+)``", notify_checks.__doc__ or ""))


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_every_folder_is_on_the_source_map(package):
    (root,) = (package / "src").iterdir()
    folders = {path.name for path in root.iterdir() if (path / "__init__.py").is_file()}
    listed = set(re.findall(r"`(\w+)/`", section(page("source-map"), "## Folders")))
    assert folders
    assert folders - {"management"} <= listed


def test_source_map_fits_on_a_page():
    assert len(page("source-map").splitlines()) <= 40


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_every_folder_has_a_docstring(package):
    (root,) = (package / "src").iterdir()
    folders = [path for path in root.rglob("__init__.py") if path.parent.name != "commands"]
    assert [path for path in folders if not ast.get_docstring(ast.parse(path.read_text()))] == []


def test_every_page_is_in_the_navigation():
    navigation = (ROOT / "docs" / "mkdocs.yml").read_text()
    assert set(re.findall(r": ([\w-]+\.md)$", navigation, re.M)) == {
        path.name for path in PAGES.glob("*.md")
    }


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_links_to_files_work(path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text())
    assert [link for link in links if not (path.parent / link).is_file()] == []
