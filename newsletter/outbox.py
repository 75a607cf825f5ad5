"""The mails of the outbox: a claimed row becomes a finished message in the person's language."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape

from newsletter import links
from newsletter.addresses import parse_address
from newsletter.composer import mail_from, signer_of
from newsletter.config import Config
from newsletter.deliver.ports import Parcel
from newsletter.dkim import BodyHash, Signer
from newsletter.errors import AddressError, UsageError
from newsletter.links import KEY_PURPOSE
from newsletter.mailwords import mails_for
from newsletter.models import Claim, DeliveryState, MembershipState, OutboxKind, OutboxMail, Outcome
from newsletter.render import environment
from newsletter.render.letter import Letter, letter
from newsletter.stencil import FilledHeaders, Single, envelope_address, message_id, single_mail
from newsletter.store import Store

SEED_PURPOSE = "outbox"
_PLACE = "https://link.invalid/of-one-person"  # stands for the link until the mail is one person's
_KEPT = 64  # rendered mails
_NOTHING_TO_SAY = "what it was about is over"
_NO_PAGES = "there are no live pages to which it could lead: [web] base_url is empty"


def outbox_composer(
    store: Store, config: Config, now: Callable[[], int]
) -> Callable[[Claim], Parcel | Outcome]:
    """What turns a claim of the outbox into a message. It holds nothing that whoever asked has typed.

    Links are signed when the mail is written, so that one which is good for an hour is so from then. A mail
    is rendered once for all who get the same; raises ConfigError where a template has a fault.
    """
    return _Writer(store, config, now).compose


class _Writer:
    def __init__(self, store: Store, config: Config, now: Callable[[], int]) -> None:
        self._store, self._config, self._now = store, config, now
        self._signer = signer_of(config)
        self._mail_from = mail_from(config)
        self._seed = store.keys.current(SEED_PURPOSE).secret
        self._rendered = _renderer(config)

    def compose(self, claim: Claim) -> Parcel | Outcome:
        """The mail of a claim, or why there is none."""
        mail = self._store.outbox.get(claim.delivery)
        matter = _matter(self._store, self._config, mail, self._now())
        if isinstance(matter, str):
            return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason=matter)
        own, headers = self._single(mail, *matter), self._headers(claim, mail)
        try:
            return Parcel(
                delivery=claim.delivery,
                mail_from=self._mail_from,
                rcpt_to=envelope_address(claim.profile.address),
                pieces=_signed(own, headers, self._signer),
                smtputf8=claim.profile.address.needs_smtputf8,
                dotless=True,
            )
        except (UsageError, AddressError) as error:
            return Outcome(delivery=claim.delivery, state=DeliveryState.SKIPPED, reason=error.message)

    def _single(self, mail: OutboxMail, link: str, lists: Sequence[str]) -> Single:
        """What stands in the mail, with this person's link."""
        sender = self._config.sender
        known = {info.name: info.title for info in self._store.lists.titled()}
        titles = tuple(known.get(name) or name for name in lists)
        found = self._rendered(mail.kind, mail.language or self._config.campaign.language, titles, bool(link))
        return Single(
            sender=parse_address(sender.address),
            sender_name=sender.name,
            reply_to=parse_address(sender.reply_to) if sender.reply_to else None,
            subject=found.subject,
            language=found.language,
            html=found.html.replace(_PLACE, escape(link)),
            text=found.text.replace(_PLACE, link),
        )

    def _headers(self, claim: Claim, mail: OutboxMail) -> FilledHeaders:
        seed = self._seed + mail.created.to_bytes(8, "big")
        return FilledHeaders(
            to=claim.profile.address,
            date=claim.first_claimed,
            message_id=message_id(seed, mail.id, self._config.sender.domain),
        )


def _renderer(config: Config) -> Callable[[OutboxKind, str, tuple[str, ...], bool], Letter]:
    """Renders a mail in a language, about lists, with a link or without; the last ones are kept."""
    templates = environment(config.templates)

    @lru_cache(maxsize=_KEPT)
    def rendered(kind: OutboxKind, language: str, lists: tuple[str, ...], linked: bool) -> Letter:
        words = mails_for(language)
        link = _PLACE if linked else ""
        return letter(templates, config, words, words.mails[kind], link=link, lists=lists)

    return rendered


def _signed(mail: Single, headers: FilledHeaders, signer: Signer | None) -> Sequence[bytes]:
    head, body = single_mail(mail, headers)
    signature = signer.sign(head, BodyHash([body]).of([]), headers.date) if signer else b""
    return [signature + head + b"\r\n", body]


def _matter(store: Store, config: Config, mail: OutboxMail, now: int) -> tuple[str, Sequence[str]] | str:
    """The mail's link and the lists that it names; a reason where there is nothing to say."""
    key, subject = store.keys.current(KEY_PURPOSE), mail.subject
    if not config.web.base_url:
        return ("", _left(store, mail)) if mail.kind is OutboxKind.GOODBYE else _NO_PAGES
    if mail.kind is OutboxKind.CONFIRM:
        waiting = store.joinings.of(subject)
        if not waiting:
            return _NOTHING_TO_SAY
        link = links.confirm_link(config, key, subject, waiting[-1].event)
        return link, [joining.list_name for joining in waiting]
    if mail.kind is OutboxKind.GOODBYE:
        return links.undo_link(config, key, subject, mail.about), _left(store, mail)
    if mail.kind is OutboxKind.DATA:
        return links.data_link(config, key, subject, now), ()
    return links.preferences_link(config, key, subject), _active(store, subject)


def _left(store: Store, mail: OutboxMail) -> Sequence[str]:
    """The lists that were left, where others were kept."""
    leaving = store.leavings.get(mail.about)
    return () if leaving is None or leaving.whole else leaving.list_names


def _active(store: Store, subject: bytes) -> Sequence[str]:
    person = store.people.by_subject(subject)
    memberships = person.memberships if person else ()
    return [m.list_name for m in memberships if m.state is MembershipState.ACTIVE]
