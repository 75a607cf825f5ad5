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
    r"|(?<!never )(?<!not )(?<!n't )\bstop (?:sending|e?-?mailing) me\b|\bno longer (?:wish|want) to receive"
    r"|\bremove\b.{1,60}\bfrom (?:this|the|your) (?:\w+ )?list\b|\bne (?:souhaite |veux )?plus recevoir"
    r"|\bretirer de (?:votre|la|cette) liste|\bno (?:deseo|quiero) recibir"
    r"|\bcancel\w* (?:\w+ )?(?:subscri|suscri|inscri|assinat|abonn|newsletter)|\b(?:rimuov|cancell)\w*mi\b"
    r"|abmeld|austragen|aus (?:dem|der|ihrem|ihrer) (?:\w+)?(?:verteiler|liste)|abbestell"
    r"|d[ée]sabonn|d[ée]sinscri|d[ée]sus[ck]ri|\bd\w*(?:me|nos|ar) de baja|descadastr"
    r"|disiscri|uitschrijv|afmeld|avregistrer|peruuta|wypis|rezygn|odhl[aá]s|leiratkoz|dezabon|odjav|отпи[сш]"
    r"|(?:إلغاء|الغاء|لغو) (?:ال)?اشتراك|退订|退訂|配信停止|수신거부",
    re.IGNORECASE,
)
_REFUSES: Final = re.compile(
    r"(?:\b(?:do|did|does) not|\b(?:don|didn|doesn)['’]t|\bnever) (?:(?:want|wish|like) to )?"
    r"(?:unsub|remov|delet|cancel|opt|take)"
    r"|\bnicht (?:\w+ )?(?:abmeld|abbestell|austrag|streich)"
    r"|\bne (?:m[e’']|nous |vous )?\s?d[ée]s\w+.{0,9} pas\b"
    r"|\b(?:unsubscribed|removed|abgemeldet|d[ée]sabonn|d[ée]sinscri)\w*\b.{0,30}\bby (?:mistake|accident)"
    r"|\baccidentally (?:unsub|left|remov)|\bversehentlich (?:\w+ )?ab"
    r"|\bd[ée]s\w+ par erreur|\bdisiscr.* per errore"
    r"|\b(?:add|put|take) me (?:back|again)\b",
    re.IGNORECASE,
)
_MAY_ASK: Final = re.compile(
    r"leave|stop|remove|delete|cancel(?:ar)?|borrar\w*|baja|remover|d[ée]sist\w*|disdi\w*|rimuov\w*"
    r"|διαγραφ\w*|إلغاء|الغاء|لغو|iptal"
)
_BESIDE_WORDS: Final = """
    please pls kindly me us my i we you your the this it now thanks thank how do can want to would like from
    list mailing mail mails email emails e newsletter newsletters sending address account name subscription
    bitte danke mich svp merci por favor gracias grazie obrigado obrigada"""
_BESIDE: Final = frozenset(_BESIDE_WORDS.split())
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
    """Whether a mail asks to leave; `stop` and other words that say much else do so alone in a line only."""
    if any(map(_REFUSES.search, [subject, *lines])):
        return False
    if any(map(_ASKS.search, [subject, *lines])):
        return True
    whole = [line for before, line in pairwise(["", *lines]) if len(before) < _WRAPPED]
    return any(map(_says_no_more, whole if _ANSWERS.match(subject) else [subject, *whole]))


def _says_no_more(line: str) -> bool:
    words = [word for word in re.findall(r"[^\W\d_]+", line.casefold()) if word not in _BESIDE]
    return bool(words) and all(map(_MAY_ASK.fullmatch, words))


def is_away(subject: str) -> bool:
    """Whether a subject is that of a program which answers for a person who is away."""
    return _AUTOMATIC.match(subject) is not None
