"""Options that are the fields of a dataclass reach the command as one value, with their names, defaults and checks."""

from __future__ import annotations

from dataclasses import dataclass
from inspect import signature
from typing import Annotated

import typer
from typer.testing import CliRunner

from convmath.cli.spread import spread

Size = Annotated[int, typer.Option("--size", "-s", min=1, help="How large.")]
Name = Annotated[str, typer.Option("--name", help="What it is called.")]


@dataclass(frozen=True)
class Thing:
    size: Size
    name: Name = "it"


def command():
    app = typer.Typer(rich_markup_mode=None)

    @app.command()
    @spread
    def show(before: Annotated[str, typer.Argument()], thing: Thing, *, after: bool = False) -> None:
        """Show it."""
        typer.echo(f"{before} {thing} {after}")

    return app


def ran(*words):
    return CliRunner().invoke(command(), list(words))


def test_a_command_gets_the_dataclass_made_of_its_options():
    assert ran("x", "--size", "3").stdout == "x Thing(size=3, name='it') False\n"
    assert ran("x", "-s", "3", "--name", "that", "--after").stdout == "x Thing(size=3, name='that') True\n"


def test_a_field_without_a_default_is_required_and_its_limits_hold():
    assert (ran("x").exit_code, ran("x", "-s", "0").exit_code) == (2, 2)
    assert "Missing option '--size'" in ran("x").stderr
    assert "--size" in ran("x", "-s", "0").stderr


def test_help_lists_the_options_in_their_places():
    out = ran("--help").stdout
    assert "Show it." in out
    places = [out.index(words) for words in ("--size", "How large.", "--name", "What it is called.", "--after")]
    assert places == sorted(places)


def test_only_dataclasses_are_spread():
    def show(before: Annotated[str, typer.Argument()], thing: Thing, *, after: bool = False) -> None: ...

    assert list(signature(spread(show)).parameters) == ["before", "size", "name", "after"]
    assert list(signature(show).parameters) == ["before", "thing", "after"]
    assert signature(spread(show)).parameters["name"].default == "it"
