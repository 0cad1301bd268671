import dataclasses
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings as DjangoSettings

from django_rclone import conf
from django_rclone.conf.retention import Policy
from django_rclone.exceptions import InvalidSettings, SecretMissing
from django_rclone.redaction import redact
from tests.unit.conftest import Configure, Databases


def refusal(configure: Configure, **keys: Any) -> InvalidSettings:
    with pytest.raises(InvalidSettings) as caught:
        configure(**keys)
    return caught.value


def test_defaults(configure: Configure, settings: DjangoSettings) -> None:
    settings.MEDIA_ROOT = "/srv/media"
    assert dataclasses.asdict(configure()) == {
        "remote": "name:path",
        "remotes": (),
        "rclone_binary": None,
        "rclone_config": None,
        "rclone_flags": (),
        "stall_timeout": 300.0,
        "dump_stall_timeout": None,
        "retries": 3,
        "db_backup_dir": "db",
        "db_filename_template": "{database}-{datetime}.{ext}",
        "db_date_format": "%Y-%m-%d-%H%M%S",
        "db_cleanup_keep": 10,
        "media_backup_dir": "media",
        "media_sources": (
            {
                "name": "media",
                "folder": "/srv/media",
                "remote": "",
                "storage": "",
                "include": (),
                "exclude": (),
                "tolerate": (),
                "links": "store",
            },
        ),
        "media_cleanup_keep": 10,
        "media_max_delete": 50,
        "media_cache_dir": None,
        "environment": "",
        "compression": "zstd",
        "compression_level": 1,
        "signing_key": "the-secret-key-of-the-tests",
        "signing_key_fallbacks": (),
        "signs_with_secret_key": True,
        "clients": {},
        "rehearsal": {},
        "rehearsal_checks": (),
        "retention": None,
        "safety_backup": timedelta(days=7),
        "check": {
            "max_age": timedelta(hours=26),
            "max_unverified_age": timedelta(days=8),
            "max_size_change": 50,
            "min_room": 3,
        },
    }


def test_missing_settings_are_reported_with_an_example(settings: DjangoSettings) -> None:
    del settings.DJANGO_RCLONE
    with pytest.raises(InvalidSettings, match="DJANGO_RCLONE is not set") as caught:
        conf.load()
    assert "manage.py backupsetup" in caught.value.hint
    assert 'DJANGO_RCLONE = {"REMOTE": "/srv/backups"}' in caught.value.hint


@pytest.mark.parametrize("value", [[], "name:path", 5, [("REMOTE", "name:path")]])
def test_settings_must_be_a_dict(value: object, settings: DjangoSettings) -> None:
    settings.DJANGO_RCLONE = value
    with pytest.raises(InvalidSettings, match=r"must be a dict, not (list|str|int)"):
        conf.load()


def test_remote_is_required(settings: DjangoSettings) -> None:
    settings.DJANGO_RCLONE = {}
    with pytest.raises(InvalidSettings) as caught:
        conf.load()
    assert (caught.value.key, caught.value.problem) == ("REMOTE", "is not set")
    assert "manage.py backupsetup" in caught.value.hint


def test_what_to_do_is_on_a_line_of_its_own_as_in_other_errors(configure: Configure) -> None:
    error = refusal(configure, COMPRESSION="gzip")
    assert str(error) == f"DJANGO_RCLONE['COMPRESSION'] {error.problem}.\nHint: {error.hint}"


@pytest.mark.parametrize(
    ("key", "suggestion"),
    [
        ("DB_CLEANUP_KEP", "Did you mean 'DB_CLEANUP_KEEP'?"),
        ("RCLONE_FLAG", "Did you mean 'RCLONE_FLAGS'?"),
        ("REMOTEN", "Did you mean 'REMOTE'?"),
        ("WHOLLY_DIFFERENT_AND_LONG", "Known keys: REMOTE, REMOTES, RCLONE_BINARY"),
        (7, "Known keys:"),
    ],
)
def test_unknown_key_is_refused_with_a_suggestion(
    key: Any, suggestion: str, settings: DjangoSettings
) -> None:
    settings.DJANGO_RCLONE = {"REMOTE": "name:path", key: 1}
    with pytest.raises(InvalidSettings, match="is not a known key") as caught:
        conf.load()
    assert caught.value.key == str(key)
    assert suggestion in str(caught.value)


