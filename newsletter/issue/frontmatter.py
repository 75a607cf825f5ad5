"""The YAML front matter of an edition, read key by key so that every error has its line."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import yaml
from msgspec import Struct

from newsletter.errors import IssueError
from newsletter.models import ShareText
from newsletter.tomlsource import nearest

TEXTS = ("subject", "preheader", "title", "description", "reviewed_by")
DATES = ("date", "reviewed_on")
KEYS = (*TEXTS, *DATES, "draft", "share", "silence")
SHARE_KEYS = ShareText.__struct_fields__
MANY_LINES = ("share.mail_text",)
_TAG = "tag:yaml.org,2002:"
_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_SUBJECT = 'add a line like subject: "…"'
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class FrontMatter(Struct, frozen=True, kw_only=True):
    """What stands in a front matter; `lines` are the file's, by key, and by `share.key` for those within."""

    texts: Mapping[str, str]
    dates: Mapping[str, date]
    share: ShareText
    silence: Sequence[str]
    draft: bool
    lines: Mapping[str, int]


def read_front_matter(text: str, *, path: Path, first_line: int) -> FrontMatter:
    """Reads the YAML between the `---` lines, which begins on the file's `first_line`.

    Raises IssueError with path:line for what is no YAML, a key that is unknown, doubled or missing, and a
    value of the wrong kind or with a line break: the first one, which holds the others. Nothing is
    constructed but text and dates.
    """
    reader = _Reader(path, first_line)
    pairs = reader.pairs(reader.root(text), KEYS)
    values = {key: value for key, (_, value) in pairs.items()}
    share = reader.pairs(values["share"], SHARE_KEYS, within="share") if "share" in values else {}
    front_matter = FrontMatter(
        texts={key: reader.text(key, values[key]) for key in TEXTS if key in values},
        dates={key: day for key in DATES if key in values and (day := reader.day(key, values[key]))},
        share=ShareText(**{key: reader.text(f"share.{key}", value) for key, (_, value) in share.items()}),
        silence=reader.words("silence", values["silence"]) if "silence" in values else (),
        draft=reader.yes("draft", values["draft"]) if "draft" in values else False,
        lines={key: line for key, (line, _) in pairs.items()}
        | {f"share.{key}": line for key, (line, _) in share.items()},
    )
    if "subject" not in values:
        reader.complain(1 - first_line, "the front matter has no subject", _SUBJECT, last=True)
    elif not front_matter.texts["subject"] and not reader.complained_of("subject"):
        line = front_matter.lines["subject"] - first_line
        reader.complain(line, "the subject is empty", _SUBJECT)
    reader.refuse()
    return front_matter


