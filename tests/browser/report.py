"""Reports of a run and of several, opened as files: the pictures are drawn, the parts are there, and every page's rules hold."""

import pathlib
import sys

from browser import open_page


def check_pictures(page, least):
    """Every chart has curves or bars with a size, and every picture has pixels."""
    charts, empty = page.script("""
        const charts = [...document.querySelectorAll("figure svg")].filter((chart) => chart.checkVisibility());
        const isDrawn = (shape) => { const { width, height } = shape.getBoundingClientRect(); return width + height > 1; };
        const shapes = (chart) => [...chart.querySelectorAll("polyline, path, rect")].filter(isDrawn);
        return [charts.length, charts.filter((chart) => shapes(chart).length < 2).length];
    """)
    assert charts >= least and empty == 0, f"{charts} charts, of which {empty} are empty"
    unread = page.script("return [...document.images].filter((image) => !image.complete || image.naturalWidth === 0).length")
    assert unread == 0, f"{unread} pictures cannot be read"


def check_nothing_is_loaded(page):
    """The page asks for nothing but itself."""
    asked = page.script("""
        return performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => !name.startsWith("data:"));
    """)
    assert not asked, f"the page loads {asked}"
    assert page.script("return document.scripts.length") == 0


def main(one, several, pictures=None):
    for path, charts, name in [(one, 4, "report"), (several, 4, "reports")]:
        with open_page(pathlib.Path(path).resolve().as_uri()) as page:
            check_pictures(page, charts)
            check_nothing_is_loaded(page)
            headings = page.script("return [...document.querySelectorAll('h1, h2, h3')].map((heading) => +heading.tagName[1])")
            assert headings[0] == 1 and all(b <= a + 1 for a, b in zip(headings, headings[1:])), headings
            page.check_looks(pictures, name)
        print(f"ok {name}: {charts} charts or more are drawn")


main(*sys.argv[1:])