WRONG_TYPES: list[tuple[str, object]] = [
    *[("REMOTE", value) for value in (None, "", 5, b"name:path", ["name:path"])],
    *[("RCLONE_BINARY", value) for value in ("", 5, b"rclone", ["rclone"])],
    *[("RCLONE_CONFIG", value) for value in ("", 5, b"/etc/rclone.conf")],
    *[("RCLONE_FLAGS", value) for value in (None, "--fast-list", 5, [5], [None], {"--a": 1})],
    *[("DB_BACKUP_DIR", value) for value in (None, "", 5, Path("db"))],
    *[("DB_FILENAME_TEMPLATE", value) for value in (None, "", 5)],
    *[("DB_DATE_FORMAT", value) for value in (None, "", 5)],
    *[("DB_CLEANUP_KEEP", value) for value in (None, "10", 10.0, True, False)],
    *[("MEDIA_BACKUP_DIR", value) for value in (None, "", 5)],
    *[("MEDIA_SOURCES", value) for value in (None, 5, ["media"], "/srv/media")],
    ("MEDIA_SOURCES", {}),
    *[("MEDIA_CLEANUP_KEEP", value) for value in (None, "10", True)],
    *[("MEDIA_CACHE_DIR", value) for value in ("", 5, "relative")],
    *[("MEDIA_MAX_DELETE", value) for value in (None, "50", 0.5, True)],
    *[("STALL_TIMEOUT", value) for value in ("50", 0, 0.5, -1, True, float("nan"))],
    *[("DUMP_STALL_TIMEOUT", value) for value in ("50", 0, float("inf"), True)],
    *[("RETRIES", value) for value in (None, "1", 0.5, True, -1, 11)],
    *[("ENVIRONMENT", value) for value in (None, 5, b"prod")],
    *[("COMPRESSION", value) for value in ("gzip", "", 5, False, True, ["zstd"])],
    *[("COMPRESSION_LEVEL", value) for value in (None, "1", 1.0, True)],
    *[("SIGNING_KEY", value) for value in ("", 5, b"key")],
    *[("SIGNING_KEY_FALLBACKS", value) for value in (None, "key", [5], [""], [b"key"])],
    *[("REHEARSAL", value) for value in (None, ["default"], "default", {"default": 5})],
    *[("REHEARSAL_CHECKS", value) for value in (None, "shop.check", [5], ["check"])],
    *[("REMOTES", value) for value in (None, "s3", [5], {"backups": "s3"}, {"backups": 5})],
    *[("RETENTION", value) for value in ("7d", 5, [7], {"daily": "7"}, {"daily": True})],
    *[("SAFETY_BACKUP", value) for value in (7, "7", "0d", ["7d"], True)],
    *[("CHECK", value) for value in (None, "26h", {"max_age": 26}, {"min_room": 0})],
    *[("CLIENTS", value) for value in (None, ["default"], "default", 5)],
]


@pytest.mark.parametrize(("key", "value"), WRONG_TYPES, ids=lambda value: repr(value)[:30])
def test_value_of_a_wrong_type_is_refused(key: str, value: object, configure: Configure) -> None:
    error = refusal(configure, **{key: value})
    assert error.key == key
    assert str(error).startswith(f"DJANGO_RCLONE['{key}'] {error.problem}.")


def test_every_key_is_tried_with_a_wrong_type() -> None:
    assert {key for key, _ in WRONG_TYPES} == set(conf.KEYS)


@pytest.mark.parametrize(
    ("remote", "read"),
    [
        ("name:", "name:"),
        ("name:path/to", "name:path/to"),
        ("name:path/", "name:path"),
        ("name:/", "name:"),
        ("my remote:a b,c", "my remote:a b,c"),
        ("/srv/backups", "/srv/backups"),
        ("/srv/backups//", "/srv/backups"),
        ("/srv/a:b", "/srv/a:b"),
        ("/", "/"),
        (Path("/srv/backups"), "/srv/backups"),
    ],
    ids=str,
)
def test_remote_is_a_name_or_an_absolute_folder(
    remote: object, read: str, configure: Configure
) -> None:
    assert configure(REMOTE=remote).remote == read


