"""What our sessions set, so that no preference of the site or the server gets in the way."""

OWN_MODE = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
"""The ``sql_mode`` in which rows and tables are taken as they are: a 0 in a column that counts,
a 31st of February."""

LOAD_MODE = f"{OWN_MODE},NO_DIR_IN_CREATE"
"""That in which a dump is loaded: no table gets a folder of its own. Another server may not have
that, two tables of MyISAM cannot share it, and a renamed one of InnoDB keeps the schema that it
was in from being dropped."""

OWN_SETTINGS = (
    f"SET SESSION sql_mode = '{OWN_MODE}', time_zone = '+00:00', character_set_client = utf8mb4, "
    "collation_connection = utf8mb4_general_ci"
)
"""What our own statements are written for. Those of objects change it, and are followed by it."""

UNLIMITED = 18_446_744_073_709_551_615  # rows; the default of sql_select_limit

SETTINGS = {
    # A limit of the site's must not end a statement half-way, or a session that waits.
    "max_statement_time": "0",
    "max_execution_time": "0",
    "wait_timeout": "2592000",
    "net_read_timeout": "86400",
    "net_write_timeout": "86400",
    "idle_transaction_timeout": "0",
    "idle_readonly_transaction_timeout": "0",
    "idle_write_transaction_timeout": "0",
    "sql_select_limit": str(UNLIMITED),
    "sql_big_selects": "1",
    "sql_safe_updates": "0",
    # What a program has loaded stays when it ends.
    "autocommit": "1",
    "tx_read_only": "0",
    "transaction_read_only": "0",
    # What was valid for the session that made it must be so for ours.
    "foreign_key_checks": "0",
    "check_constraint_checks": "0",
    "innodb_strict_mode": "0",
    "sql_require_primary_key": "0",
    "system_versioning_alter_history": "KEEP",
    "system_versioning_insert_history": "1",
    # What the server shows means what it says.
    "explicit_defaults_for_timestamp": "1",
    "sql_quote_show_create": "1",
    # In the mode ORACLE, MariaDB takes a note within a block of statements for an error.
    "sql_notes": "0",
}
"""Those that a server does not have, or does not let the role set, are left out."""
