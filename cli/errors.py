"""What a command raises, and the exit status of everything that can reach the shell.

ShellError
├── CallError   the call was wrong: a bad file, spec or option        exit status 2
└── JobError    the call was right and the job failed all the same    exit status 1
"""

from pydantic import ValidationError

from bandit.errors import BanditError
from experiments import errors
from offline_eval.logs.errors import LogError

JOB_FAILED, CALL_WRONG = 1, 2


class ShellError(Exception):
    """Base of what commands raise; the message says what to do about it."""


class CallError(ShellError):
    """The call was wrong."""


class JobError(ShellError):
    """The job failed."""


EXIT_STATUS: dict[type[Exception], int] = {
    CallError: CALL_WRONG,
    JobError: JOB_FAILED,
    LogError: CALL_WRONG,
    BanditError: CALL_WRONG,
    errors.NotFoundError: CALL_WRONG,
    errors.ConflictError: CALL_WRONG,
    errors.InvalidError: CALL_WRONG,
    errors.WinbackError: JOB_FAILED,
    FileNotFoundError: CALL_WRONG,
    IsADirectoryError: CALL_WRONG,
    PermissionError: CALL_WRONG,
    ValidationError: CALL_WRONG,
}
"""The first class that fits wins; what is not here is a bug, and shows as one."""


def exit_status(error: Exception) -> int | None:
    """The exit status of an error that a user may see; None where it is a bug."""
    return next((status for kind, status in EXIT_STATUS.items() if isinstance(error, kind)), None)


def sentence(error: Exception) -> str:
    """What the user reads."""
    if isinstance(error, ValidationError):
        return _settings_sentence(error)
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: {(error.strerror or 'cannot be read').lower()}"
    return str(error)


def _settings_sentence(error: ValidationError) -> str:
    told = [("_".join(map(str, f["loc"])).upper(), f["msg"].removeprefix("Value error, ")) for f in error.errors()]
    lines = [f"  WINBACK_{name}: {fault}" for name, fault in told]
    return "\n".join(["the configuration has faults; correct these variables (or the .env file):", *lines])
