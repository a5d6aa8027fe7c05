"""The command line: parses, calls, prints. Each command loads what it needs when it runs."""

from __future__ import annotations

import io
import sys
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..errors import DomainError, ProofError, UnsupportedError
from . import check, conformance, counterexamples, draw, entries, net, proofs, sizes, solve, worked


class Commands(TyperGroup):
    """The commands; what convmath refuses ends as its sentence on stderr and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command: exit code 2 for a request that is wrong, 1 for a proof that is."""
        try:
            return self._told(ctx)
        except ValueError as error:
            if "sys.set_int_max_str_digits" not in str(error):
                raise
        most = sys.get_int_max_str_digits()
        typer.echo(f"Error: a number has more than {most} digits, the most that Python writes out", err=True)
        raise typer.Exit(2)

    def _told(self, ctx: Any) -> Any:
        """Run a command, and print why it is refused."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise
        except typer.BadParameter as error:
            error.message = error.message.removeprefix("Value error, ")  # of the library that validates
            raise
        except OSError as error:
            what = error.strerror or str(error)
            code, sentence = 2, f"{error.filename}: {what}" if error.filename else what
        except (DomainError, UnsupportedError) as error:
            code, sentence = 2, str(error)
        except ProofError as error:
            code, sentence = 1, str(error)
        typer.echo(f"Error: {sentence}", err=True)
        raise typer.Exit(code)


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"convmath {version('convmath')}")
        raise typer.Exit


@app.callback()
def main(
    show_version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Convolution arithmetic that is proved, run and checked.

    \b
    Examples:
      convmath size 224 -k 7 -s 2 -p 3         the output size of a layer
      convmath list                            what is proved
      convmath derive size.conv                a derivation, step by step
      convmath counterexamples                 plausible claims that are false
      convmath prove                           prove everything again
      convmath check my_pkg.kernels:conv2d     judge a convolution of your own
      convmath net my_pkg.models:make_model    a whole network
      convmath solve net.toml --output-size 7  which input sizes give it
      convmath draw conv 5x5 -k 3 -s 2         a layer as a figure

    Exit codes: 0 for success, 1 when a proof or a check fails, 2 when a request is wrong.
    """
    for stream in (sys.stdout, sys.stderr):  # where the terminal has no such character
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


app.command("size")(sizes.size)
app.command("list")(entries.list_entries)
app.command("show")(entries.show)
app.command("derive")(entries.derive)
app.command("counterexamples")(counterexamples.counterexamples)
app.command("prove")(proofs.prove)
app.command("check")(check.check)
app.command("conformance")(conformance.conformance)
app.command("net")(net.net)
app.command("solve")(solve.solve)
app.add_typer(draw.app, name="draw")
app.add_typer(worked.app, name="worked")
