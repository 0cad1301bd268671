"""The user's flags for rclone: which are refused, and which reach every run."""

import re
from collections.abc import Callable, Sequence

from ..exceptions import InvalidSettings

_SECRET_FLAG = re.compile(
    r"(pass|(?<!ask-)password2?|passphrase|secret|token|pem|sas-url|connection-string|credentials"
    r"|access-grant|authorization|cookies|(?<!-client)(?<!-rc)(?<!-metrics)-key|access-key-id"
    r"|master-keys|customer-key-base64|swift-auth)$"
    r"|^--(header(-upload|-download)?|[a-z]+-headers)$"
)
_URL_WITH_SECRET = re.compile(r"://[^/\s]*@")

# Short flags may be joined, as in `-vq`.
_LOG_FLAG = re.compile(r"^(-[A-Za-z]*q|--quiet$|--(log|syslog))")
_SERVER_FLAG = re.compile(r"^--(rc|metrics)(-|$)")
# Filters, other comparisons, and other places than the two folders.
_MEDIA_FLAG = re.compile(
    r"^(-[A-Za-z]*[fulxL]|--(include|exclude|filter|files-from|hash-filter|metadata-|suffix)"
    r"|--((min|max)-(size|age)|max-depth|one-file-system|update|size-only|ignore-existing"
    r"|ignore-size|existing|immutable|(local-)?(copy-|skip-)?links|copy-dest|compare-dest"
    r"|backup-dir|no-check-dest|modify-window|ignore-(errors|case|case-sync|checksum)|fix-case"
    r"|max-(transfer|duration|delete|delete-size)|cutoff-mode|delete-(excluded|before|during)"
    r"|track-renames(-strategy)?|use-server-modtime|no-update-(modtime|dir-modtime)"
    r"|name-transform|local-(no-check-updated|case-(in)?sensitive|unicode-normalization)"
    r"|error-on-no-transfer)$)"
)

_CONNECTION_FLAG = re.compile(
    r"^(-v+|--verbose|--dump|--config|--password-command|--bind|--ca-cert|--client-(cert|key)"
    r"|--no-check-certificate|--http-proxy|--user-agent|--use-cookies|--disable-http\S*|--dscp"
    r"|--timeout|--contimeout|--expect-continue-timeout|--low-level-retries|--tpslimit\S*)$"
)


def flags(key: str, value: object) -> tuple[str, ...]:
    """Return ``value`` as arguments for rclone. Raises ``InvalidSettings``, never with a secret."""
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        problem = f"must be a list of strings, not {type(value).__name__}"
        raise InvalidSettings(key, problem, 'For example ["--transfers=8"].')
    takes_value = False
    for argument in value:
        if argument.startswith("-"):
            _check(key, argument)
            takes_value = "=" not in argument
        elif takes_value:
            takes_value = False
        else:
            problem = f"contains {argument!r}, which is not a flag"
            raise InvalidSettings(key, problem, 'Flags start with a dash, for example "-v".')
    return tuple(value)


def _check(key: str, argument: str) -> None:
    flag = argument.partition("=")[0]
    if _SECRET_FLAG.search(flag) or _URL_WITH_SECRET.search(argument):
        raise InvalidSettings(
            key,
            f"puts a secret ({flag}) where every user can read it",
            "Move it to REMOTES, or to rclone's configuration.",
        )
    if _LOG_FLAG.search(flag):
        problem = f"contains {flag}, which would hide rclone's errors and progress"
        raise InvalidSettings(key, problem, "Remove it: errors and progress are read from the log.")
    if _SERVER_FLAG.search(flag):
        problem = f"contains {flag}, which would let others give orders to rclone"
        hint = "Remove it: rclone takes requests from this package alone, at a private socket."
        raise InvalidSettings(key, problem, hint)
    if _MEDIA_FLAG.search(flag):
        problem = f"contains {flag}, which would leave media files out, or store others"
        raise InvalidSettings(key, problem, "Remove it: a media backup must hold every file.")


def connection_flags(flags: Sequence[str]) -> tuple[str, ...]:
    """Return those of the user's flags, with their values, that every run of rclone needs."""
    return _chosen(flags, lambda flag: bool(_CONNECTION_FLAG.search(flag)))


def without_filters(flags: Sequence[str]) -> tuple[str, ...]:
    """Return the user's flags, with their values, but for those that could hide a backup.

    The settings refuse these; whoever is asked for backups must not know them in any case.
    """
    return _chosen(flags, lambda flag: not _MEDIA_FLAG.search(flag))


def _chosen(flags: Sequence[str], fits: Callable[[str], bool]) -> tuple[str, ...]:
    chosen = []
    wanted = False
    for argument in flags:
        if argument.startswith("-"):
            wanted = fits(argument.partition("=")[0])
        if wanted:
            chosen.append(argument)
    return tuple(chosen)
