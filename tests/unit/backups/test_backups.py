import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from django_rclone.backups import Backup
from django_rclone.backups.naming import Naming, validate_name
from django_rclone.exceptions import BackupNotFound

MOMENT = datetime(2031, 12, 9, 7, 5, 3, tzinfo=UTC)
OPERATION = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
# Hypothesis wants bounds without a time zone, and adds one.
FIRST, LAST = datetime(1970, 1, 1), datetime(2999, 1, 1)  # noqa: DTZ001
TEMPLATES = [
    "{database}-{datetime}.{ext}",
    "{datetime}-{database}.{ext}",
    "backup_{database}_{datetime}_{ext}",
    "{database}.{datetime}.{ext}",
    "{datetime}+{database}.{ext}",
    "[{database}] (1*) {datetime}.{ext}",
]
DATE_FORMATS = ["%Y-%m-%d-%H%M%S", "%Y%m%dT%H%M%S", "%d.%m.%Y.%H.%M.%S", "%Y_%j_%H_%M_%S"]
SAFE = re.compile(r"[A-Za-z0-9_.~%-]+")


def name_of(alias: str, template: str = TEMPLATES[0], date_format: str = DATE_FORMATS[0]) -> str:
    return Naming(template, date_format).name(alias, MOMENT, OPERATION, "sqlite3.zst")


def test_name_contains_database_time_and_operation() -> None:
    assert name_of("default") == "default-2031-12-09-070503.0a1b2c3d.sqlite3.zst"


def test_dates_in_names_are_in_utc() -> None:
    local = MOMENT.astimezone(timezone(timedelta(hours=-11)))
    naming = Naming(TEMPLATES[0], DATE_FORMATS[0])
    name = naming.name("app", local, OPERATION, "sqlite3")
    assert name == "app-2031-12-09-070503.0a1b2c3d.sqlite3"
    assert naming.parse_timestamp("app", name) == MOMENT


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("date_format", DATE_FORMATS)
def test_databases_that_are_called_alike_are_never_taken_for_each_other(
    template: str, date_format: str
) -> None:
    naming = Naming(template, date_format)
    aliases = ["app", "app-eu", "app2", "eu", "2", "ap", "app.eu", "app_eu", "my-app", "App"]
    for alias in aliases:
        name = naming.name(alias, MOMENT, OPERATION, "sqlite3.zst")
        taken_for = [other for other in aliases if naming.parse_timestamp(other, name)]
        assert taken_for == [alias]
        assert naming.parse_timestamp(alias, name) == MOMENT


aliases = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20),
    st.text("ab'\":,/\\{}[]-_.~%* \n\0é漢2031", min_size=1, max_size=8),
)


@given(aliases, st.sampled_from(TEMPLATES), st.sampled_from(DATE_FORMATS))
def test_name_of_any_alias_can_be_read_back(alias: str, template: str, date_format: str) -> None:
    naming = Naming(template, date_format)
    name = naming.name(alias, MOMENT, OPERATION, "sqlite3.zst")
    assert naming.parse_timestamp(alias, name) == MOMENT


@given(aliases)
def test_name_of_any_alias_is_harmless(alias: str) -> None:
    name = name_of(alias)
    assert SAFE.fullmatch(name)
    assert validate_name(name, "db") == name


@given(aliases, aliases, st.sampled_from(TEMPLATES), st.sampled_from(DATE_FORMATS))
def test_name_is_of_no_other_alias(alias: str, other: str, template: str, date_format: str) -> None:
    assume(alias != other)
    naming = Naming(template, date_format)
    name = naming.name(alias, MOMENT, OPERATION, "sqlite3.zst")
    assert naming.parse_timestamp(other, name) is None


