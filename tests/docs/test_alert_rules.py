"""The alert rules on the page about Prometheus."""

import re
from pathlib import Path

import pytest
import yaml

from django_rclone.events import Operation
from django_rclone_notify.notifiers.prometheus.notifier import LABELS
from django_rclone_notify.notifiers.prometheus.textfile import HELP
from tests.docs.texts import PAGES, blocks, page, rows, section
from tests.support.promtool import promtool

[RULES] = [b.code for b in blocks(PAGES / "notify-prometheus.md") if b.language == "yaml"]
ALERTS = {rule["alert"]: rule for rule in yaml.safe_load(RULES)["groups"][0]["rules"]}

SERIES = '{{operation="{}",database="{}",environment="{}"}}'
CASES = """
rule_files: [rules.yml]
evaluation_interval: 1h
tests:
  - interval: 1h
    input_series:
{series}
    alert_rule_test:
{expectations}
"""


def test_rules_use_only_existing_metrics_and_labels():
    for alert in ALERTS.values():
        assert set(re.findall(r"django_rclone_\w+", alert["expr"])) <= set(HELP)
        assert set(re.findall(r"(\w+)(?:=~|!=|=)\"", alert["expr"])) <= set(LABELS)
        assert set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"])) <= set(LABELS)


def test_age_rule_covers_only_backups():
    [pattern] = re.findall(r'operation=~"([^"]+)"', ALERTS["BackupTooOld"]["expr"])
    meant = {operation for operation in Operation if re.fullmatch(pattern, operation)}
    assert meant == {Operation.DB_BACKUP, Operation.MEDIA_BACKUP}


@pytest.mark.parametrize(
    ("alert", "meant"),
    [
        ("BackupUnproven", {Operation.DB_VERIFY, Operation.MEDIA_VERIFY}),
        ("BackupUnchecked", {Operation.DB_CHECK, Operation.MEDIA_CHECK}),
    ],
)
def test_rules_about_proof_cover_the_operations_that_their_channel_gets(alert, meant):
    [pattern] = re.findall(r'operation=~"([^"]+)"', ALERTS[alert]["expr"])
    assert {operation for operation in Operation if re.fullmatch(pattern, operation)} == meant
    text = page("notify-prometheus")
    assert all(f'"{operation}"' in text for operation in meant)


def test_every_metric_is_documented():
    assert set(rows(section(page("notify-prometheus"), "## The metrics"))) == set(HELP)


def test_promtool_accepts_the_rules(tmp_path):
    (tmp_path / "rules.yml").write_text(RULES)
    promtool("check", "rules", "--lint=all", "--lint-fatal", "rules.yml", folder=tmp_path)


def test_rules_fire_when_they_should_and_only_then(tmp_path):
    day, hour = 86_400, 3_600
    series = {
        # Backed up each day until the 48th hour, and never again.
        ("last_success_timestamp_seconds", "default", "production"): [0] * 24 + [day] * 60,
        ("last_run_timestamp_seconds", "default", "production"): [0] * 24 + [day] * 60,
        ("last_start_timestamp_seconds", "default", "production"): [0] * 24 + [day] * 60,
        ("last_run_success", "default", "production"): [1] * 84,
        # Fails.
        ("last_run_success", "broken", "production"): [0] * 84,
        # Killed after earlier runs; killed in its first run.
        ("last_start_timestamp_seconds", "killed", "production"): [2 * hour] * 84,
        ("last_run_timestamp_seconds", "killed", "production"): [hour] * 84,
        ("last_start_timestamp_seconds", "first", "production"): [2 * hour] * 84,
        # Sent by notifytest.
        ("last_success_timestamp_seconds", "notifytest", "TEST"): [0] * 84,
        ("last_run_success", "notifytest", "TEST"): [0] * 84,
    }
    fired = {
        ("BackupTooOld", 25): [],
        ("BackupTooOld", 49): [],
        ("BackupTooOld", 51): ["default"],
        ("BackupUnknown", 51): [],
        ("BackupFailed", 51): ["broken"],
        ("BackupHangs", 7): [],
        ("BackupHangs", 51): ["killed", "first"],
    }
    assert_fired(tmp_path, series, fired)


def test_rules_about_proof_fire_when_nobody_proves_or_looks(tmp_path):
    series = {
        ("last_success_timestamp_seconds", "default", "production", "db_verify"): [0] * 200,
        ("last_run_timestamp_seconds", "default", "production", "db_check"): [0] * 200,
    }
    fired = {
        ("BackupUnproven", 191): [],
        ("BackupUnproven", 193): ["default"],
        ("BackupUnchecked", 25): [],
        ("BackupUnchecked", 27): ["default"],
    }
    assert_fired(tmp_path, series, fired)


def test_missing_file_raises_an_alert(tmp_path):
    series = {("last_run_success", "archive", "production"): [1] * 5}
    assert_fired(tmp_path, series, {("BackupUnknown", 3): ["default"], ("BackupTooOld", 3): []})


def assert_fired(folder: Path, series, fired) -> None:
    lines = [
        f"      - series: 'django_rclone_{name}{SERIES.format(*operation or ['db_backup'], database, environment)}'\n"
        f"        values: '{' '.join(map(str, values))}'"
        for (name, database, environment, *operation), values in series.items()
    ]
    expectations = [
        {
            "eval_time": f"{at}h",
            "alertname": alert,
            "exp_alerts": [expected(alert, database, at) for database in databases],
        }
        for (alert, at), databases in fired.items()
    ]
    tests = yaml.safe_dump(expectations).replace("\n", "\n      ")
    cases = CASES.format(series="\n".join(lines), expectations="      " + tests.rstrip())
    (folder / "rules.yml").write_text(RULES)
    (folder / "cases.yml").write_text(cases)
    promtool("test", "rules", "cases.yml", folder=folder)


def expected(alert: str, database: str, at: int) -> dict[str, dict[str, str]]:
    operation = {"BackupUnproven": "db_verify", "BackupUnchecked": "db_check"}
    labels = {
        "operation": operation.get(alert, "db_backup"),
        "database": database,
        **ALERTS[alert]["labels"],
    }
    if alert != "BackupUnknown":
        labels["environment"] = "production"
    summaries = {
        "BackupTooOld": f"No db_backup of {database} for 1d {at - 48}h 0m 0s",
        "BackupUnknown": f"Nothing is known about backups of {database}",
        "BackupFailed": f"The last db_backup of {database} failed",
        "BackupUnproven": f"No backup of {database} was proven for {at // 24}d {at % 24}h 0m 0s",
        "BackupUnchecked": f"Nobody looked at the backups of {database} for {at // 24}d {at % 24}h 0m 0s",
        "BackupHangs": f"db_backup of {database} started and never ended",
    }
    return {"exp_labels": labels, "exp_annotations": {"summary": summaries[alert]}}
