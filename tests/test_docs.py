"""Every example of the pages runs, and prints what the page says; every link of the pages leads somewhere."""

import re

import pytest

from tools.page_examples import ROOT, pages, run

PAGES = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)).replace("/", "|"))
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def anchors(text: str) -> set[str]:
    """What the headings of a page are called in links."""
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in HEADING.findall(text)}


@PAGES
def test_the_examples_of_a_page(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    reports, _ = run(page, page.read_text())
    assert reports == [], "\n".join(reports)


@PAGES
def test_the_links_of_a_page(page):
    lost = []
    for link in LINK.findall(CODE.sub("", page.read_text())):
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if "://" not in link and (not target.exists() or (anchor and anchor not in anchors(target.read_text()))):
            lost.append(link)
    assert lost == []


@PAGES
def test_no_example_is_skipped(page):
    assert "doctest: +SKIP" not in page.read_text()
