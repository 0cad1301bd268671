"""What the user's flags mean for single requests.

rclone reads them all from its command line. Those that are not about the connection are
undone for whatever is not a transfer, so that no flag can hide a backup.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from ..conf.rclone_flags import connection_flags
from ..exceptions import RcloneError
from .api import Api
from .environment import allowed_options, variable_of

_FEW_RETRIES = {"LowLevelRetries": 3}
"""For small requests: rclone's default of ten is squared on S3, so that it is silent for many minutes."""

_CUTOFF = "StreamingUploadCutoff"

_PLAIN = {
    *("bool", "int", "int64", "float64", "string"),
    *("SizeSuffix", "Duration", "stringArray", "SpaceSepList"),
}
"""The types of options whose default rclone takes back as it shows it."""

_KEPT = {
    *("LogLevel", "UseJSONLog", "AskPassword", "DryRun", "Interactive", "Progress"),
    *("ConnectTimeout", "Timeout", "LowLevelRetries", "PasswordCommand", "BindAddr"),
    *("CaCert", "ClientCert", "ClientKey", "InsecureSkipVerify", "HTTPProxy", "UserAgent"),
    *(
        "UseServerModTime",
        "Cookie",
        "DisableHTTP2",
        "DisableHTTPKeepAlives",
        "TrafficClass",
        "Dump",
    ),
    *("ExpectContinueTimeout", "TPSLimit", "TPSLimitBurst", "StatsLogLevel"),
    # rclone does not take its own default of these back.
    *("BwLimit", "BwLimitFile"),
}
"""The options, by their names in the configuration, that are the same for every request."""


class Options:
    """The configuration of small requests, and what the user has chosen for transfers."""

    def __init__(self, api: Api, flags: Sequence[str]) -> None:
        """Ask rclone what the ``flags`` mean. Raises ``RcloneError`` for one that must not be there."""
        self.retries: dict[str, Any] = dict(_FEW_RETRIES)
        self.small = dict(_FEW_RETRIES)
        self.chosen: dict[str, Any] = {}
        if not flags:
            return
        what = "say what RCLONE_FLAGS mean"
        now = api.call("options/get", what, blocks="main")["main"]
        every = api.call("options/info", what, blocks="main")["main"]
        known = {one["FieldName"]: one for one in every if one["Type"] in _PLAIN}
        self.chosen = {
            name: value
            for name, value in now.items()
            if name in known and _differs(value, known[name]["Default"])
        }
        for name in self.chosen.keys() - _KEPT:
            self.small[name] = known[name]["Default"]
        if "LowLevelRetries" in self.chosen:
            self.retries = {}
            del self.small["LowLevelRetries"]
        _require_no_view(api, flags, {one["Name"].replace("_", "-") for one in every})

    def of_stream(self, storage: Mapping[str, Any]) -> dict[str, Any]:
        """Return the configuration of an upload of unknown size.

        Nothing is kept back until the end, which rclone might miss: what it has kept back it
        takes for whole when the request breaks off. A second hash of the stream is left out
        where it guards nothing: folders and S3, where each part has its own.
        """
        if _CUTOFF in self.chosen:
            return {}
        guarded = storage["Features"]["IsLocal"] or storage["String"].startswith("S3 bucket ")
        return {_CUTOFF: 0, "IgnoreChecksum": guarded}

    def of_piece(self, size: int, *, few_retries: bool) -> dict[str, Any]:
        """Return the configuration of an upload of ``size`` bytes: as one piece, with a hash."""
        retries = self.retries if few_retries else {}
        return retries if _CUTOFF in self.chosen else {**retries, _CUTOFF: size + 1}


def _differs(value: object, default: object) -> bool:
    """Return whether a value is not the default, which rclone may write in another way."""
    return bool(value or default) and type(value) is type(default) and value != default


def _require_no_view(api: Api, flags: Sequence[str], known: set[str]) -> None:
    """Raise ``RcloneError`` for a flag by which a storage shows something else."""
    names = {flag[2:].partition("=")[0] for flag in flags if flag.startswith("--")}
    ours = {flag[2:].partition("=")[0] for flag in connection_flags(flags)}
    doubtful = names - known - ours
    if not doubtful:
        return
    providers = api.call("config/providers", "say which options its storages have")["providers"]
    allowed, every = allowed_options(providers)
    for name in sorted(doubtful):
        if variable_of(name) in every - allowed:
            raise RcloneError(
                f"RCLONE_FLAGS contains --{name}, which could change what is listed.",
                hint="Put this option into the configuration of the remote: `rclone config`.",
            )
