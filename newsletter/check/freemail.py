"""Free mail providers: whose address a domain is, and which mail servers are theirs."""

from __future__ import annotations

from msgspec import Struct


class Provider(Struct, frozen=True, kw_only=True):
    """`domains` stand in its addresses, `servers` end its mail servers' names."""

    name: str
    domains: frozenset[str]
    servers: tuple[str, ...]


def _provider(name: str, domains: str, servers: str) -> Provider:
    return Provider(name=name, domains=frozenset(domains.split()), servers=tuple(servers.split()))


PROVIDERS = (
    _provider("Gmail", "gmail.com googlemail.com", "gmail.com googlemail.com"),
    _provider(
        "Microsoft",
        "outlook.com outlook.de outlook.es outlook.fr outlook.it msn.com hotmail.com hotmail.co.uk "
        "hotmail.de hotmail.es hotmail.fr hotmail.it live.com live.co.uk live.de live.fr live.it live.nl",
        "outlook.com office365.com live.com hotmail.com",
    ),
    _provider(
        "Yahoo",
        "yahoo.com yahoo.ca yahoo.co.in yahoo.co.jp yahoo.co.uk yahoo.com.ar yahoo.com.br yahoo.de yahoo.es "
        "yahoo.fr yahoo.it ymail.com rocketmail.com aol.com",
        "yahoo.com yahoo.co.jp aol.com",
    ),
    _provider("Apple", "icloud.com me.com mac.com", "mail.me.com"),
    _provider("GMX", "gmx.at gmx.ch gmx.com gmx.de gmx.fr gmx.net", "gmx.com gmx.net"),
    _provider("WEB.DE", "web.de", "web.de"),
    _provider("T-Online", "t-online.de", "t-online.de"),
    _provider("Orange", "orange.fr wanadoo.fr", "orange.fr wanadoo.fr"),
    _provider("Free", "free.fr", "free.fr"),
    _provider("La Poste", "laposte.net", "laposte.net"),
    _provider("Libero", "libero.it", "libero.it"),
    _provider("UOL", "uol.com.br bol.com.br", "uol.com.br bol.com.br"),
    _provider("Proton", "proton.me protonmail.com pm.me", "protonmail.ch proton.me"),
    _provider("Mail.ru", "mail.ru bk.ru inbox.ru list.ru", "mail.ru"),
    _provider("Yandex", "yandex.com yandex.ru ya.ru", "yandex.com yandex.ru"),
    _provider("NetEase", "163.com 126.com", "163.com 126.com"),
    _provider("Tencent", "qq.com foxmail.com", "qq.com"),
    _provider("Naver", "naver.com", "naver.com"),
    _provider("Rediff", "rediffmail.com", "rediffmail.com"),
)


def provider_of(domain: str) -> Provider | None:
    """Who gives addresses at this domain to everybody; None where nobody known does."""
    return next((known for known in PROVIDERS if domain.casefold() in known.domains), None)


def is_theirs(provider: Provider, host: str) -> bool:
    """Whether a mail server is this provider's."""
    return f".{host.casefold().rstrip('.')}".endswith(tuple(f".{server}" for server in provider.servers))
