"""Passing issues on: kit, archive."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import click

from newsletter import pages
from newsletter.archive import refuse_foreign, write_archive
from newsletter.cli.app import App, counted, now_ms, pass_app, put
from newsletter.cli.asking import refuse_errors
from newsletter.cli.proving import make_proof, tell_early_errors, tell_own_machine
from newsletter.errors import RefusedError
from newsletter.issue import list_issues, load_issue
from newsletter.models import Issue
from newsletter.pages import Site
from newsletter.pages.site import is_public
from newsletter.render import environment
from newsletter.sample import SLUG, sample_files
from newsletter.weburl import is_on_this_machine

OF_OUR_MAIL = frozenset({"one-click-missing", "only-unknown"})
"""Rules about what a kit has not: our own way out, and blocks for some readers."""


def make_site(app: App, issues: list[Issue], today: date) -> Site:
    """The public side of this project as files."""
    config = app.config
    return Site(
        config=config,
        environment=environment(config.templates),
        issues={issue.slug: issue for issue in issues},
        today=today,
        place=pages.static(config),
    )


@click.command()
@click.argument("issue")
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="A folder. Default: build.")
@pass_app
def kit(app: App, issue: str, output: Path | None) -> None:
    """Make SLUG-kit.zip: what a partner society needs to mail an issue to its own members.

    Per language: the mail as HTML, as a draft for Outlook and as text, without anything of your readers;
    subject lines and posts; a handout to print; QR codes. Drafts are left out.

    \b
    Example:
      newsletter kit image-gently-in-dentistry
    """
    proof = make_proof(app, issue)
    slug = proof.issue.slug
    drafts = [tag for tag, edition in proof.issue.editions.items() if edition.draft]
    if len(drafts) == len(proof.issue.editions):
        raise RefusedError(
            "every edition of this issue is still a draft",
            where=str(proof.issue.folder),
            hint="take the line draft: true out of those that are ready",
        )
    found = [f for f in proof.findings() if f.edition not in drafts and f.rule not in OF_OUR_MAIL]
    refuse_errors(app, proof, tell_early_errors(app, proof, found))
    site = make_site(app, [proof.issue], date.max)
    folder = output or app.config.root / "build"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{slug}-kit.zip"
    path.write_bytes(pages.zipped(pages.kit_files(site, slug), f"{slug}-kit"))
    put(str(path))
    app.say(f"It holds the issue in {', '.join(site.issue(slug).editions)}.")
    if drafts:
        app.say(f"Left out as drafts: {', '.join(drafts)}.")
    _tell_place(app, "the kit has no QR codes and no link to a public page")
    today = app.local(now_ms()).date()
    late = [e.date for e in site.issue(slug).editions.values() if e.date and not is_public(e, today)]
    if late and site.absolute("/"):
        app.warn(f"the public pages open on {max(late)}: the kit's links lead nowhere before")


@click.command()
@click.option(
    "--output", type=click.Path(path_type=Path, file_okay=False), help="A folder. Default: archive."
)
@pass_app
def archive(app: App, output: Path | None) -> None:
    """Write the public pages as plain files, for any web host.

    All issues but drafts and those whose date has not come, the share pages, handouts, QR codes, feeds in
    each language and a sitemap. Nothing in them is about any reader. The same issues give the same bytes; the
    folder is replaced as a whole.

    \b
    Example:
      newsletter archive --output public_html/newsletter
    """
    root = app.config.root
    folder = output or root / "archive"
    refuse_foreign(folder)
    issues = [load_issue(root, slug) for slug in list_issues(root)]
    site = make_site(app, issues, app.local(now_ms()).date())
    files = pages.static_files(site)
    write_archive(files, folder)
    count = sum(name.endswith(".html") for name in files)
    put(str(folder))
    issues_said = counted(len(site.public()), "issue", "issues")
    app.say(f"{count} pages with {issues_said}, {len(files)} files in all.")
    _tell_left_out(app, site)
    tell_sample(app, site)
    _tell_place(app, "feeds, sitemap and QR codes are left out")
    if app.config.web.archive_url:
        app.say(f"Copy the folder to your web host, so that it answers at {app.config.web.archive_url}/")


def _tell_left_out(app: App, site: Site) -> None:
    for slug, issue in sorted(site.issues.items()):
        hidden = [
            f"{tag} is a draft" if edition.draft else f"{tag} is dated {edition.date}"
            for tag, edition in issue.editions.items()
            if not is_public(edition, site.today)
        ]
        if hidden:
            app.say(f"Not public yet: {slug} ({', '.join(hidden)})")


def tell_sample(app: App, site: Site) -> None:
    """Say that the sample of `init` is public under somebody's own name."""
    if all(each.slug != SLUG for each in site.public()):
        return
    files = {app.config.root / name: data for name, data in sample_files().items()}
    if all(path.is_file() and path.read_bytes() == data for path, data in files.items()):
        app.warn(
            f"the sample issue '{SLUG}' is public, as `newsletter init` has made it: write draft: true into "
            f"its editions, or delete issues/{SLUG}"
        )


def _tell_place(app: App, lost: str) -> None:
    """Say what is missing for want of a public address."""
    web = app.config.web
    if not web.archive_url and not web.base_url:
        app.warn(f"there is no public address, so {lost}. Set [web] archive_url in newsletter.toml.")
    elif not web.archive_url and is_on_this_machine(web.base_url):
        tell_own_machine(app)
    elif not web.archive_url:
        app.say("Links lead to [web] base_url. If the archive gets an address of its own, set archive_url.")
