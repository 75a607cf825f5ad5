"""Segments -> parameterised SQL over subscribers; no value ever stands in the SQL text."""

from __future__ import annotations

from collections.abc import Sequence

from newsletter.models import MembershipState, SuppressionKind
from newsletter.segments import Segment, Term, consent_terms
from newsletter.store.text import fold

MEMBERS = (MembershipState.ACTIVE, MembershipState.PENDING)
CONSENTING = (MembershipState.ACTIVE,)

_STRENGTH = " ".join(f"WHEN '{kind.value}' THEN {rank}" for rank, kind in enumerate(SuppressionKind))
SUPPRESSION_SQL = (
    "(SELECT x.kind FROM suppressions x WHERE x.address_mac = s.address_mac "
    f"ORDER BY CASE x.kind {_STRENGTH} END LIMIT 1)"
)
_IN_A_LIST = "EXISTS (SELECT 1 FROM memberships m WHERE m.subject = s.subject AND m.state = '{}')"
STATE_SQL = (
    f"coalesce({SUPPRESSION_SQL}, CASE WHEN {_IN_A_LIST.format('active')} THEN 'active' "
    f"WHEN {_IN_A_LIST.format('pending')} THEN 'pending' ELSE 'unsubscribed' END)"
)
_UNSUPPRESSED_SQL = "NOT EXISTS (SELECT 1 FROM suppressions x WHERE x.address_mac = s.address_mac)"


class Binder:
    """Collects the values of a statement and answers the placeholder for each."""

    def __init__(self) -> None:
        self.values: dict[str, object] = {}

    def __call__(self, value: object) -> str:
        """The placeholder that stands for `value`."""
        name = f"b{len(self.values)}"
        self.values[name] = value
        return f":{name}"


def audience_sql(segment: Segment, bind: Binder) -> tuple[str, str]:
    """FROM and WHERE of an audience, in which `s` is the subscriber.

    Active members of each positively named list (of any list where none is named), for whom the other terms
    hold, without a suppression. Ordered access by s.subject is an index's.
    """
    consents = consent_terms(segment)
    others = [term_sql(term, bind, CONSENTING) for term in segment.terms if term not in consents]
    source = "subscribers s"
    where = [consent_sql(consents, bind)]
    driver = next((term for term in consents if len(term.values) == 1), None)
    if driver is not None:
        source = "memberships d CROSS JOIN subscribers s ON s.subject = d.subject"
        rest = [term for term in consents if term is not driver]
        where = [
            f"d.list = (SELECT id FROM lists WHERE name = {bind(driver.values[0])})",
            "d.state = 'active'",
            *([consent_sql(rest, bind)] if rest else []),
        ]
    return source, " AND ".join([*where, *others, _UNSUPPRESSED_SQL])


def audience_count_sql(segment: Segment, bind: Binder) -> str:
    """How many are in an audience. That of a list alone is counted without looking at each person."""
    consents = consent_terms(segment)
    if len(segment.terms) == 1 and consents and len(consents[0].values) == 1:
        return (
            "SELECT count(*) FROM memberships d "
            f"WHERE d.list = (SELECT id FROM lists WHERE name = {bind(consents[0].values[0])}) "
            "AND d.state = 'active' AND d.subject NOT IN (SELECT p.subject FROM suppressions x "
            "JOIN subscribers p ON p.address_mac = x.address_mac)"
        )
    source, where = audience_sql(segment, bind)
    return f"SELECT count(*) FROM {source} WHERE {where}"


def consent_sql(terms: Sequence[Term], bind: Binder) -> str:
    """The consent that carries a mail: active in a list of every term; without terms, in any list."""
    if not terms:
        return _IN_A_LIST.format("active")
    return " AND ".join(_membership_sql(term.values, bind, CONSENTING) for term in terms)


def consent_in_sql(lists: Sequence[Sequence[int]], bind: Binder) -> str:
    """The same by the lists' row ids: active in one list of every group; without groups, in any list."""
    if not lists:
        return _IN_A_LIST.format("active")
    return " AND ".join(
        "EXISTS (SELECT 1 FROM memberships m WHERE m.subject = s.subject AND m.state = 'active' "
        f"AND m.list IN ({', '.join(bind(one) for one in group)}))"
        for group in lists
    )


def filter_sql(segment: Segment | None, bind: Binder, states: Sequence[MembershipState]) -> str:
    """WHERE for people for whom all terms hold; `states` are those in which one is a member of a list."""
    terms = segment.terms if segment else ()
    return " AND ".join(term_sql(term, bind, states) for term in terms) or "1"


def mask_sql(conditions: Sequence[Segment], bind: Binder) -> str:
    """The bit mask of the conditions that hold: bit n for condition n."""
    bits = [
        f"(CASE WHEN {filter_sql(condition, bind, CONSENTING)} THEN {1 << n} ELSE 0 END)"
        for n, condition in enumerate(conditions)
    ]
    return " + ".join(bits) or "0"


def field_sql(name: str, bind: Binder) -> str:
    """The text value of a personal field or an attribute; NULL or empty where nothing is known."""
    if name in {"name", "language", "country"}:
        return f"s.{name}"
    if name == "email":
        return "s.address"
    return attribute_sql(name, bind)


def attribute_sql(name: str, bind: Binder) -> str:
    """The text value of an attribute; NULL where the person has none of this name."""
    if '"' in name or "\\" in name or not name.isprintable():
        return f"(SELECT j.value FROM json_each(s.attributes) j WHERE j.key = {bind(name)})"
    path = bind(f'$."{name}"')
    return f"json_extract(s.attributes, {path})"


def term_sql(term: Term, bind: Binder, states: Sequence[MembershipState]) -> str:
    """One term as a condition that is true or false, never NULL."""
    if term.key == "list":
        sql = _membership_sql(term.values, bind, states)
    else:
        sql = " OR ".join(_value_sql(term.key, value, bind) for value in term.values)
    return f"NOT ({sql})" if term.negated else f"({sql})"


def _membership_sql(lists: Sequence[str], bind: Binder, states: Sequence[MembershipState]) -> str:
    names = ", ".join(bind(name) for name in lists)
    wanted = ", ".join(bind(state.value) for state in states)
    return (
        "EXISTS (SELECT 1 FROM memberships m WHERE m.subject = s.subject "
        f"AND m.list IN (SELECT id FROM lists WHERE name IN ({names})) AND m.state IN ({wanted}))"
    )


def _value_sql(key: str, value: str, bind: Binder) -> str:
    if key == "country":
        return f"s.country = {bind(value)}"
    if key == "language":
        return _language_sql(value, bind)
    if not value:
        return f"coalesce({field_sql('tags' if key == 'tag' else key, bind)}, '') = ''"
    wanted = bind(fold(value))
    if key == "name":
        return f"news_fold(s.name) = {wanted}"
    if key == "email":
        return f"(s.address_key = {bind(value)} OR news_fold(s.address) = {wanted})"
    if key == "tag":
        holds = f"news_has_tag({attribute_sql('tags', bind)}, {wanted})"
    else:
        holds = f"coalesce(news_fold_again({attribute_sql(key, bind)}), '') = {wanted}"
    return f"(s.attributes <> '{{}}' AND {holds})"


def _language_sql(prefix: str, bind: Binder) -> str:
    if not prefix:
        return "s.language = ''"
    longer = f"{prefix}-"
    begins = f"substr(lower(s.language), 1, {bind(len(longer))}) = {bind(longer)}"
    return f"(lower(s.language) = {bind(prefix)} OR {begins})"
