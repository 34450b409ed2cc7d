"""The README is short, and its screen is a real one; `test_documents.py` runs what it shows."""

from pathlib import Path

from benchmarks import document, readme

README = Path("README.md").read_text()


def test_the_screen_is_a_real_one():
    assert "real, held out" in README
    assert "SCREEN" not in README


def test_it_is_short():
    assert README.count("\n") < 200


def test_its_tables_are_those_of_the_registry_and_of_the_journal():
    for name, block in readme.markdown(readme.run(rounds=1)).items():
        assert document.replaced(README, name, block, readme.PAGE) == README