@pytest.mark.parametrize(
    ("remote", "problem"),
    [
        ("backups", "relative folder"),
        ("./backups", "relative folder"),
        ("../backups:x", "relative folder"),
        ("a/b:c", "relative folder"),
        ("~/backups", "relative folder"),
        (Path("backups"), "relative folder"),
        (":s3:bucket", "connection string"),
        (":s3,access_key_id=A,secret_access_key=B:bucket", "connection string"),
        ("name,env_auth=true:bucket", "connection string"),
        ("-name:path", "not a valid rclone remote"),
        ("--config=/tmp/x", "not a valid rclone remote"),
        ("name:a\nb", "not a valid rclone remote"),
        ("name:a\0b", "not a valid rclone remote"),
        ("name:\x7f", "not a valid rclone remote"),
    ],
    ids=ascii,
)
def test_place_in_another_form_is_refused_with_the_fix(
    remote: object, problem: str, configure: Configure
) -> None:
    error = refusal(configure, REMOTE=remote)
    assert error.key == "REMOTE"
    assert problem in error.problem
    assert "name:path" in error.hint


def test_connection_string_is_refused_without_showing_its_secret(configure: Configure) -> None:
    error = refusal(configure, REMOTE=":s3,secret_access_key=hunter2:bucket")
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("key", ["DB_BACKUP_DIR", "MEDIA_BACKUP_DIR"])
@pytest.mark.parametrize(
    "folder",
    ["/db", "..", "../db", "a/../b", "a//b", ".", "./db", "/", "-db", "a\\b", "a\nb", "a\0b"],
    ids=ascii,
)
def test_folder_outside_the_remote_is_refused(key: str, folder: str, configure: Configure) -> None:
    error = refusal(configure, **{key: folder})
    assert error.key == key
    assert '"db"' in error.hint


def test_folders_may_be_deep(configure: Configure) -> None:
    read = configure(DB_BACKUP_DIR="shop/db/", MEDIA_BACKUP_DIR="shop/media files")
    assert (read.db_backup_dir, read.media_backup_dir) == ("shop/db", "shop/media files")


@pytest.mark.parametrize(
    ("database", "media"),
    [
        ("db", "db"),
        ("db", "db/media"),
        ("backups/db", "backups"),
        ("db", "DB"),
        ("Backups/db", "backups"),
        ("db", "dB/media/"),
        ("db/", "db"),
        ("straße", "STRASSE/media"),
    ],
)
def test_folders_of_databases_and_media_may_not_overlap(
    database: str, media: str, configure: Configure
) -> None:
    error = refusal(configure, DB_BACKUP_DIR=database, MEDIA_BACKUP_DIR=media)
    assert error.key == "MEDIA_BACKUP_DIR"
    assert "overlaps DB_BACKUP_DIR" in error.problem
    assert "a separate folder" in error.hint


def test_media_folder_may_not_contain_the_default_database_folder(configure: Configure) -> None:
    assert refusal(configure, MEDIA_BACKUP_DIR="db").key == "MEDIA_BACKUP_DIR"


def test_folders_may_begin_alike(configure: Configure) -> None:
    assert configure(DB_BACKUP_DIR="db", MEDIA_BACKUP_DIR="db-media").media_backup_dir == "db-media"


