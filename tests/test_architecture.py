"""Who may import whom, and who alone may do what.

The table and the rules stand on top. The checker below reads source texts with
``ast`` and never imports them; its own tests, at the end, feed it violations.
"""

import ast
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[1] / "packages"
CORE = "django_rclone"
NOTIFY = "django_rclone_notify"

LAYERS: tuple[tuple[str, ...], ...] = (
    ("testing.*",),
    ("apps", "checks", "management.*"),
    ("operations.*",),
    ("reporting", "locks.*", "clients.*"),
    ("backups.*",),
    ("rclone.*",),
    ("pipeline.*", "processes.*", "scratch"),
    ("conf.*", "redaction", "console", "interrupts", "events", "signals", "exceptions"),
)
"""The rooms of core. A module may import those of its own line and of the lines below it.

``name.*`` is a folder and everything in it. Within a line there may be no
cycle. A module that fits no line fails the test: put it where it belongs.
"""

NOTIFY_MAY_IMPORT = {f"{CORE}.signals", f"{CORE}.events"}
"""What notify may know of core: the two modules whose contents are promised to be stable."""

ONLY = {
    "subprocess": ("processes.*",),
    "django.conf": ("conf.*",),
    "CommandError": ("management.*", "testing.*"),
    "input": ("management.*",),
    "send": ("reporting",),
}
"""What only one place of core may do: start programs, read settings, talk to the operator, signal."""

VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}

Sources = Mapping[str, str]
"""Dotted module name to source text."""


