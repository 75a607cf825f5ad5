"""A TOML file whose values are asked for by table and key; every error says path:line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from newsletter.addresses import parse_address
from newsletter.errors import AddressError, ConfigError


class TomlSource(Struct, frozen=True):
    """The parsed file, with what is needed to say where something stands."""

    path: Path
    text: str
    data: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> TomlSource:
        """The file at `path`, parsed; raises ConfigError with path:line."""
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise ConfigError("is not UTF-8 text", where=str(path), hint="save it as UTF-8") from error
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=str(path)) from error
        try:
            return cls(path, text, tomllib.loads(text))
        except RecursionError:
            raise ConfigError("is nested too deeply", where=str(path)) from None
        except ValueError as error:
            found = re.search(r"at line (\d+)", str(error))
            number = int(found[1]) if found else text.count("\n") + 1
            what, hint = _fault(str(error), text.split("\n")[number - 1])
            raise ConfigError(f"is not valid TOML: {what}", where=f"{path}:{number}", hint=hint) from None

    def where(self, table: str, key: str = "") -> str:
        """path:line of a key, of its table where the key is absent, of the file otherwise."""
        current, found = "", 0
        for number, line in enumerate(self.text.splitlines(), 1):
            head = re.match(r"\s*\[+\s*([^\]]+?)\s*\]", line)
            if head:
                current = head[1].replace('"', "")
                if current == table or current.startswith(f"{table}."):
                    found = found or number
            elif key and current == table and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=", line):
                return f"{self.path}:{number}"
        return f"{self.path}:{found}" if found else str(self.path)

    def fail(self, table: str, key: str, what: str, hint: str = "") -> ConfigError:
        """An error about one key."""
        return ConfigError(f"[{table}] {key} {what}", where=self.where(table, key), hint=hint)

    def refuse_unknown(self, known: Mapping[str, Collection[str]], free: str) -> None:
        """Refuse tables and keys that are not `known`; what stands in the table `free` is the caller's."""
        for table, content in self.data.items():
            if table != free and table not in known:
                near = nearest(table, {*known, free})
                raise ConfigError(f"unknown table [{table}]", where=self.where(table), hint=near)
            if not isinstance(content, dict):
                raise ConfigError(
                    f"'{table}' must be a table", where=self.where(table), hint=f"write it as [{table}]"
                )
            for key in content:
                if table != free and key not in known[table]:
                    raise self.fail(table, key, "is unknown", nearest(key, known[table]))

    def value(self, table: str, key: str) -> Any:
        """The raw value, or None."""
        return self.data.get(table, {}).get(key)

    def text_of(self, table: str, key: str, default: str | None = "") -> str:
        """A one-line text; `default` None makes it required."""
        value = self.value(table, key)
        if value is None or value == "":
            if default is None:
                raise self.fail(table, key, "is missing", f'add a line: {key} = "…"')
            return default
        if not isinstance(value, str):
            raise self.fail(table, key, "must be text in quotes", f'write: {key} = "{value}"')
        if re.search(r"[\x00-\x08\x0a-\x1f\x7f\x85\u2028\u2029]", value):
            raise self.fail(
                table, key, "holds a line break or control character", "write it on one line, in plain text"
            )
        return value.strip()

    def number(self, table: str, key: str, default: int, top: int) -> int:
        """A whole number from 1 to `top`."""
        value = self.value(table, key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= top:
            raise self.fail(table, key, f"must be a whole number from 1 to {top}")
        return value

    def words(self, table: str, key: str) -> tuple[str, ...]:
        """A list of texts; empty where there is none."""
        value = self.value(table, key)
        if value is None:
            return ()
        good = isinstance(value, list) and value and all(isinstance(word, str) for word in value)
        if not good or not value[0].strip() or any(re.search(r"[\x00\r\n]", word) for word in value):
            raise self.fail(table, key, "must be a list of texts", f'write: {key} = ["program", "argument"]')
        return tuple(value)

    def address(self, table: str, key: str, default: str | None = "") -> str:
        """An e-mail address; `default` None makes it required."""
        text = self.text_of(table, key, default)
        try:
            return parse_address(text).text if text else ""
        except AddressError as error:
            raise self.fail(table, key, f"is no e-mail address: {error.message}") from None


def _fault(message: str, line: str) -> tuple[str, str]:
    """What is wrong with a line that is no TOML, and what to do."""
    marks = "".join(dict.fromkeys(re.findall("[“”„‟«»‘’‚]", line)))
    if marks and (re.search("=\\s*\\[?\\s*[“”„‟«»‘’‚]", line) or line.count('"') % 2):
        return f"typographic quotation marks ({marks}) stand where plain ones belong", 'write name = "…"'
    what = re.sub(r"\s*\(at .*\)", "", message)
    return what, 'each line is like name = "…"; newsletter init makes a file to compare with'


def nearest(word: str, known: Collection[str]) -> str:
    """A hint that names the known word nearest to an unknown one."""
    close = difflib.get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    return f"did you mean '{close[0]}'?" if close else f"known are: {', '.join(sorted(known))}"