@pytest.mark.parametrize(
    ("template", "problem"),
    [
        ("{database}.{ext}", "must contain {datetime} exactly once"),
        ("{datetime}.{ext}", "must contain {database} exactly once"),
        ("{database}-{datetime}", "must contain {ext} exactly once"),
        ("{database}-{database}-{datetime}.{ext}", "must contain {database} exactly once"),
        ("{database}-{datetime}-{host}.{ext}", "unknown field {host}"),
        ("{database.x}-{datetime}.{ext}", "unknown field {database.x}"),
        ("{database[0]}-{datetime}.{ext}", "unknown field {database[0]}"),
        ("{}-{datetime}.{ext}", "unknown field {}"),
        ("{0}-{datetime}.{ext}", "unknown field {0}"),
        ("{database!r}-{datetime}.{ext}", "format specification"),
        ("{database:>9}-{datetime}.{ext}", "format specification"),
        ("{{x}}{database}-{datetime}.{ext}", "doubled braces"),
        ("{database}-{datetime.{ext}", "not a valid template"),
        ("{database}-{datetime}.{ext", "not a valid template"),
        ("{database}/{datetime}.{ext}", "must name a file, not a folder"),
        ("../{database}-{datetime}.{ext}", "must name a file, not a folder"),
        ("{database}\\{datetime}.{ext}", "must name a file, not a folder"),
        ("{database}\n{datetime}.{ext}", "must name a file, not a folder"),
        ("{database}-{datetime}.{ext}.json", "must end in"),
    ],
    ids=ascii,
)
def test_template_that_cannot_work_is_refused(
    template: str, problem: str, configure: Configure
) -> None:
    error = refusal(configure, DB_FILENAME_TEMPLATE=template)
    assert error.key == "DB_FILENAME_TEMPLATE"
    assert problem in error.problem
    assert "{database}-{datetime}.{ext}" in error.hint


@pytest.mark.parametrize(
    "date_format",
    ["%Y-%m-%d-%H%M%S", "%Y%m%dT%H%M%S", "%Y%j", "%G-W%V-%u", "%d.%m.%y", "%Y-%m-%d%z"],
)
def test_date_format_that_can_be_read_back_is_accepted(
    date_format: str, configure: Configure
) -> None:
    assert configure(DB_DATE_FORMAT=date_format).db_date_format == date_format


@pytest.mark.parametrize(
    ("date_format", "problem"),
    [
        ("%H%M%S", "does not include the full date"),
        ("%Y-%m", "does not include the full date"),
        ("%Y", "does not include the full date"),
        ("backup", "does not include the full date"),
        ("%Y-%m-%d-%Q", "cannot be read back"),
        ("%Y-%m-%d-%", "cannot be read back"),
        ("%s", "cannot be read back"),
        ("%Y-%m-%d-\ud800", "cannot be read back"),
        ("%Y/%m/%d", "must not contain slashes"),
        ("%Y\\%m\\%d", "must not contain slashes"),
        ("%Y-%m-%d\n", "must not contain slashes"),
    ],
    ids=ascii,
)
def test_date_format_that_loses_the_date_is_refused(
    date_format: str, problem: str, configure: Configure
) -> None:
    error = refusal(configure, DB_DATE_FORMAT=date_format)
    assert error.key == "DB_DATE_FORMAT"
    assert problem in error.problem
    assert "%Y-%m-%d-%H%M%S" in error.hint


@pytest.mark.parametrize(
    ("key", "low", "high"),
    [("DB_CLEANUP_KEEP", 1, 1_000_000), ("MEDIA_MAX_DELETE", 0, 100), ("COMPRESSION_LEVEL", 1, 19)],
)
def test_number_out_of_bounds_is_refused(
    key: str, low: int, high: int, configure: Configure
) -> None:
    for number in (low, high):
        assert getattr(configure(**{key: number}), key.lower()) == number
    for number in (low - 1, high + 1, -(10**30)):
        error = refusal(configure, **{key: number})
        assert error.key == key
        assert f"from {low} to {high}" in error.problem


@pytest.mark.parametrize("label", ["x" * 101, "a\nb", "\x1b[31m"], ids=ascii)
def test_environment_is_a_short_label(label: str, configure: Configure) -> None:
    assert refusal(configure, ENVIRONMENT=label).key == "ENVIRONMENT"


def test_compression_can_be_switched_off(configure: Configure) -> None:
    assert configure(COMPRESSION=None).compression is None


