"""The pages of docs/ that are made from the program; `make docs` writes them, a test compares them."""

from __future__ import annotations

from pathlib import Path

import click

from newsletter.check import RULES
from newsletter.cli.main import cli

DOCS = Path(__file__).parent.parent / "docs"


def commands() -> str:
    """docs/commands.md: every command's help."""
    parts = [
        "# Commands\n\nMade from `--help` by `make docs`. Data goes to stdout, talk to stderr. Exit 0: done; "
        "1: the answer is no (a check found errors, some deliveries failed); 2: misuse.\n"
    ]
    parts += [_page(cli, "newsletter", _context())]
    return "\n".join(parts)


def _context() -> click.Context:
    """As the program itself makes it, whatever else has run in this process."""
    return click.Context(cli, info_name="newsletter", help_option_names=["-h", "--help"])


def _page(command: click.Command, path: str, context: click.Context) -> str:
    context.terminal_width = context.max_content_width = 100
    text = f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n"
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            text += "\n" + _page(
                inner, f"{path} {name}", click.Context(inner, parent=context, info_name=name)
            )
    return text


def checks() -> str:
    """docs/checks.md: every rule."""
    rows = [
        f"| `{rule.id}` | {', '.join(rule.levels)} | {_as_text(rule.title)} | {_as_text(rule.help)} |"
        for rule in RULES
    ]
    head = (
        "# Checks\n\nMade from the program by `make docs`. An error stops a send; a warning does not, "
        "and can be silenced in an edition's front matter with `silence: [rule]`.\n\n"
        "| rule | level | what it finds | what to do |\n|---|---|---|---|\n"
    )
    return head + "\n".join(rows) + "\n"


def _as_text(sentence: str) -> str:
    """A sentence in which markdown shows nothing but its letters."""
    return sentence.replace("|", "\\|").replace("](", "]\\(")


PAGES = {"commands.md": commands, "checks.md": checks}

if __name__ == "__main__":
    for name, make in PAGES.items():
        (DOCS / name).write_text(make(), encoding="utf-8")
