"""``REMOTES``: remotes of rclone that are configured in Django's settings.

Which options a type of storage has is known to rclone alone: the room of rclone compares
them with what it says.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ..exceptions import InvalidSettings
from .sources import SOURCE_HINT, text_of, value_of
from .validators import did_you_mean, type_name

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}")
_KEYS = ("TYPE", "OPTIONS", "ENCRYPTION")
_ENCRYPTION_KEYS = ("PASSWORD", "SALT")
_SECRET = re.compile(
    r"(pass|password2?|passphrase|secret|token|keys?|pem|sas_url|connection_string"
    r"|credentials|access_grant|cookies|mnemonic)$",
    re.IGNORECASE,
)
_HINT = 'For example {"backups": {"TYPE": "s3", "OPTIONS": {"provider": "AWS"}}}.'


@dataclass(frozen=True, slots=True, kw_only=True)
class Encryption:
    """What names and contents are encrypted with; both as the operator knows them."""

    password: str = field(repr=False)
    salt: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfiguredRemote:
    """One remote: its options are rclone's own, as text, passwords not yet obscured."""

    name: str
    type: str
    options: Mapping[str, str] = field(repr=False)
    encryption: Encryption | None = None

    @property
    def plain_name(self) -> str:
        """The name of the storage itself, without encryption."""
        return f"{self.name}_plain" if self.encryption else self.name


def remotes(key: str, value: object) -> tuple[ConfiguredRemote, ...]:
    """Accept a dictionary of remotes by their names. Raises ``InvalidSettings``, never with a secret."""
    if not isinstance(value, Mapping):
        raise InvalidSettings(key, f"must be a dict, not {type_name(value)}", _HINT)
    found = tuple(_remote(key, name, options) for name, options in value.items())
    names = [one.name for one in found]
    names += [one.plain_name for one in found if one.encryption]
    # rclone's variables are in upper case, whatever the case of a name.
    if len({name.upper() for name in names}) < len(names):
        problem = f"has names that rclone cannot keep apart: {', '.join(sorted(names))}"
        raise InvalidSettings(key, problem, "Rename one. Case does not count.")
    return found


def relative_place(place: str, configured: Iterable[ConfiguredRemote]) -> bool:
    """Whether ``place`` is a folder of this machine, of a remote here, that is not absolute."""
    name, colon, path = place.partition(":")
    return bool(colon) and any(
        one.name.upper() == name.upper() and one.type == "local" and not path.startswith("/")
        for one in configured
    )


def is_secret(name: str) -> bool:
    """Whether an option or a variable of this name has a secret for a value."""
    return bool(_SECRET.search(name))


def secrets(value: object) -> Iterator[str]:
    """Yield the secrets in ``REMOTES``, however wrong it is."""
    for one in value.values() if isinstance(value, Mapping) else ():
        one = one if isinstance(one, Mapping) else {}
        parts = [one.get(part) for part in ("OPTIONS", "ENCRYPTION")]
        for options in (part for part in parts if isinstance(part, Mapping)):
            for name, option in options.items():
                if isinstance(option, Mapping) or is_secret(str(name)) or name == "SALT":
                    try:
                        yield text_of(option)
                    except ValueError:
                        continue


def _remote(key: str, name: object, value: object) -> ConfiguredRemote:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        hint = "Use a letter, then up to 39 letters, digits and underscores."
        raise InvalidSettings(key, f"has a remote with a wrong name: {name!r}", hint)
    values = _mapping(key, f"of {name!r}", value, _KEYS)
    kind = values.get("TYPE")
    if not isinstance(kind, str) or not kind:
        hint = 'For example "s3", "b2", "sftp" or "local"; `rclone help backends` lists them.'
        raise InvalidSettings(key, f"of {name!r} has no TYPE", hint)
    options = _mapping(key, f"of {name!r}: OPTIONS", values.get("OPTIONS", {}))
    encryption = values.get("ENCRYPTION")
    return ConfiguredRemote(
        name=name,
        type=kind,
        options={
            option: value_of(key, f"of {name!r}: option {option!r}", one)
            for option, one in options.items()
        },
        encryption=None if encryption is None else _encryption(key, name, encryption),
    )


def _encryption(key: str, name: str, value: object) -> Encryption:
    values = _mapping(key, f"of {name!r}: ENCRYPTION", value, _ENCRYPTION_KEYS)
    if "PASSWORD" not in values:
        raise InvalidSettings(key, f"of {name!r}: ENCRYPTION has no PASSWORD", SOURCE_HINT)
    read = {
        one.lower(): value_of(key, f"of {name!r}: {one} of ENCRYPTION", text)
        for one, text in values.items()
    }
    for one, text in read.items():
        if not text:
            problem = f"of {name!r}: {one.upper()} of ENCRYPTION is empty"
            raise InvalidSettings(key, problem, "Set one, or remove the key.")
    return Encryption(**read)


def _mapping(
    key: str, where: str, value: object, known: Iterable[str] | None = None
) -> Mapping[str, object]:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        problem = f"{where} must be a dict with names for keys, not {type_name(value)}"
        raise InvalidSettings(key, problem, _HINT)
    for name in value:
        if known is not None and name not in known:
            hint = did_you_mean(name.upper(), known) or f"Known keys: {', '.join(known)}."
            raise InvalidSettings(key, f"{where} has an unknown key {name!r}", hint)
    return value