def test_configuration_file_is_read_from_where_it_is(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "rclone.conf"
    path.touch()
    assert configure(RCLONE_CONFIG=path).rclone_config == str(path)


@pytest.mark.parametrize("name", ["missing.conf", "."])
def test_configuration_file_that_cannot_be_read_is_refused(
    name: str, configure: Configure, tmp_path: Path
) -> None:
    error = refusal(configure, RCLONE_CONFIG=str(tmp_path / name))
    assert error.key == "RCLONE_CONFIG"
    assert str(tmp_path / name) in error.problem
    assert "Correct the path" in error.hint


SECRET_FLAGS = [
    "--s3-secret-access-key",
    "--s3-access-key-id",
    "--s3-session-token",
    "--s3-sse-customer-key",
    "--sftp-pass",
    "--sftp-key-file-pass",
    "--sftp-key-pem",
    "--webdav-pass",
    "--webdav-bearer-token",
    "--ftp-pass",
    "--crypt-password",
    "--crypt-password2",
    "--b2-key",
    "--azureblob-key",
    "--azureblob-sas-url",
    "--azureblob-client-secret",
    "--drive-token",
    "--drive-client-secret",
    "--dropbox-token",
    "--onedrive-token",
    "--swift-key",
    "--swift-auth-token",
    "--smb-pass",
    "--rc-pass",
]


@pytest.mark.parametrize("flag", SECRET_FLAGS)
@pytest.mark.parametrize("joined", [True, False], ids=["--flag=value", "--flag value"])
def test_secret_among_the_flags_is_refused(flag: str, joined: bool, configure: Configure) -> None:
    flags = [f"{flag}=hunter2"] if joined else [flag, "hunter2"]
    error = refusal(configure, RCLONE_FLAGS=["--fast-list", *flags])
    assert error.key == "RCLONE_FLAGS"
    assert flag in error.problem
    assert "hunter2" not in str(error)
    assert "REMOTES" in error.hint


@pytest.mark.parametrize(
    "flag",
    [
        "--transfers=8",
        "--fast-list",
        "-vv",
        "--config=/etc/rclone.conf",
        "--password-command=pass rclone",
        "--s3-chunk-size=64M",
        "--s3-sse-kms-key-id=arn:aws:kms:eu-1:1:key/1",
        "--s3-sse-customer-key-md5=x",
        "--sftp-key-file=/etc/id_ed25519",
        "--sftp-key-use-agent",
        "--crypt-pass-bad-blocks",
        "--drive-token-url=https://example.org",
        "--webdav-bearer-token-command=print-it",
        "--bwlimit=10M",
        "--client-key=/etc/x.pem",
        "--sftp-key-file=/etc/key",
        "--sftp-pubkey=ssh-rsa AAA",
        "--ask-password=false",
        "--s3-bypass-governance-retention",
    ],
)
def test_harmless_flag_is_accepted(flag: str, configure: Configure) -> None:
    assert configure(RCLONE_FLAGS=[flag]).rclone_flags == (flag,)


def test_flags_may_be_a_tuple(configure: Configure) -> None:
    assert configure(RCLONE_FLAGS=("--transfers", "8")).rclone_flags == ("--transfers", "8")


def test_the_media_source_is_media_root_unless_set(
    configure: Configure, settings: DjangoSettings
) -> None:
    def places(**sources: object) -> list[str]:
        return [source.place for source in configure(MEDIA_SOURCES=sources).media_sources]

    settings.MEDIA_ROOT = Path("/srv/media")
    assert places(
        media={},
        bucket={"REMOTE": "bucket:media/"},
        other={"FOLDER": Path("/srv/x")},
        files={"STORAGE": "default"},
    ) == [
        "/srv/media",
        "bucket:media",
        "/srv/x",
        "storage 'default'",
    ]
    settings.MEDIA_ROOT = ""
    assert places(media={}) == [""]


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ({"media": 5}, "of 'media' must be a dict"),
        ({"a b": {}}, "wrong name"),
        ({"media": {}, "MEDIA": {}}, "differ in case"),
        ({"media": {"EXCLUDES": []}}, "Did you mean 'EXCLUDE'"),
        ({"media": {"EXCLUDE": "*.tmp"}}, "EXCLUDE must be a list"),
        ({"media": {"INCLUDE": ["/"]}}, "INCLUDE must be a list"),
        ({"media": {"LINKS": "copy"}}, "LINKS must be 'skip', 'store' or 'follow'"),
        ({"media": {"FOLDER": "media"}}, "must be an absolute folder"),
        ({"media": {"REMOTE": "/srv"}}, "Call it FOLDER"),
        ({"media": {"REMOTE": "relative"}}, "REMOTE is a relative folder"),
        ({"media": {"FOLDER": "/a", "REMOTE": "b:c"}}, "both FOLDER and REMOTE"),
    ],
)
def test_a_wrong_media_source_is_named_with_the_fix(
    sources: object, words: str, configure: Configure
) -> None:
    error = refusal(configure, MEDIA_SOURCES=sources)
    assert error.key == "MEDIA_SOURCES"
    assert words in str(error)


