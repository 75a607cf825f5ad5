"""Countries as people write them."""

from __future__ import annotations

import pytest

from newsletter.countries import country_code, country_name


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("FR", "FR"),
        ("deu", "DE"),
        (" Côte d'Ivoire ", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("États-Unis", "US"),
        ("U.S.A.", "US"),
        ("Schweiz", "CH"),
        ("日本", "JP"),
        ("Norge", "NO"),
        ("SVERIGE", "SE"),
        ("Ελλάδα", "GR"),
        ("Magyarország", "HU"),
        ("ישראל", "IL"),
        ("भारत", "IN"),
        ("대한민국", "KR"),
        ("Atlantis", ""),
        ("EU", ""),
        (" - ", ""),
        ("", ""),
    ],
)
def test_a_country_as_people_write_it(written: str, code: str) -> None:
    assert country_code(written) == code


def test_what_a_country_is_called() -> None:
    assert country_name("CH", "fr") == "Suisse"
    assert country_name("??") == "??"
