"""Why the database is not migrated.

::

    MigrationError
    ├── FolderInvalid      the folder is missing, or its files are not numbered 1, 2, 3, ...
    ├── MigrationEdited    a file is not the one that was applied under its name
    ├── MigrationMissing   the database has migrations that this folder does not know
    └── MigrationFailed    the database refused a file; it left nothing behind
"""

from __future__ import annotations

from functions.common.errors import FunctionError


class MigrationError(FunctionError):
    """The database is not at the version that the folder describes."""


class FolderInvalid(MigrationError):  # noqa: N818 - named by what is wrong
    """The folder is missing, or its files are not numbered 1, 2, 3, ..."""


class MigrationEdited(MigrationError):  # noqa: N818
    """A file is not the one that was applied under its name."""


class MigrationMissing(MigrationError):  # noqa: N818
    """The database has migrations that this folder does not know."""


class MigrationFailed(MigrationError):  # noqa: N818
    """The database refused a file; it left nothing behind."""
