"""Commands as a user types them, run in this process."""

from __future__ import annotations

from typer.testing import CliRunner

from convmath.cli import app


def ran(*words: object):
    """What a command comes to: its exit code, and what it prints."""
    return CliRunner().invoke(app, [str(word) for word in words])


def printed(*words: object) -> str:
    """What a command prints that succeeds."""
    result = ran(*words)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*words: object) -> str:
    """What stderr says about a request that is wrong, and that prints nothing else."""
    result = ran(*words)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    assert "Traceback" not in result.stderr
    return result.stderr
