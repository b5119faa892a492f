"""What holds of every page of a report."""

from pathlib import Path

from chromium import Chromium

WIDTHS = (1280, 390)


def assert_whole(browser: Chromium, page: Path, width: int) -> int:
    """Open a page: nothing is missing, loaded from elsewhere or cut off; return its pictures."""
    browser.open(page, width)
    assert browser.complaints == []
    assert [url for url in browser.asked if not url.startswith("data:")] == [page.as_uri()]
    # What is folded up loads when it is opened.
    browser.evaluate(
        "Promise.allSettled(Array.from(document.images).map(image => {"
        "for (const fold of document.querySelectorAll('details')) fold.open = true;"
        "image.loading = 'eager'; return image.decode(); }))"
    )
    pictures = browser.evaluate(
        "Array.from(document.images).filter(image => image.closest('figure'))"
        ".map(image => image.complete && image.naturalWidth > 100)"
    )
    assert all(pictures)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    # What is wider than the page scrolls in a frame of its own; nothing lies outside unseen.
    outside = browser.evaluate(
        "Array.from(document.querySelectorAll('main *'))"
        ".filter(part => !part.closest('.scroll'))"
        ".filter(part => part.getBoundingClientRect().right > innerWidth + 1)"
        ".map(part => part.outerHTML.slice(0, 80))"
    )
    assert outside == []
    return len(pictures)
