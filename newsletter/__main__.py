"""Runs the command line as `python -m newsletter`."""

from newsletter.cli.main import run

run()
