"""One stored object and what its manifest says of it: whether they belong together."""

from django.core.signing import Signer

from . import Backup
from .manifest import Facts, Manifest, ManifestError

OLD_KEY = "If the key changed, add the old one to SIGNING_KEY_FALLBACKS or SECRET_KEY_FALLBACKS."
"""The hint for what is signed with an unknown key."""


def read_backup(path: str, size: int, data: bytes | None, signer: Signer) -> Backup:
    """Return the object of ``size`` bytes at ``path`` as a backup.

    ``data`` is its stored manifest, or ``None`` if there is none.
    """
    if data is None:
        return Backup(path=path, size=size, problem="it has no manifest")
    try:
        manifest = Manifest.from_bytes(data)
    except ManifestError as error:
        return Backup(path=path, size=size, problem=f"its manifest cannot be read: {error}")
    return compare(path, size, manifest, signer)


def compare(path: str, size: int, manifest: Manifest, signer: Signer) -> Backup:
    """Return the object of ``size`` bytes at ``path``, which ``manifest`` is found next to."""
    if not manifest.is_signed_by(signer):
        problem = "its manifest was altered, or signed with another key"
    elif manifest.path != path:
        problem = f"its manifest is that of {manifest.path}"
    else:
        problem = wrong_size(size, manifest.facts)
    return Backup(path=path, size=size, manifest=manifest, problem=problem)


def wrong_size(size: int, facts: Facts) -> str:
    """Return what is wrong with the size of a dump; nothing if it is that in its manifest."""
    if size == facts.size:
        return ""
    return f"it has {size:,} bytes, its manifest says {facts.size:,}"