def read_sources(package: str) -> dict[str, str]:
    root = next(PACKAGES.glob(f"*/src/{package}"))
    sources = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        sources[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path.read_text()
    return sources


def imported(module: str, source: str, known: Sources) -> Iterator[str]:
    """Yield the full name of every module that ``module`` imports, at its top or later.

    ``from package import name`` is ``package.name`` if that is a module we know. The package
    itself may name, for checkers of types, what it imports when it is first used.
    """
    tree = ast.parse(source, module)
    if "." not in module:
        tree.body = [node for node in tree.body if not _is_for_type_checkers(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                is_package = any(name.startswith(f"{module}.") for name in known)
                anchor = module.split(".")
                anchor = anchor[: len(anchor) - node.level + is_package]
                base = ".".join([*anchor, base] if base else anchor)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in known or full in ONLY else base


def _is_for_type_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def fits(module: str, pattern: str) -> bool:
    """Tell whether ``module``, relative to its package, is meant by ``pattern``."""
    if pattern.endswith(".*"):
        return module == pattern[:-2] or module.startswith(pattern[:-1])
    return module == pattern


def layer_of(module: str, layers: tuple[tuple[str, ...], ...]) -> int | None:
    for number, patterns in enumerate(layers):
        if any(fits(module, pattern) for pattern in patterns):
            return number
    return None


def wrong_directions(
    sources: Sources, package: str, layers: tuple[tuple[str, ...], ...]
) -> list[str]:
    problems = []
    for module, source in sources.items():
        if module == package:
            # The package itself holds its version and imports nothing of ours.
            if any(is_within(name, package) for name in imported(module, source, sources)):
                problems.append(f"{module}/__init__.py imports a module of its own")
            continue
        own = layer_of(module.removeprefix(f"{package}."), layers)
        if own is None:
            problems.append(f"{module} is in no layer: add it to LAYERS")
            continue
        for name in sorted(set(imported(module, source, sources))):
            # `import django_rclone` for its version is open to everyone.
            if not is_within(name, package) or name == package:
                continue
            other = layer_of(name.removeprefix(f"{package}."), layers)
            if other is not None and other < own:
                problems.append(f"{module} imports {name}, which stands above it")
    return problems


def import_cycle(sources: Sources) -> list[str]:
    """Return the modules of one cycle of imports, or nothing."""
    graph = {
        module: {name for name in imported(module, source, sources) if name in sources} - {module}
        for module, source in sources.items()
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


def deeds(module: str, source: str, known: Sources) -> set[str]:
    """Return which of the restricted things of ``ONLY`` a module does."""
    found = {
        thing
        for name in imported(module, source, known)
        for thing in ("subprocess", "django.conf")
        if is_within(name, thing)
    }
    for node in ast.walk(ast.parse(source, module)):
        if isinstance(node, ast.ImportFrom):
            found |= {"CommandError"} & {alias.name for alias in node.names}
        elif isinstance(node, ast.Attribute) and node.attr == "CommandError":
            found.add("CommandError")
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name) and node.func.id == "input":
                found.add("input")
            if isinstance(node.func, ast.Attribute) and node.func.attr in {"send", "send_robust"}:
                found.add("send")
    return found


def trespasses(sources: Sources, package: str) -> list[str]:
    return [
        f"{module} does what only {' and '.join(ONLY[thing])} may: {thing}"
        for module, source in sources.items()
        for thing in sorted(deeds(module, source, sources))
        if not any(fits(module.removeprefix(f"{package}."), place) for place in ONLY[thing])
    ]


# The packages as they are


def test_imports_of_core_go_one_way() -> None:
    assert wrong_directions(read_sources(CORE), CORE, LAYERS) == []


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_imports_have_no_cycle(package: str) -> None:
    assert import_cycle(read_sources(package)) == []


def test_only_the_module_responsible_does_it() -> None:
    assert trespasses(read_sources(CORE), CORE) == []


def test_core_does_not_know_notify() -> None:
    sources = read_sources(CORE)
    assert [
        (module, name)
        for module, source in sources.items()
        for name in imported(module, source, sources)
        if is_within(name, NOTIFY)
    ] == []


def test_notify_knows_only_signals_and_events_of_core() -> None:
    sources = read_sources(NOTIFY)
    known = sources | read_sources(CORE)
    assert {
        (module, name)
        for module, source in sources.items()
        for name in imported(module, source, known)
        if is_within(name, CORE) and name not in NOTIFY_MAY_IMPORT
    } == set()


def imports_between_clients(sources: Sources) -> list[tuple[str, str]]:
    """Return the imports of one vendor's folder by another's: module and what it imports."""
    clients = f"{CORE}.clients"
    inner = [name for name in sources if name.startswith(f"{clients}.") and name.count(".") > 2]
    folders = {name.rpartition(".")[0] for name in inner}
    return [
        (module, name)
        for module in inner
        for name in imported(module, sources[module], sources)
        for folder in folders
        if is_within(name, folder) and not is_within(module, folder)
    ]


def test_a_client_folder_never_imports_another() -> None:
    assert imports_between_clients(read_sources(CORE)) == []


@pytest.mark.parametrize("statement", ["from ..b import B", "from ..b.tools import find"])
def test_checker_sees_an_import_between_clients(statement: str) -> None:
    clients = f"{CORE}.clients"
    modules = dict.fromkeys(("", ".base", ".a", ".a.client", ".b", ".b.tools"), "")
    sources = {f"{clients}{name}": text for name, text in modules.items()}
    sources[f"{clients}.a.client"] = f"from ..base import DatabaseClient\n{statement}"
    assert len(imports_between_clients(sources)) == 1


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_imports_within_a_package_are_relative(package: str) -> None:
    assert [
        module
        for module, source in read_sources(package).items()
        for node in ast.walk(ast.parse(source, module))
        if isinstance(node, ast.ImportFrom)
        and not node.level
        and is_within(node.module or "", package)
    ] == []


@pytest.mark.parametrize(("package", "folders", "files"), [(CORE, 10, 12), (NOTIFY, 10, 14)])
def test_ls_shows_the_rooms(package: str, folders: int, files: int) -> None:
    root = next(PACKAGES.glob(f"*/src/{package}"))
    found = [path for path in root.iterdir() if path.name != "__pycache__"]
    assert sum(path.is_dir() for path in found) <= folders
    assert sum(path.is_file() for path in found) <= files


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_no_module_is_longer_than_250_lines(package: str) -> None:
    lengths = {name: text.count("\n") for name, text in read_sources(package).items()}
    assert {name: length for name, length in lengths.items() if length > 250} == {}


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_every_module_has_a_telling_name(package: str) -> None:
    modules = read_sources(package)
    assert modules
    assert [name for name in modules if VAGUE_NAMES & set(name.split("."))] == []


@pytest.mark.parametrize("package", [CORE, NOTIFY])
def test_packages_are_marked_as_typed(package: str) -> None:
    assert [path.parent.name for path in PACKAGES.glob(f"*/src/{package}/py.typed")] == [package]


# The checker itself: each rule is broken once

EXAMPLE_LAYERS = (("top.*",), ("middle",), ("low", "lowest"))


def example(**modules: str) -> dict[str, str]:
    return {"pkg": "", **{f"pkg.{name.replace('__', '.')}": text for name, text in modules.items()}}


@pytest.mark.parametrize(
    "statement",
    [
        "import pkg.middle",
        "from pkg import middle",
        "from pkg.middle import thing",
        "from pkg.top.command import thing",
        "from . import middle",
        "from .middle import thing",
        "from .top.command import thing",
        "def late():\n    from pkg.middle import thing",
        "if TYPE_CHECKING:\n    from pkg.middle import thing",
    ],
)
def test_checker_sees_an_import_upwards(statement: str) -> None:
    sources = example(top__command="", middle="", low=statement)
    [problem] = wrong_directions(sources, "pkg", EXAMPLE_LAYERS)
    assert problem.startswith("pkg.low imports pkg.")


@pytest.mark.parametrize(
    ("module", "statement"),
    [
        ("pkg.low.inner", "from ..middle import thing"),
        ("pkg.low.inner", "from .. import middle"),
        ("pkg.low", "from ..middle import thing"),
        ("pkg.low", "from .. import middle"),
    ],
)
def test_checker_follows_dots(module: str, statement: str) -> None:
    # In a package, unlike in a module, one dot is the package itself.
    sources = {"pkg": "", "pkg.middle": "", "pkg.low": "", "pkg.low.inner": "", module: statement}
    layers = (("middle",), ("low.*",))
    assert wrong_directions(sources, "pkg", layers) == [
        f"{module} imports pkg.middle, which stands above it"
    ]


def test_checker_allows_imports_downwards_and_sideways() -> None:
    sources = example(
        top__command="from pkg.middle import a\nfrom pkg import low, __version__",
        middle="import pkg.lowest",
        low="from pkg.lowest import a\nimport json",
        lowest="",
    )
    assert wrong_directions(sources, "pkg", EXAMPLE_LAYERS) == []
    assert import_cycle(sources) == []


def test_checker_sees_a_module_without_a_layer() -> None:
    problems = wrong_directions(example(stray="", top_secret=""), "pkg", EXAMPLE_LAYERS)
    assert [problem.split()[0] for problem in problems] == ["pkg.stray", "pkg.top_secret"]


def test_checker_sees_a_package_that_imports_its_own_modules() -> None:
    sources = {"pkg": "from pkg.low import thing", "pkg.low": ""}
    assert wrong_directions(sources, "pkg", EXAMPLE_LAYERS) != []


def test_checker_sees_a_cycle() -> None:
    sources = example(low="from pkg.lowest import a", lowest="from pkg import low")
    assert set(import_cycle(sources)) == {"pkg.low", "pkg.lowest"}


@pytest.mark.parametrize(
    ("statement", "thing"),
    [
        ("import subprocess", "subprocess"),
        ("from subprocess import run", "subprocess"),
        ("from django.conf import settings", "django.conf"),
        ("from django import conf", "django.conf"),
        ("import django.conf", "django.conf"),
        ("from django.core.management import CommandError", "CommandError"),
        ("from django.core import management\nraise management.CommandError", "CommandError"),
        ("input('Sure?')", "input"),
        ("signal.send(sender=None)", "send"),
        ("signals.pre_db_backup.send_robust(sender=None)", "send"),
    ],
)
def test_checker_sees_a_trespass(statement: str, thing: str) -> None:
    assert trespasses(example(middle=statement), "pkg") == [
        f"pkg.middle does what only {' and '.join(ONLY[thing])} may: {thing}"
    ]
    allowed = ONLY[thing][0].replace(".*", "__command")
    assert trespasses(example(**{allowed: statement}), "pkg") == []


@pytest.mark.parametrize("statement", ["my_settings.configure()", "ask = self.input", "x = send"])
def test_checker_sees_no_trespass_where_there_is_none(statement: str) -> None:
    assert trespasses(example(middle=statement), "pkg") == []