class _Reader:
    """Reads YAML nodes of one file, and collects what is wrong with them."""

    def __init__(self, path: Path, first_line: int) -> None:
        self._path = path
        self._first_line = first_line
        self._errors: list[tuple[int, IssueError]] = []

    def root(self, text: str) -> yaml.Node:
        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = error.problem or error.context or ""
            hint = "a value that holds a colon, a # or a quotation mark goes into quotes"
            if "'\\t'" in what:
                what, hint = "a tab stands where only spaces may", "write spaces instead of it"
            what = f"the front matter is no valid YAML: {what}"
            raise self._error(mark.line if mark else 0, what, hint) from None
        except yaml.YAMLError:
            raise self._error(0, "the front matter holds a character that YAML does not allow") from None
        except RecursionError:
            raise self._error(0, "the front matter is nested too deeply") from None
        return node or yaml.MappingNode(f"{_TAG}map", [])

    def pairs(
        self, node: yaml.Node, known: Sequence[str], within: str = ""
    ) -> dict[str, tuple[int, yaml.Node]]:
        """The values of a mapping by key, with the line of each."""
        if _is_empty(node):
            return {}
        if not isinstance(node, yaml.MappingNode):
            what = f"{within} does not hold" if within else "the front matter does not consist of"
            hint = f"known keys are: {', '.join(known)}"
            self.complain(self._line_of(node), f"{what} lines like 'key: value'", hint)
            if not within:
                self.refuse()
            return {}
        found: dict[str, tuple[int, yaml.Node]] = {}
        for key_node, value in node.value:
            key, line = str(key_node.value), self._line_of(key_node)
            shown = f"{within}.{key}" if within else key
            if key_node.tag != f"{_TAG}str" or key not in known:
                key = key if isinstance(key_node, yaml.ScalarNode) else "a list"
                self.complain(line, f"the key '{key}' is unknown", nearest(key, known))
            elif key in found:
                first = found[key][0]
                self.complain(line, f"the key '{shown}' stands here twice", f"it is on line {first} too")
            else:
                found[key] = (line + self._first_line, value)
        return found

    def text(self, key: str, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode):
            self.complain(self._line_of(node), f"{key} must be one text", f'write it like {key}: "…"')
            return ""
        if _is_empty(node):
            return ""
        value = str(node.value).strip()
        if node.tag != f"{_TAG}str":
            kind = _kind(node)
            hint = f'put it in quotes: {key.rpartition(".")[2]}: "{value}"'
            self.complain(self._line_of(node), f"{key} must be text, but YAML reads {kind} here", hint)
        elif _BREAKS.search(value.replace("\n", "") if key in MANY_LINES else value):
            what = f"{key} holds a line break or a control character"
            self.complain(self._line_of(node), what, "write it on one line, in plain text")
        return value

    def day(self, key: str, node: yaml.Node) -> date | None:
        if _is_empty(node):
            return None
        value = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
        try:
            return date.fromisoformat(value if _DAY.fullmatch(value) else "")
        except ValueError:
            hint = f"write it like {key}: 2026-11-24"
            self.complain(self._line_of(node), f"{key} is no date of the calendar", hint)
            return None

    def yes(self, key: str, node: yaml.Node) -> bool:
        if _is_empty(node):
            return False
        value = str(node.value).casefold() if isinstance(node, yaml.ScalarNode) else ""
        if node.tag != f"{_TAG}bool" or value not in {"true", "false"}:
            hint = f"write {key}: true, or take the line out"
            raise self._error(self._line_of(node), f"{key} must be true or false", hint)
        return value == "true"

    def words(self, key: str, node: yaml.Node) -> tuple[str, ...]:
        if _is_empty(node):
            return ()
        items = node.value if isinstance(node, yaml.SequenceNode) else [node]
        if any(not isinstance(item, yaml.ScalarNode) for item in items):
            self.complain(self._line_of(node), f"{key} must be a list of names", f"as in {key}: [one, two]")
            return ()
        return tuple(str(item.value).strip() for item in items)

    def complain(self, line: int, message: str, hint: str = "", *, last: bool = False) -> None:
        """Note what is wrong, and go on."""
        self._errors.append((sys.maxsize if last else line, self._error(line, message, hint)))

    def complained_of(self, key: str) -> bool:
        """Whether something is wrong with the value of this key already."""
        return any(error.message.startswith(f"{key} ") for _, error in self._errors)

    def refuse(self) -> None:
        """Raise the first error of the file, if there is one, with the others."""
        if self._errors:
            first, *others = (error for _, error in sorted(self._errors, key=lambda pair: pair[0]))
            first.further = tuple(others)
            raise first

    def _line_of(self, node: yaml.Node) -> int:
        return node.start_mark.line if node.start_mark else 0

    def _error(self, line: int, message: str, hint: str = "") -> IssueError:
        return IssueError(message, where=f"{self._path.as_posix()}:{self._first_line + line}", hint=hint)


def _is_empty(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == f"{_TAG}null"


def _kind(node: yaml.Node) -> str:
    kinds = {"int": "a number", "float": "a number", "bool": "yes or no", "timestamp": "a date"}
    return kinds.get(node.tag.removeprefix(_TAG), "something else")
