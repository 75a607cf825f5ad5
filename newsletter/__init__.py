"""A campaign newsletter mailing tool: issues in markdown, lists in SQLite, sending through SMTP."""

__version__ = "0.1.0"
