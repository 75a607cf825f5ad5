"""The commands: under which heading each stands, in which module it lives, what a group says of its own."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Iterable, Mapping

import click

from newsletter.tomlsource import nearest

SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Begin": {
        "demo": "demo",
        "init": "project",
        "doctor": "doctor",
        "dkim": "dkim",
    },
    "An issue": {
        "new": "project",
        "check": "building",
        "build": "building",
    },
    "The people": {
        "subscribers": "subscribers",
        "lists": "lists",
        "segments": "lists",
        "imports": "imports",
        "consent": "consent",
    },
    "Sending": {
        "send": "send",
        "status": "status",
        "report": "report",
        "deliveries": "journal",
        "pause": "control",
        "resume": "resume",
        "cancel": "control",
        "resolve": "journal",
        "run": "unattended",
    },
    "Public pages, and passing on": {
        "serve": "serve",
        "archive": "passing",
        "kit": "passing",
    },
    "Looking after the project": {
        "backup": "project",
        "restore": "project",
        "keys": "keys",
    },
}
HOMES = {name: home for section in SECTIONS.values() for name, home in section.items()}
"""The module of each command."""
GROUPS = ("subscribers", "lists", "segments", "imports", "keys", "dkim", "consent")
"""Whose words people type without the group."""


class Group(click.Group):
    """Its help gives each command's first sentence whole, on as many lines as that takes."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands."""
        self.write_section(ctx, formatter, "Commands", self.list_commands(ctx))

    def write_section(
        self, ctx: click.Context, formatter: click.HelpFormatter, title: str, names: Iterable[str]
    ) -> None:
        """Write some of the commands under a heading."""
        found = [(name, self.get_command(ctx, name)) for name in names]
        with formatter.section(title):
            formatter.write_dl(
                [(name, command.get_short_help_str(1_000)) for name, command in found if command]
            )


class Program(Group):
    """All commands, in sections; only the module of the one that is typed is loaded."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted(HOMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name not in HOMES:
            return None
        command = getattr(importlib.import_module(f"newsletter.cli.{HOMES[cmd_name]}"), cmd_name)
        return command if isinstance(command, click.Command) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        for title, names in SECTIONS.items():
            self.write_section(ctx, formatter, title, names)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that was typed. UsageError, naming the nearest, where there is none of that name."""
        word = args[0]
        if word not in HOMES and not word.startswith("-") and not ctx.resilient_parsing:
            near = difflib.get_close_matches(word, HOMES, n=1, cutoff=0.8)
            near += [f"{name} {word}" for name in GROUPS if word in self._words_of(ctx, name)]
            named = " or ".join(f"'{one}'" for one in near[:2])
            meant = f"did you mean {named}?" if near else nearest(word, HOMES)
            raise click.UsageError(f"there is no command '{word}'; {meant}", ctx)
        return super().resolve_command(ctx, args)

    def _words_of(self, ctx: click.Context, name: str) -> list[str]:
        group = self.get_command(ctx, name)
        return group.list_commands(ctx) if isinstance(group, click.Group) else []
