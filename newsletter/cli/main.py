"""The `newsletter` command: its groups, and the one place where an error becomes a line."""

from __future__ import annotations

import io
import sys
import traceback
from pathlib import Path

import click

from newsletter import __version__
from newsletter.cli import compose, demo, journal, lists, people, project, relay, send
from newsletter.cli.app import App, plain
from newsletter.errors import NewsletterError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--project",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="The project folder, if you are not in it.",
)
@click.option("--debug", is_flag=True, help="Show the program's own trace when something fails.")
@click.version_option(__version__, prog_name="newsletter")
@click.pass_context
def cli(context: click.Context, project: Path | None, debug: bool) -> None:
    """Write issues in markdown, keep lists of subscribers, and send each issue to each person once.

    \b
    Start here:
      newsletter demo             see all of it work on this machine, in a minute
      newsletter init my-news     make a project of your own
    """
    context.obj = App(project=project, debug=debug)


for module in (project, compose, people, lists, send, journal, relay, demo):
    for command in module.COMMANDS:
        cli.add_command(command)


def run() -> None:
    """Entry point: every NewsletterError becomes one line on stderr and its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    debug = "--debug" in sys.argv[1:]
    try:
        code = cli.main(prog_name="newsletter", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except NewsletterError as error:
        _fail(str(error), error.exit_code, debug)
    except click.exceptions.Abort:
        _fail("stopped", 1, debug)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        _fail(f"{place}{error.strerror or error}", 2, debug)


def _fail(line: str, code: int, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    click.secho(f"newsletter: {plain(line)}", fg="red", err=True)
    sys.exit(code)
