"""The key that signs mails, and its DNS record: dkim new, dkim show."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from newsletter import private
from newsletter.cli.app import App, pass_app, put
from newsletter.cli.groups import Group
from newsletter.config import FILE_NAME
from newsletter.dkim import ADVISED, Dkim, Signer, aligned, new_key, parse_domain, parse_selector, txt_strings
from newsletter.errors import UsageError

SELECTOR = "newsletter"
Decorated = Callable[..., None]


@click.group(cls=Group)
def dkim() -> None:
    """Sign your mails with DKIM, so that mailbox providers can see that they are yours."""


def _key_options(command: Decorated) -> Decorated:
    """What names a key, when it is made and when it is shown."""
    for option in (
        click.option(
            "--output",
            type=click.Path(path_type=Path, dir_okay=False),
            help="The key's file; else dkim-SELECTOR.pem in the project.",
        ),
        click.option("--selector", metavar="S", help=f"The key's name in your DNS.  [default: {SELECTOR}]"),
        click.option("--domain", metavar="D", help="The domain that signs; else that of your From address."),
    ):
        command = option(command)
    return command


@dkim.command()
@_key_options
@click.option("--ed25519", is_flag=True, help="A short modern key, which several providers cannot check yet.")
@pass_app
def new(app: App, domain: str | None, selector: str | None, ed25519: bool, output: Path | None) -> None:
    """Make a key, and print its DNS record and the lines for newsletter.toml.

    The key's file is a secret. A file that exists is never overwritten.

    \b
    Examples:
      newsletter dkim new
      newsletter dkim new --selector newsletter2
    """
    root, settings = app.config.root, _named(app, domain, selector, output)
    options = {"--domain": domain, "--selector": selector, "--output": output and str(output)}
    typed = [word for option, value in options.items() if value for word in (option, value)]
    _write_key(settings.private_key, new_key(ed25519=ed25519), app.command("dkim", "show", *typed))
    name = _name_in(root, settings.private_key)
    app.say(f"Made the key {name}. It is a secret: whoever has it can sign as {settings.domain}.")
    if not Path(name).is_absolute():
        _keep_out_of_git(app, root, name)
    _show_record(app, Signer.load(settings))
    _show_settings(app, settings)


@dkim.command()
@_key_options
@pass_app
def show(app: App, domain: str | None, selector: str | None, output: Path | None) -> None:
    """Print the DNS record of the key in newsletter.toml, else of the one that was made.

    Options name another key, as they did when it was made.

    \b
    Examples:
      newsletter dkim show
      newsletter dkim show --selector newsletter2
    """
    settings = None if domain or selector or output else app.config.dkim
    chosen = settings or _named(app, domain, selector, output)
    if settings is None and not chosen.private_key.exists():
        raise UsageError(
            "no DKIM key is here",
            where=str(chosen.private_key),
            hint="make one with: newsletter dkim new; one of another name is shown with --selector",
        )
    signer = Signer.load(chosen)
    _show_record(app, signer)
    if chosen != app.config.dkim:
        _show_settings(app, chosen)
    if signer.algorithm.startswith(b"rsa") and signer.bits < ADVISED:
        app.warn(
            f"this key has only {signer.bits} bits, and some providers distrust it: "
            "make another with newsletter dkim new --selector newsletter2"
        )


def _named(app: App, domain: str | None, selector: str | None, output: Path | None) -> Dkim:
    """The key that the options name."""
    selector = _parsed("--selector", parse_selector, selector or SELECTOR)
    return Dkim(
        domain=_parsed("--domain", parse_domain, domain or app.config.sender.domain),
        selector=selector,
        private_key=(output or app.config.root / f"dkim-{selector}.pem").resolve(),
    )


def _parsed(option: str, parse: Callable[[str], str], text: str) -> str:
    try:
        return parse(text)
    except UsageError as error:
        raise UsageError(f"{option} {error.message}", where=text, hint=error.hint) from None


def _write_key(path: Path, pem: bytes, show: str) -> None:
    try:
        private.make(path)
    except FileExistsError:
        raise UsageError(
            "there is a key already, and it was left as it is",
            where=str(path),
            hint=f"print its record with: {show}; another key needs another --selector",
        ) from None
    path.write_bytes(pem)


def _name_in(root: Path, path: Path) -> str:
    """The path as newsletter.toml holds it: relative to the project where it stands inside."""
    root = root.resolve()
    return (path.relative_to(root) if path.is_relative_to(root) else path).as_posix()


def _keep_out_of_git(app: App, root: Path, name: str) -> None:
    ignore = root / ".gitignore"
    text = ignore.read_text(encoding="utf-8") if ignore.exists() else ""
    if f"/{name}" in text.splitlines():
        return
    gap = "\n" if text and not text.endswith("\n") else ""
    ignore.write_text(f"{text}{gap}/{name}\n", encoding="utf-8")
    app.say("It was added to .gitignore, so that git never takes it.")


def _show_record(app: App, signer: Signer) -> None:
    app.say(f"\nPut this record into the DNS of {signer.domain}:")
    strings = " ".join(f'"{text}"' for text in txt_strings(signer.record))
    put(f"{signer.record_name}. IN TXT {strings}")
    app.say(
        f"In a form that asks for its parts: name {signer.selector}._domainkey, type TXT, value: all between "
        'the quotation marks, without them and without the gap (" ") between two.'
    )
    if not aligned(signer.domain, app.config.sender.domain):
        app.warn(
            f"{signer.domain} is not the domain of your From address, {app.config.sender.domain}, "
            "so that DMARC does not count the signature"
        )


def _show_settings(app: App, settings: Dkim) -> None:
    name = _name_in(app.config.root, settings.private_key)
    app.say(f"\nWhen the record is there, put this into {FILE_NAME}:")
    put("[dkim]")
    for key, value in (("domain", settings.domain), ("selector", settings.selector), ("private_key", name)):
        put(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    app.say("\nThen look at a signed mail: newsletter send ISSUE --test you@example.org")