def test_fallbacks_of_the_secret_key_count_only_without_a_key_of_our_own(
    configure: Configure, settings: DjangoSettings
) -> None:
    settings.SECRET_KEY_FALLBACKS = ["old-secret"]
    assert configure().signing_key_fallbacks == ("old-secret",)
    both = configure(SIGNING_KEY_FALLBACKS=["older"])
    assert both.signing_key_fallbacks == ("older", "old-secret")
    own = configure(SIGNING_KEY="own", SIGNING_KEY_FALLBACKS=["own-old"])
    assert (own.signing_key, own.signing_key_fallbacks) == ("own", ("own-old",))


def test_settings_shown_hold_no_signing_key(configure: Configure, settings: DjangoSettings) -> None:
    settings.SECRET_KEY_FALLBACKS = ["old-secret"]
    shown = repr(configure(SIGNING_KEY_FALLBACKS=["own-old"])) + repr(configure(SIGNING_KEY="own!"))
    for key in ("the-secret-key-of-the-tests", "old-secret", "own-old", "own!"):
        assert key not in shown


def test_clients_are_read(configure: Configure) -> None:
    clients = {"default": {"BACKEND": "shop.Client", "OPTIONS": {"level": 3}}}
    [(alias, client)] = configure(CLIENTS=clients).clients.items()
    assert (alias, client.backend, client.options) == ("default", "shop.Client", {"level": 3})
    only_options = configure(CLIENTS={"default": {"OPTIONS": {"level": 3}}}).clients["default"]
    assert (only_options.backend, only_options.options) == (None, {"level": 3})


@pytest.mark.parametrize(
    ("clients", "words"),
    [
        ({"defualt": {}}, "names an unknown database: 'defualt'.\nHint: Did you mean 'default'?"),
        ({"zzz": {}}, "names an unknown database: 'zzz'.\nHint: For example"),
        ({5: {}}, "names an unknown database: 5"),
        ({"default": "shop.Client"}, "of 'default' may contain only BACKEND and OPTIONS"),
        ({"default": {"BACKENDS": "x"}}, "of 'default' may contain only BACKEND and OPTIONS"),
        ({"default": {"BACKEND": 5}}, "of 'default' has a value of the wrong type"),
        ({"default": {"OPTIONS": []}}, "of 'default' has a value of the wrong type"),
        ({"default": {"OPTIONS": None}}, "of 'default' has a value of the wrong type"),
    ],
)
def test_invalid_clients_are_refused(clients: Any, words: str, configure: Configure) -> None:
    error = refusal(configure, CLIENTS=clients)
    assert error.key == "CLIENTS"
    assert words in str(error)


def test_every_problem_is_reported(settings: DjangoSettings) -> None:
    settings.DJANGO_RCLONE = {
        "TYPO": 1,
        "DB_CLEANUP_KEEP": 0,
        "COMPRESSION": "gzip",
        "DB_BACKUP_DIR": "x",
        "MEDIA_BACKUP_DIR": "x/y",
    }
    assert [problem.key for problem in conf.problems()] == [
        "TYPO",
        "REMOTE",
        "DB_CLEANUP_KEEP",
        "COMPRESSION",
        "MEDIA_BACKUP_DIR",
    ]
    with pytest.raises(InvalidSettings) as caught:
        conf.load()
    assert caught.value.key == "TYPO"


def test_good_settings_have_no_problem() -> None:
    assert conf.problems() == []


def test_settings_are_read_each_time(configure: Configure) -> None:
    assert configure(REMOTE="one:").remote == "one:"
    assert configure(REMOTE="two:").remote == "two:"


def test_aliases_without_an_engine_are_left_out(databases: Databases) -> None:
    databases(
        {
            "default": {},
            "none": {"ENGINE": ""},
            "dummy": {"ENGINE": "django.db.backends.dummy"},
            "shop": {"ENGINE": "django.db.backends.sqlite3"},
        }
    )
    assert conf.database_aliases() == ("shop",)


