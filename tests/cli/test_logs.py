"""What a command logs goes to the stderr that it has."""

import io
from contextlib import redirect_stderr

import pytest
import structlog

from cli.logs import warnings_only


@pytest.fixture
def kept():
    """The tests' own configuration, whatever is configured in between."""
    config = structlog.get_config()
    yield
    structlog.configure(**config)


def test_a_warning_after_a_command_does_not_go_to_the_stderr_that_it_had(kept, capsys):
    """One that was closed made whatever warned fail: a refused call of the API was answered 500."""
    stderr = io.StringIO()
    with redirect_stderr(stderr):
        warnings_only()
        structlog.get_logger("winback.test").warning("one")
    assert "one" in stderr.getvalue()
    stderr.close()
    structlog.get_logger("winback.test").warning("two")
    told = capsys.readouterr()
    assert "two" in told.err
    assert not told.out
