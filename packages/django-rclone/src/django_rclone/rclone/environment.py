"""rclone's variables in our environment: which of them reach rclone.

rclone has a variable for every flag and for every option of every storage, and some
change what is listed, copied or compared. So only these are passed on: where the
configuration is, the configuration of a storage (``RCLONE_CONFIG_BACKUPS_TYPE``), how
servers are reached, how fast, and, of the options for all storages of a kind
(``RCLONE_S3_REGION``), those that rclone itself asks for when it configures one, or
calls sensitive.
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ..processes import RCLONE_VARIABLE
from .decoding import json_value

_CONFIGURATION = r"CONFIG|CONFIG_\w+|PASSWORD_COMMAND|CACHE_DIR|TEMP_DIR"
# The groups Networking and Performance of `rclone help flags`, and two of Config.
_NETWORKING = (
    r"BIND|BWLIMIT(_FILE)?|CA_CERT|CLIENT_(CERT|KEY|PASS)|(EXPECT_CONTINUE_|CON)?TIMEOUT"
    r"|DISABLE_HTTP2|DISABLE_HTTP_KEEP_ALIVES|DSCP|HEADER(_UPLOAD|_DOWNLOAD)?|HTTP_PROXY"
    r"|MAX_CONNECTIONS|NO_CHECK_CERTIFICATE|NO_GZIP_ENCODING|TPSLIMIT(_BURST)?|USE_COOKIES"
    r"|USER_AGENT"
)
_PERFORMANCE = r"BUFFER_SIZE|CHECKERS|TRANSFERS|USE_MMAP|MAX_BUFFER_MEMORY"
_PASSED = re.compile(f"{RCLONE_VARIABLE}({_CONFIGURATION}|{_NETWORKING}|{_PERFORMANCE})")

# Of the options that rclone calls advanced: how the server is reached, and in which pieces
# it takes data.
_REACHING = re.compile(
    r"(endpoint|url|host|hostname|hosts_file|port|profile|region|proxy|socket|credentials_file"
    r"|_arn|auth|force_path_style|no_check_(certificate|bucket|container)|chunk_size"
    r"|upload_cutoff|upload_concurrency)$"
)

_FLAG = re.compile(r"^ +(?:-\w, |    )?--([a-z0-9][a-z0-9-]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Variables:
    """rclone's variables in our environment: those ``passed`` on, and the names ``left_out``."""

    passed: Mapping[str, str]
    left_out: tuple[str, ...]


def rclone_variables() -> dict[str, str]:
    """Return all variables of our environment that begin like those of rclone."""
    return {name: value for name, value in os.environ.items() if name.startswith(RCLONE_VARIABLE)}


def collection() -> dict[str, str]:
    """Return how often Go frees memory in rclone: half as often, unless our environment says it.

    A start takes a fifth less processor time then, a copy of many small files a twelfth, and
    both up to 16 MB more: https://pkg.go.dev/runtime#hdr-Environment_Variables.
    """
    return {} if "GOGC" in os.environ else {"GOGC": "200"}


def choose(output_of: Callable[..., str]) -> Variables:
    """Choose among the variables of our environment.

    ``output_of(verb, operand)`` returns what rclone prints; it is asked only about names
    that are not known here, and may raise.
    """
    ours = rclone_variables()
    passed = {name: value for name, value in ours.items() if _PASSED.fullmatch(name)}
    if passed.keys() == ours.keys():
        return Variables(passed, ())
    options = _options_of_storages(output_of("config", "providers"))
    passed |= {name: value for name, value in ours.items() if name in options}
    flags = {variable_of(flag) for flag in _FLAG.findall(output_of("help", "flags"))}
    # Whatever else begins like this is not rclone's: REMOTE of a site may come from there.
    return Variables(passed, tuple(sorted((ours.keys() - passed.keys()) & flags)))


def _options_of_storages(printed: str) -> set[str]:
    # What is not rclone, or a future one, names none: its errors are reported elsewhere.
    with suppress(ValueError, TypeError, KeyError):
        return allowed_options(json_value(printed))[0]
    return set()


def allowed_options(providers: Any) -> tuple[set[str], set[str]]:
    """Return the variables of those options of storages that may be set, and those of all options.

    They say where a storage is, who logs in, and in which pieces it takes data.
    """
    allowed, every = set(), set()
    for provider in providers:
        for option in provider["Options"]:
            name = option["Name"]
            trusted = not option["Advanced"] or option["Sensitive"] or option["IsPassword"]
            prefix = "" if option["NoPrefix"] else f"{provider['Prefix']}_"
            every.add(variable_of(prefix + name))
            if trusted or _REACHING.search(name):
                allowed.add(variable_of(prefix + name))
    return allowed, every


def variable_of(flag: str) -> str:
    """Return the variable that means the same as a flag."""
    return RCLONE_VARIABLE + flag.replace("-", "_").upper()


def sentence(names: Sequence[str]) -> str:
    """Return what the operator should know about variables that are left out."""
    return (
        f"Left out of the environment of programs: {', '.join(names)}. They would change what is "
        "listed, copied or dumped. What a storage needs belongs in rclone's configuration, or "
        "in RCLONE_CONFIG_NAME_OPTION for the remote NAME."
    )
