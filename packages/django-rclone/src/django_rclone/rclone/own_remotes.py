"""The remotes of ``REMOTES``, as variables of the environment of rclone.

So no secret is in an argument or in a file, and other users of the machine cannot read
them: https://rclone.org/docs/#config-file.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..conf.remotes import ConfiguredRemote
from ..conf.validators import did_you_mean
from ..exceptions import InvalidSettings, RcloneError
from .decoding import json_value
from .places import Sections, variable_prefix

_KEY = "REMOTES"

Obscure = Callable[[str], str]
"""Returns a password as rclone wants it in a configuration."""

Storages = Mapping[str, Mapping[str, bool]]
"""The options of each type of storage, and whether rclone wants them obscured."""


def storages(printed: str) -> Storages:
    """Return what ``rclone config providers`` prints. Raises ``RcloneError``."""
    try:
        return dict(_storages(json_value(printed)))
    except (ValueError, TypeError, KeyError):
        raise RcloneError(
            "rclone does not say which options its storages have.",
            hint="Install another version of rclone, or configure the remote with `rclone config`.",
        ) from None


def _storages(providers: Any) -> Iterator[tuple[str, Mapping[str, bool]]]:
    for provider in providers:
        options = {one["Name"]: bool(one["IsPassword"]) for one in provider["Options"]}
        # rclone accepts each of these for a type.
        for name in (provider["Name"], provider["Prefix"], *(provider.get("Aliases") or ())):
            yield name, options


def variables(
    remotes: Sequence[ConfiguredRemote], known: Storages, obscure: Obscure
) -> dict[str, str]:
    """Return the variables that configure remotes.

    Raises ``InvalidSettings`` for a type or an option that rclone does not know, which it
    would ignore in silence, and what ``obscure`` raises.
    """
    found: dict[str, str] = {}
    for remote in remotes:
        _require_undefined(remote)
        found |= _variables(remote.plain_name, _storage(remote, known, obscure))
        if remote.encryption:
            found |= _variables(remote.name, _crypt(remote, obscure))
    return found


def require_apart(remotes: Sequence[ConfiguredRemote], sections: Sections) -> None:
    """Raise ``InvalidSettings`` if rclone's own file has a remote of the same name.

    rclone would take what the settings do not say from there. A section without a type is
    what rclone itself has noted for a remote here: the kind of shell, a renewed token.
    """
    for remote in remotes:
        names = {remote.name.upper(), remote.plain_name.upper()}
        for section, options in sections.items():
            if section.upper() in names and "type" in options:
                problem = f"has {remote.name!r}, and so has rclone's configuration ({section!r})"
                hint = "Rename one of the two: rclone would mix their options."
                raise InvalidSettings(_KEY, problem, hint)


def _require_undefined(remote: ConfiguredRemote) -> None:
    for name in (remote.name, remote.plain_name):
        variable = f"{variable_prefix(name)}TYPE"
        if variable in os.environ:
            problem = f"has {remote.name!r}, and so has the environment ({variable})"
            raise InvalidSettings(_KEY, problem, "Remove one of the two.")


def _storage(remote: ConfiguredRemote, known: Storages, obscure: Obscure) -> dict[str, str]:
    where = f"of {remote.name!r}"
    if remote.type not in known:
        hint = did_you_mean(remote.type.lower(), known) or "`rclone help backends` lists them."
        raise InvalidSettings(_KEY, f"{where} has an unknown TYPE: {remote.type!r}", hint)
    passwords = known[remote.type]
    for option in remote.options:
        if option not in passwords:
            words = did_you_mean(option.lower().replace("-", "_"), passwords)
            hint = words or f"`rclone help backend {remote.type}` lists them."
            problem = f"{where} has an option that {remote.type} does not have: {option!r}"
            raise InvalidSettings(_KEY, problem, hint)
    return {"type": remote.type} | {
        option: _obscured(remote, value, obscure) if passwords[option] and value else value
        for option, value in remote.options.items()
    }


def _crypt(remote: ConfiguredRemote, obscure: Obscure) -> dict[str, str]:
    """Return the options of https://rclone.org/crypt/ around a storage."""
    assert remote.encryption
    options = {
        "type": "crypt",
        "remote": f"{remote.plain_name}:",
        "password": _obscured(remote, remote.encryption.password, obscure),
        # The names of folders are ours, and of the bucket, which must stay what it is.
        "directory_name_encryption": "false",
    }
    if remote.encryption.salt:
        options["password2"] = _obscured(remote, remote.encryption.salt, obscure)
    return options


def _obscured(remote: ConfiguredRemote, password: str, obscure: Obscure) -> str:
    if "\n" in password or "\r" in password:
        problem = f"of {remote.name!r} has a password of several lines"
        raise InvalidSettings(_KEY, problem, "rclone takes passwords of one line.")
    return obscure(password)


def _variables(name: str, options: Mapping[str, str]) -> dict[str, str]:
    prefix = variable_prefix(name)
    return {f"{prefix}{option.upper()}": value for option, value in options.items()}
