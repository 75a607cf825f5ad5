"""The mail's templates: the built-in ones, a project's own over them, and their faults in words."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    Environment,
    FileSystemLoader,
    PackageLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
    TemplateSyntaxError,
    select_autoescape,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from newsletter.errors import ConfigError
from newsletter.typography import whole_words

PREVIEW_PADDING = "\u034f\u200c\u00a0" * 60
"""Keeps what follows the preheader out of the inbox's preview line."""

_FAULTS = (
    TemplateError,
    TypeError,
    ValueError,
    ArithmeticError,
    LookupError,
    AttributeError,
    RecursionError,
)


def environment(project_templates: Path | None) -> Environment:
    """The templates: the project's own over the built-in ones, file by file.

    They are sandboxed, and an undefined variable is an error. Rendering raises ConfigError with file:line.
    """
    loaders: list[BaseLoader] = [PackageLoader("newsletter", "data/templates")]
    if project_templates is not None:
        loaders.insert(0, FileSystemLoader(project_templates, encoding="utf-8-sig"))
    return ImmutableSandboxedEnvironment(
        loader=_Templates(loaders),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


class _Templates(BaseLoader):
    """The first template of a name, without any that would fetch a style sheet from elsewhere."""

    def __init__(self, loaders: list[BaseLoader]) -> None:
        self._first = ChoiceLoader(loaders)

    def get_source(
        self, environment: Environment, template: str
    ) -> tuple[str, str | None, Callable[[], bool] | None]:
        try:
            source, filename, fresh = self._first.get_source(environment, template)
        except TemplateNotFound:
            raise
        except UnicodeDecodeError as error:
            where = f"templates/{template}"
            raise ConfigError("is not UTF-8 text", where=where, hint="save it as UTF-8") from error
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", where=f"templates/{template}") from error
        found = re.search("@import", source, re.IGNORECASE)
        if found:
            line = source.count("\n", 0, found.start()) + 1
            raise ConfigError(
                "@import cannot stand in a mail's styles",
                where=f"{filename}:{line}",
                hint="copy the rules into the template",
            )
        return source, filename, fresh

    def list_templates(self) -> list[str]:
        return self._first.list_templates()


def sources(environment: Environment) -> list[str]:
    """The text of every template of the mails."""
    loader = environment.loader
    names = environment.list_templates(filter_func=lambda name: is_template(name) and _of_mails(name))
    return [loader.get_source(environment, name)[0] for name in names] if loader else []


def is_template(name: str) -> bool:
    """Whether a file of a templates folder is a template, by its name."""
    return name.rpartition(".")[2] in {"html", "txt", "css", "jinja"}


def _of_mails(name: str) -> bool:
    return not name.startswith("pages/")


def page(environment: Environment, template: str, **words: Any) -> str:
    """A public page's template with its words filled in. Raises ConfigError with the file:line of a fault."""
    return filled(environment, template, words)


def filled(environment: Environment, name: str, page: dict[str, Any]) -> str:
    """A template with its variables filled in. Raises ConfigError with the file:line of a fault."""
    try:
        made = environment.get_template(name).render(page)
    except _FAULTS as error:
        raise ConfigError(
            f"the template has a fault: {_reason(error)}",
            where=_where(error, name),
            hint="mend it, or delete the file to use the built-in one",
        ) from error
    return whole_words(made) if name.endswith(".html") else made


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it includes itself"
    if isinstance(error, TemplateNotFound):
        return f"there is no template '{error.name}'"
    return str(getattr(error, "message", None) or error)


def _where(error: BaseException, name: str) -> str:
    """The file and line of a template's fault: of the syntax, else of the innermost template."""
    if isinstance(error, TemplateSyntaxError):
        return f"{error.filename or error.name or name}:{error.lineno}"
    place, frame = name, error.__traceback__
    while frame is not None:
        if "__jinja_exception__" in frame.tb_frame.f_globals:
            place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}"
        frame = frame.tb_next
    return place
