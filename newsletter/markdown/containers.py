"""The block rule of markdown-it for `::: name` … `:::`, where a forgotten or misspelt line is an error."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

from newsletter.markdown.source import Source
from newsletter.tomlsource import nearest

NAMES = ("callout", "columns", "figure", "only", "quote", "steps")
WITH_WORDS = ("callout", "only")
UNKNOWN = "unknown"
_FENCE = re.compile(r"(?P<colons>:{3,})[ \t]*(?P<name>[^\s:]*)[ \t]*(?P<words>.*?)[ \t]*")
_CODE_FENCE = re.compile(r"(?P<marks>`{3,}(?=[^`]*\Z)|~{3,})(?P<info>.*)")


def container_plugin(md: MarkdownIt) -> None:
    """Adds the containers to a parser; its env must hold the Source under `source`.

    They become tokens `container_NAME_open` and `container_NAME_close`. Containers may stand in one another,
    with more colons for the outer ones or without. The words after `callout` become a `callout_title`, those
    after `only` are in the token's meta under `words`.
    """
    md.block.ruler.before(
        "fence", "container", _container, {"alt": ["paragraph", "reference", "blockquote", "list"]}
    )


def _container(state: StateBlock, start_line: int, end_line: int, silent: bool) -> bool:
    fence = _FENCE.fullmatch(_text(state, start_line))
    if not fence or state.is_code_block(start_line):
        return False
    if silent:
        return True
    source: Source = state.env["source"]
    if not fence["name"] and not fence["words"]:
        hint = "remove it, or look for an opening line above"
        source.report(source.line(start_line), "this ':::' closes nothing", hint)
        state.line = start_line + 1
        return True
    name = _known_name(source, source.line(start_line), fence)
    closing = _closing_line(state, start_line, end_line)
    _push(state, name, fence["words"], start_line, closing)
    state.line = min(closing + 1, end_line)
    return True


def _known_name(source: Source, line: int, fence: re.Match[str]) -> str:
    """The container's name; UNKNOWN, and a fault reported, where it cannot be read."""
    name, words = fence["name"], fence["words"]
    if name not in NAMES:
        source.report(line, f"'::: {name or words}' is unknown", nearest(name, NAMES))
    elif words.endswith(":::"):
        hint = "the closing ':::' needs a line of its own"
        source.report(line, f"'::: {name}' opens and closes on one line", hint)
    elif words and name not in WITH_WORDS:
        source.report(line, f"'::: {name}' takes no words after it", "put them on a line of their own")
    elif name == "only" and not words:
        source.report(line, "'::: only' does not say for whom", "write it like ::: only country:FR,BE")
    else:
        return name
    return UNKNOWN


def _push(state: StateBlock, name: str, words: str, start_line: int, closing: int) -> None:
    outer_type, outer_max = state.parentType, state.lineMax
    state.parentType, state.lineMax = "container", closing
    opening = state.push(f"container_{name}_open", "div", 1)
    opening.map = [start_line, closing + 1]
    opening.meta["words"] = " ".join(words.split())
    if name == "callout" and words:
        state.push("callout_title_open", "p", 1).map = [start_line, start_line + 1]
        title = state.push("inline", "", 0)
        title.content, title.map, title.children = words, [start_line, start_line + 1], []
        state.push("callout_title_close", "p", -1)
    state.md.block.tokenize(state, start_line + 1, closing)
    state.push(f"container_{name}_close", "div", -1)
    state.parentType, state.lineMax = outer_type, outer_max


def _closing_line(state: StateBlock, start_line: int, end_line: int) -> int:
    """The line that closes the container opened on `start_line`; code blocks in between are passed over.

    Where it is not closed, that is a fault, and it ends where the text around it does.
    """
    source: Source = state.env["source"]
    opened: list[tuple[int, int]] = []
    code = ""
    for line in range(start_line, end_line):
        text = _text(state, line)
        if text and state.sCount[line] < state.blkIndent:
            break
        if state.is_code_block(line):
            continue
        if marks := _CODE_FENCE.fullmatch(text):
            code = _code_after(code, marks)
        fence = None if code else _FENCE.fullmatch(text)
        if fence and fence["name"] + fence["words"]:
            opened.append((line, len(fence["colons"])))
        elif fence:
            unclosed = _close(opened, len(fence["colons"]))
            if unclosed is not None:
                _report_unclosed(source, unclosed)
            if not opened or unclosed is not None:
                return line
    else:
        line = end_line
    _report_unclosed(source, opened[-1][0])
    return line


def _close(opened: list[tuple[int, int]], colons: int) -> int | None:
    """Closes the innermost container; the line of one that should have been closed before, if there is one.

    Too few colons close nothing: the line is refused when its turn comes to be parsed.
    """
    if colons < opened[-1][1]:
        return None
    if colons > opened[-1][1] and any(colons == outer for _, outer in opened):
        return opened[-1][0]
    opened.pop()
    return None


def _code_after(code: str, marks: re.Match[str]) -> str:
    if not code:
        return marks["marks"]
    ends = marks["marks"].startswith(code) and not marks["info"].strip()
    return "" if ends else code


def _report_unclosed(source: Source, line: int) -> None:
    source.report(source.line(line), "this ':::' block is not closed", "end it with a line of ':::'")


def _text(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]]