@given(st.datetimes(FIRST, LAST), st.sampled_from(DATE_FORMATS))
def test_any_moment_can_be_read_back_to_the_second(moment: datetime, date_format: str) -> None:
    naming = Naming(TEMPLATES[0], date_format)
    aware = moment.replace(tzinfo=UTC)
    name = naming.name("app", aware, OPERATION, "dump")
    assert naming.parse_timestamp("app", name) == aware.replace(microsecond=0)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "app",
        "app-2031-12-09-070503.sqlite3",
        "app-2031-12-09-070503.0a1b2c3d",
        "app-2031-12-09-070503.0a1b2c3.sqlite3",
        "app-2031-12-09-070503.0A1B2C3D.sqlite3",
        "app-2031-13-09-070503.0a1b2c3d.sqlite3",
        "app-2031-12-09.0a1b2c3d.sqlite3",
        "app-2031-12-09-070503.0a1b2c3d.sqlite3.",
        "app-2031-12-09-070503.0a1b2c3d.sqlite3 (copy)",
        "copy of app-2031-12-09-070503.0a1b2c3d.sqlite3",
        "app-2031-12-09-070503.0a1b2c3d.sqlite3\n",
        "app-2031-12-09-070503.0a1b2c3d.sqlité",
        "APP-2031-12-09-070503.0a1b2c3d.sqlite3",
        "app-host-2031-12-09-070503.dump.gz",
        "app/2031-12-09-070503.0a1b2c3d.sqlite3",
    ],
    ids=ascii,
)
def test_name_from_another_tool_is_not_read(name: str) -> None:
    assert Naming(TEMPLATES[0], DATE_FORMATS[0]).parse_timestamp("app", name) is None


@given(st.text(max_size=60))
def test_any_text_is_read_or_not_but_never_fails(text: str) -> None:
    naming = Naming(TEMPLATES[0], DATE_FORMATS[0])
    assert naming.parse_timestamp("app", text) is None
    assert naming.parse_timestamp("app", f"app-{text}.0a1b2c3d.dump") is None or re.search(
        r"\d", text
    )


def test_template_is_taken_literally_not_as_a_pattern() -> None:
    naming = Naming("a.b{database}+{datetime}.{ext}", DATE_FORMATS[0])
    name = naming.name("app", MOMENT, OPERATION, "dump")
    assert naming.parse_timestamp("app", name) == MOMENT
    assert naming.parse_timestamp("app", name.replace("a.b", "axb")) is None


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("app.dump", "app.dump"),
        ("db/app.dump", "app.dump"),
        ("shop db,1:x'\"é.dump", "shop db,1:x'\"é.dump"),
        ("-rf", "-rf"),
        ("...", "..."),
    ],
)
def test_backup_is_asked_for_by_name_or_by_path(asked: str, name: str) -> None:
    assert validate_name(asked, "db") == name


@pytest.mark.parametrize(
    "asked",
    [
        "",
        ".",
        "..",
        "db/",
        "db/..",
        "db/.",
        "../secret",
        "db/../secret",
        "db/db/app.dump",
        "/etc/passwd",
        "other/app.dump",
        "db\\app.dump",
        "..\\app.dump",
        "app.dump\n",
        "app\r.dump",
        "app\0.dump",
        "app\x1b[2J",
        "app\x7f",
    ],
    ids=ascii,
)
def test_an_impossible_name_is_refused(asked: str) -> None:
    with pytest.raises(BackupNotFound, match="cannot be the name of a backup") as caught:
        validate_name(asked, "db")
    assert "listbackups" in caught.value.hint
    assert not re.search(r"[\0-\x09\x0b-\x1f\x7f]", str(caught.value))


@given(st.text(max_size=30))
def test_validated_name_never_leads_elsewhere(text: str) -> None:
    try:
        name = validate_name(text, "db")
    except BackupNotFound:
        return
    assert name not in ("", ".", "..")
    assert not set(name) & set("/\\\0\n\r")


def test_backup_without_a_manifest_has_few_facts() -> None:
    backup = Backup(path="db/some.dump", size=5, problem="it has no manifest")
    assert (backup.name, backup.verified) == ("some.dump", False)
    assert (backup.created_at, backup.database, backup.environment) == (None, None, "")


@pytest.mark.parametrize(
    ("date_format", "step"),
    [
        ("%Y-%m-%d-%H%M%S", timedelta(seconds=1)),
        ("%Y-%m-%d-%H%M", timedelta(minutes=1)),
        ("%Y-%m-%d-%H", timedelta(hours=1)),
        ("%Y-%m-%d", timedelta(days=1)),
    ],
)
def test_latest_possible_date_depends_on_the_precision_of_names(
    date_format: str, step: timedelta
) -> None:
    timestamp = datetime(2031, 12, 9, tzinfo=UTC)
    assert Naming(TEMPLATES[0], date_format).latest_possible(timestamp) == timestamp + step
