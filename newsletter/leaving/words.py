"""Whether words ask to leave, or are those of a program that answers for somebody (pure)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_ASKS: Final = re.compile(
    r"unsubscri|\bun-?sub\b|\bopt(?:ing)?.?out\b"
    r"|\b(?:remove|delete) (?:me|us|my)\b|\btake (?:me|us) (?:off|out)\b"
    r"|\bleave (?:this|the|your) (?:mailing )?list\b|\bstreich\w* (?:sie )?mich\b"
    r"|(?<!never )(?<!not )(?<!n't )\bstop (?:sending|e?-?mailing) me\b"
    r"|\bcancel\w* (?:\w+ )?(?:subscri|suscri|inscri|assinat|abonn|newsletter)|\b(?:rimuov|cancell)\w*mi\b"
    r"|abmeld|austragen|aus (?:dem|ihrem) verteiler|abbestell"
    r"|d[ée]sabonn|d[ée]sinscri|d[ée]sus[ck]ri|\bd\w*(?:me|nos|ar) de baja|descadastr"
    r"|disiscri|uitschrijv|afmeld|avregistrer|peruuta|wypis|rezygn|odhl[aá]s|leiratkoz|dezabon|odjav|отпис"
    r"|(?:إلغاء|الغاء|لغو) (?:ال)?اشتراك|退订|退訂|配信停止|수신거부",
    re.IGNORECASE,
)
_MAY_ASK: Final = re.compile(
    r"(?<!\bon )(?<!annual )\bleave\b|\b(?:stop|remove|delete|cancel(?:ar)?)\b"
    r"|\b(?:borrar\w*|baja|remover|d[ée]sist\w*)\b"
    r"|\b(?:disdi|rimuov)|διαγραφ|إلغاء|الغاء|لغو|iptal",
    re.IGNORECASE,
)
_ASKS_NOT: Final = re.compile(
    r"\b(?:never|not|nicht|nie|pas|jamais|nunca|non|when|why|what|does|did|wann|warum|quand|pourquoi)\b|n['’]t\b",
    re.IGNORECASE,
)
_ANSWERS: Final = re.compile(r"(?:re|aw|wg|sv|vs|tr|rv|fwd?|antw)\s*:", re.IGNORECASE)
_WRAPPED: Final = 50  # characters of a line that may go on in the next
_AUTOMATIC: Final = re.compile(
    r"auto(?:matic)?[ -]?(?:reply|response)\b|auto:|out of (?:the )?office|abwesen"
    r"|automatische (?:antwort|abwesen)|réponse automatique|absence du bureau|respuesta autom|resposta autom"
    r"|risposta automatica|fuera de la oficina|automatisch antwoord|automatisk svar|autosvar|автоответ"
    r"|رد تلقائي|自動応答|自动答复",
    re.IGNORECASE,
)


def asks(subject: str, lines: Sequence[str]) -> bool:
    """Whether a mail asks to leave; `stop` and other words that say much else do so in a short line only."""
    if any(map(_ASKS.search, [subject, *lines])):
        return True
    whole = [line for before, line in pairwise(["", *lines]) if len(before) < _WRAPPED]
    short = [line for line in whole if len(line.split()) <= 5]
    own = [] if _ANSWERS.match(subject) or len(subject.split()) > 8 else [subject]
    return any(_MAY_ASK.search(line) and not _ASKS_NOT.search(line) for line in [*own, *short])


def is_away(subject: str) -> bool:
    """Whether a subject is that of a program which answers for a person who is away."""
    return _AUTOMATIC.match(subject) is not None
