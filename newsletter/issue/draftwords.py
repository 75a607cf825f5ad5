"""The words of a new edition's text, in the languages that mails have fixed sentences in."""

from __future__ import annotations

from msgspec import Struct

from newsletter.languages import choose_edition

FALLBACK = "en"


class DraftWords(Struct, frozen=True, kw_only=True):
    """A greeting with its field, which may stay, and sample words that must not."""

    greeting: str
    opening: str
    heading: str
    steps: tuple[str, str]
    button: str

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines of markdown that an author is to replace."""
        first, second = self.steps
        return (self.opening, f"## {self.heading}", f"1. {first}", f"2. {second}")

    @property
    def link(self) -> str:
        """How the button begins, whatever it leads to."""
        return f"[{self.button}]("


def _greeting(before: str, default: str, after: str = ",") -> str:
    return f'{before} {{{{ name | default("{default}") }}}}{after}'


WORDS = {
    "ar": DraftWords(
        greeting=_greeting("تحية طيبة", "أيها الزملاء", "،"),
        opening="اكتب هنا. يبدأ السطر الفارغ فقرة جديدة، وتجعل **نجمتان** الكلمات عريضة.",
        heading="عنوان",
        steps=("أول ما ينبغي فعله.", "ثاني ما ينبغي فعله."),
        button="ما على القراء فعله بعد ذلك",
    ),
    "de": DraftWords(
        greeting=_greeting("Guten Tag", "liebe Kolleginnen und Kollegen"),
        opening="Schreiben Sie hier. Eine Leerzeile beginnt einen Absatz; **zwei Sternchen** machen fett.",
        heading="Eine Überschrift",
        steps=("Was zuerst zu tun ist.", "Was danach zu tun ist."),
        button="Was Leser als Nächstes tun sollen",
    ),
    "en": DraftWords(
        greeting=_greeting("Dear", "colleague"),
        opening="Write here. A blank line begins a new paragraph; **two asterisks** make words bold.",
        heading="A heading",
        steps=("The first thing to do.", "The second thing to do."),
        button="What readers should do next",
    ),
    "es": DraftWords(
        greeting=_greeting("Hola,", "colega", ":"),
        opening="Escriba aquí. Una línea en blanco empieza un párrafo; **dos asteriscos** ponen negrita.",
        heading="Un título",
        steps=("Lo primero que hay que hacer.", "Lo segundo que hay que hacer."),
        button="Lo que los lectores deberían hacer ahora",
    ),
    "fr": DraftWords(
        greeting=_greeting("Bonjour", "à vous"),
        opening="Écrivez ici. Une ligne vide commence un paragraphe ; **deux astérisques** mettent en gras.",
        heading="Un titre",
        steps=("La première chose à faire.", "La deuxième chose à faire."),
        button="Ce que les lecteurs devraient faire ensuite",
    ),
    "it": DraftWords(
        greeting=_greeting("Buongiorno", "a voi"),
        opening="Scrivete qui. Una riga vuota inizia un paragrafo; **due asterischi** mettono in grassetto.",
        heading="Un titolo",
        steps=("La prima cosa da fare.", "La seconda cosa da fare."),
        button="Che cosa dovrebbero fare ora i lettori",
    ),
    "pt": DraftWords(
        greeting=_greeting("Olá,", "colega"),
        opening="Escreva aqui. Uma linha em branco começa um parágrafo; **dois asteriscos** põem em negrito.",
        heading="Um título",
        steps=("A primeira coisa a fazer.", "A segunda coisa a fazer."),
        button="O que os leitores devem fazer a seguir",
    ),
}


def draft_words(tag: str) -> tuple[str, DraftWords]:
    """The words for an edition, and the language that they are in: English where there are none."""
    language = choose_edition(WORDS, tag, FALLBACK)
    return language, WORDS[language]


def sample_words(line: str) -> str:
    """The sample words that a line of markdown still holds; empty where it holds none."""
    line = line.strip()
    for words in WORDS.values():
        if line in words.lines:
            return line.removeprefix("## ")
        if line.startswith(words.link):
            return words.button
    return ""
