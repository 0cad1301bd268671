"""The signals sent before and after every operation.

``sender`` is always the class of the management command. The keyword
arguments of each signal stand above it.

A receiver of a ``pre_*`` signal vetoes the operation by raising: nothing has
been touched by then. A receiver of any other signal that raises is logged and
shown as a warning; neither the operation nor its exit status changes.
"""

from django.dispatch import Signal

__all__ = [
    "operation_changed",
    "post_db_backup",
    "post_db_restore",
    "post_media_backup",
    "post_media_restore",
    "post_verify",
    "pre_db_backup",
    "pre_db_restore",
    "pre_media_backup",
    "pre_media_restore",
    "pre_verify",
]

# sender, database
pre_db_backup = Signal()

# sender, database, path
post_db_backup = Signal()

# sender, database, path
pre_db_restore = Signal()

# sender, database
post_db_restore = Signal()

# sender
pre_media_backup = Signal()

# sender
post_media_backup = Signal()

# sender
pre_media_restore = Signal()

# sender
post_media_restore = Signal()

# sender, database, path
pre_verify = Signal()

# sender, database, path
post_verify = Signal()

# sender, event: an OperationEvent, for every state of every operation
operation_changed = Signal()
