"""Every example of the pages runs, and prints what the page says; every link of the pages leads somewhere."""

import re

import pytest

from tools.page_examples import ROOT, pages, run

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)).replace("/", "|"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@PAGES
def test_the_examples_of_a_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reports, _ = run(page, page.read_text())
    assert reports == [], "\n".join(reports)


@PAGES
def test_the_links_of_a_page(page):
    links = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in links if link and not (page.parent / link).exists()] == []


@PAGES
def test_no_example_is_skipped(page):
    assert "doctest: +SKIP" not in page.read_text()
