"""What is stored is damaged, forged, of something else, or has a hostile name."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from django_rclone.backups.manifest import Manifest, signer
from tests.faults.cell import Cell, Fault, Inject, fault
from tests.support.incompressible import incompressible

Damage = Callable[[bytes], bytes]


def _stored(cell: Cell) -> tuple[Path, Path]:
    """Return the dump and its manifest, the smaller one, whatever they are called."""
    files = [path for path in cell.endpoint.files() if path.stat().st_size > 0]
    manifest, dump = sorted(files, key=lambda path: path.stat().st_size)
    return dump, manifest


def _damaged(damage: Damage, *, manifest: bool = False) -> Inject:
    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        path = _stored(cell)[1 if manifest else 0]
        whole = path.read_bytes()
        path.write_bytes(damage(whole))
        try:
            yield
        finally:
            path.write_bytes(whole)

    return inject


@contextmanager
def _without_dump(cell: Cell) -> Iterator[None]:
    with _removed(_stored(cell)[0]):
        yield


@contextmanager
def _without_manifest(cell: Cell) -> Iterator[None]:
    with _removed(_stored(cell)[1]):
        yield


@contextmanager
def _removed(path: Path) -> Iterator[None]:
    whole = path.read_bytes()
    path.unlink()
    try:
        yield
    finally:
        path.write_bytes(whole)


def _flip(place: float) -> Damage:
    def damage(data: bytes) -> bytes:
        at = min(int(len(data) * place), len(data) - 1)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return damage


def _edit(**changes: object) -> Damage:
    """Change fields of a manifest, and leave its signature as it was."""

    def damage(data: bytes) -> bytes:
        return json.dumps({**json.loads(data), **changes}).encode()

    return damage


def _signed(key: str = "the-secret-key-of-the-tests", **changes: object) -> Damage:
    """Change fields of a manifest, and sign it anew."""

    def damage(data: bytes) -> bytes:
        manifest = replace(Manifest.from_bytes(data), **changes)  # type: ignore[arg-type]
        return manifest.signed(signer(key, ())).to_bytes()

    return damage


def _dump_faults() -> Iterator[tuple[str, Damage, str]]:
    yield "dump is truncated", lambda data: data[: len(data) // 2], "bytes, its manifest says|.*"
    yield "dump is empty", lambda data: b"", "bytes, its manifest says|.*"
    for place, where in ((0.0, "head"), (0.5, "middle"), (1.0, "tail")):
        yield (
            f"dump has a flipped bit at its {where}",
            _flip(place),
            "altered|damaged|decompress|.*",
        )
    yield "dump is followed by more", lambda data: data + b"x", "bytes, its manifest says|.*"
    yield "dump is something else", lambda data: incompressible(len(data)), "altered|decompress|.*"


def _manifest_faults() -> Iterator[tuple[str, Damage, str]]:
    yield "manifest is empty", lambda data: b"", "no backup"
    yield "manifest is not JSON", lambda data: b"{", "cannot be read"
    yield "manifest is not an object", lambda data: b"[]", "cannot be read"
    yield "manifest is of a future version", _edit(version=2), "cannot be read"
    yield "manifest is not signed", _edit(signature=""), "altered, or signed with another key"
    yield "manifest is signed with another key", _signed("another"), "signed with another key"
    yield "manifest is changed", _edit(server_version="9"), "altered, or signed with another key"
    yield (
        "manifest is of another path",
        _signed(path="db/other"),
        "its manifest is that of db/other",
    )
    yield "manifest is of another database", _signed(database="other"), "no backup of database"
    yield "manifest is of another engine", _signed(vendor="oracle"), "holds oracle"
    yield (
        "manifest is of another environment",
        _signed(environment="staging"),
        "no backup of database.*staging",
    )
    yield "manifest has another size", _signed(size=5), "bytes, its manifest says 5"
    yield "manifest has another hash", _signed(sha256="0" * 64), "hash"
    yield "manifest is huge", lambda data: data + b" " * (9 << 20), "cannot be read"


def restore_faults(remote: str) -> Iterator[Fault]:
    """Yield what may be wrong with the backup that is to be restored."""
    yield fault("dump is missing", _without_dump, "no backup")
    yield fault("manifest is missing", _without_manifest, "no backup")
    for name, damage, says in _dump_faults():
        yield fault(name, _damaged(damage), says, hint=False)
    if remote == "folder":
        for name, damage, says in _manifest_faults():
            inject = _damaged(damage, manifest=True)
            yield fault(name, inject, says, hint=False)


_ESCAPES = b"\\! touch {0}\nsystem touch {0}\n.shell touch {0}\n\\connect x\n"


@contextmanager
def _escapes(cell: Cell) -> Iterator[None]:
    """Put commands for the clients of all databases where nothing vouches for them."""
    proof = cell.site.folder / "proof"
    dump, manifest = _stored(cell)
    whole, vouched = dump.read_bytes(), manifest.read_bytes()
    manifest.unlink()
    evil = dump.with_name("evil.dump")
    evil.write_bytes(_ESCAPES.replace(b"{0}", str(proof).encode()))
    try:
        yield
    finally:
        evil.unlink()
        dump.write_bytes(whole)
        manifest.write_bytes(vouched)
        assert not proof.exists(), "a command in the dump was run"


ESCAPES = fault(
    "dump holds commands for a shell",
    _escapes,
    ".",
    arguments=("dbrestore", "--noinput", "--unverified", "-i", "evil.dump"),
    hint=False,
)

_NAMES = {
    "two dots": "..x",
    "a leading dash": "--config=x.zst",
    "a newline": "a\nb.zst",
    "a backslash": "a\\b.zst",
    "255 bytes": "n" * 250 + ".json"[:5],
    "a colon and a comma": "a:b,c=d.zst",
    "a quote and a space": "a 'b\" $(touch proof).zst",
    "a control character": "a\x1b[31m.zst",
    "no letters at all": "\u202e\u0000".replace("\0", "") + ".zst",
}


def _stranger(name: str) -> Inject:
    """Lay something with a hostile name beside the backups, vouched for by a copy of a manifest."""

    @contextmanager
    def inject(cell: Cell) -> Iterator[None]:
        folder = cell.endpoint.folder / "db"
        folder.mkdir(exist_ok=True)
        made = [folder / name]
        made[0].write_bytes(b"strange")
        if len(name.encode()) < 250:
            made.append(folder / f"{name}.json")
            made[1].write_bytes(b'{"version": 1}')
        try:
            yield
        finally:
            assert all(path.exists() for path in made), "what is a stranger's stays"
            for path in made:
                path.unlink()

    return inject


def name_faults() -> Iterator[tuple[str, Fault]]:
    """Yield hostile names of what lies beside the backups, and of what is asked for."""
    fine = {0}
    for what, name in _NAMES.items():
        title = f"a name with {what}"
        for operation in ("listing", "retention", "backup"):
            inject = _stranger(name)
            yield operation, fault(title, inject, status=fine)
        yield (
            "restore",
            fault(
                title,
                _stranger(name),
                "refus|no backup|cannot be the name",
                arguments=("dbrestore", "--noinput", f"--input={name}"),
            ),
        )
    for what, name in {
        "a way out": "../db/x",
        "a null byte": "a\0b",
        "a folder": "a/b",
        "nothing": "",
        "a dot": ".",
    }.items():
        yield (
            "restore",
            fault(
                f"asked for by {what}",
                _stranger("harmless"),
                "cannot be the name|no backup",
                arguments=("dbrestore", "--noinput", f"--input={name}"),
            ),
        )


def cells() -> Iterator[tuple[str, str, str, Fault]]:
    for remote in ("folder", "crypt"):
        for engine in ("sqlite", "postgresql", "mariadb"):
            for found in restore_faults(remote):
                yield "restore", engine, remote, found
    for engine in ("sqlite", "postgresql", "mariadb"):
        yield "restore", engine, "folder", ESCAPES
    for name, damage, _ in (*_dump_faults(), *_manifest_faults()):
        of_manifest = name.startswith("manifest")
        inject = _damaged(damage, manifest=of_manifest)
        yield "listing", "sqlite", "folder", fault(name, inject, status={0})
        # One that cannot be trusted neither counts nor goes.
        yield "retention", "sqlite", "folder", fault(name, _kept(inject), status={0})
    for operation, found in name_faults():
        yield operation, "sqlite", "folder", found


def _kept(inject: Inject) -> Inject:
    @contextmanager
    def keeping(cell: Cell) -> Iterator[None]:
        with cell.setting("DB_CLEANUP_KEEP", 5), inject(cell):
            yield

    return keeping