def test_secrets_of_the_settings_are_known(settings: DjangoSettings, databases: Databases) -> None:
    settings.SECRET_KEY_FALLBACKS = ["fallback"]
    databases(
        {
            "default": {"PASSWORD": "of-default"},
            "other": {"PASSWORD": "", "OPTIONS": {"passwd": "of-other", "sslpassword": "of-ssl"}},
            "third": {"PASSWORD": None, "OPTIONS": None},
        }
    )
    settings.DJANGO_RCLONE = {"SIGNING_KEY": "signing", "SIGNING_KEY_FALLBACKS": ["old", 5]}
    assert set(conf.secrets()) == {
        "the-secret-key-of-the-tests",
        "fallback",
        "of-default",
        "of-other",
        "of-ssl",
        "signing",
        "old",
    }


@pytest.mark.parametrize("value", [None, [], "x", {"SIGNING_KEY_FALLBACKS": 5}])
def test_secrets_are_found_in_wrong_settings_too(value: object, settings: DjangoSettings) -> None:
    settings.DJANGO_RCLONE = value
    assert list(conf.secrets()) == ["the-secret-key-of-the-tests"]


def test_keys_that_sign_may_come_from_elsewhere(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys: dict[str, Any] = {
        "SIGNING_KEY": {"ENV": "BACKUP_SIGNING_KEY"},
        "SIGNING_KEY_FALLBACKS": ["plain", {"FILE": tmp_path / "old"}],
    }
    (tmp_path / "old").write_text("an older one\n")
    with pytest.raises(SecretMissing, match="the variable BACKUP_SIGNING_KEY, which is not set"):
        configure(**keys)
    monkeypatch.setenv("BACKUP_SIGNING_KEY", "the signing key")
    settings = configure(**keys)
    assert settings.signing_key == "the signing key"
    assert settings.signing_key_fallbacks == ("plain", "an older one")
    assert not settings.signs_with_secret_key
    assert redact("the signing key, an older one") == "***, ***"
    (tmp_path / "old").unlink()
    with pytest.raises(SecretMissing, match="number 2 is to come from"):
        configure(**keys)
    assert redact("the signing key") == "***"


def test_retention_is_read(configure: Configure) -> None:
    assert configure().retention is None
    rules = {"last": 3, "daily": 7, "weekly": 4, "monthly": 12, "yearly": 3, "within": "48h"}
    assert configure(RETENTION=rules).retention == Policy(
        last=3, daily=7, weekly=4, monthly=12, yearly=3, within=timedelta(hours=48)
    )
    assert configure(RETENTION={"within": "8w"}).retention == Policy(within=timedelta(weeks=8))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (10, "must be a dict, not int"),
        ({}, "keeps nothing"),
        ({"last": 0, "daily": 0}, "keeps nothing"),
        ({"dayly": 7}, "unknown rule 'dayly'.\nHint: Did you mean 'daily'?"),
        ({"hourly": 7}, "unknown rule 'hourly'"),
        ({1: 7}, "unknown rule 1"),
        ({"last": -1}, "a rule 'last' that must be a whole number from 0"),
        ({"last": True}, "a rule 'last' that must be a whole number"),
        ({"daily": "7"}, "a rule 'daily' that must be a whole number"),
        ({"last": 1, "within": 48}, "must be a number of h, d or w, not 48"),
        ({"last": 1, "within": "0h"}, "must be a number of h, d or w"),
        ({"last": 1, "within": "2 days"}, "must be a number of h, d or w"),
        ({"last": 1, "within": "9999999w"}, "must be a number of h, d or w"),
    ],
    ids=str,
)
def test_an_invalid_retention_is_refused(value: Any, words: str, configure: Configure) -> None:
    with pytest.raises(InvalidSettings) as refused:
        configure(RETENTION=value)
    assert words in str(refused.value)


def test_a_number_given_as_text_gets_a_hint(configure: Configure) -> None:
    with pytest.raises(InvalidSettings, match=r"Write int\(...\) around what is text"):
        configure(DB_CLEANUP_KEEP="30")
