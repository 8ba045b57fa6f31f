"""Debian's chromium without a window, driven by Selenium, and what every page of Selvedge must keep to.

    with open_page("file:///tmp/report.html") as page:
        page.check_looks(folder)

`open_page` takes an http:// or a file:// address. A page that breaks a rule raises AssertionError with what was seen.
"""

import contextlib
import pathlib
import shutil
import tempfile

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.support.ui import WebDriverWait

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
]
# Narrow as a small phone, and wide as a desk.
WIDTHS = [360, 1280]
THEMES = ["light", "dark"]


class Page:
    """An open page. `driver` is Selenium's."""

    def __init__(self, driver):
        self.driver = driver

    def script(self, text, *arguments):
        """Runs JavaScript, and returns what it returns."""
        return self.driver.execute_script(text, *arguments)

    def wait(self, expression, seconds=30):
        """Waits until a JavaScript expression is true, and returns its value."""
        waiting = WebDriverWait(self.driver, seconds, poll_frequency=0.05)
        return waiting.until(lambda _: self.script(f"return {expression}"), f"{expression} within {seconds} s")

    def element(self, selector):
        """The one element of a CSS selector."""
        return self.driver.find_element("css selector", selector)

    def text(self, selector):
        """An element's text as it is seen."""
        return self.element(selector).text

    def set_theme(self, theme):
        """Prefers light or dark."""
        media = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def set_width(self, width, height=900):
        """Resizes the view itself, which may be narrower than a window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def screenshot(self, path):
        """The whole page as a picture."""
        height = self.script("return Math.ceil(document.documentElement.getBoundingClientRect().height)")
        width = self.script("return window.innerWidth")
        self.set_width(width, max(height, 200))
        self.driver.save_screenshot(str(path))
        self.set_width(width)

    def console_errors(self):
        """What the console said since the last call, if it was a warning or worse."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] != "INFO"]

    def check_console(self):
        """No error, no warning, nothing that was not found."""
        errors = self.console_errors()
        assert not errors, f"the console says: {errors}"

    def check_width(self):
        """Nothing is wider than the view, but in a part that scrolls by itself."""
        inner, width = self.script("return [window.innerWidth, document.documentElement.scrollWidth]")
        assert width <= inner, f"the page is {width} px wide in a view of {inner} px: {self.script(WIDEST)}"

    def check_themes(self):
        """The two themes differ, and text stands out from its ground by 4.5 to 1 in both."""
        grounds = []
        for theme in THEMES:
            self.set_theme(theme)
            grounds.append(self.script("return getComputedStyle(document.body).backgroundColor"))
            faint = self.script(CONTRAST)
            assert not faint, f"{theme}: hard to read: {faint}"
        assert grounds[0] != grounds[1], f"both themes have the ground {grounds[0]}"
        self.set_theme("light")

    def check_names(self):
        """Every control and picture has a name for a screen reader."""
        nameless = self.script(NAMELESS)
        assert not nameless, f"without a name: {nameless}"

    def check_looks(self, folder=None, name="page"):
        """All rules at every width and in both themes; pictures of each in the folder, where one is named."""
        for width in WIDTHS:
            self.set_width(width)
            self.check_width()
            for theme in THEMES if folder else []:
                self.set_theme(theme)
                self.screenshot(pathlib.Path(folder) / f"{name}-{width}-{theme}.png")
        self.check_themes()
        self.check_names()
        self.check_console()


@contextlib.contextmanager
def open_page(url, width=1280, theme="light"):
    """Opens an address in a browser of its own, which ends with the block."""
    options = Options()
    options.binary_location = shutil.which("chromium") or shutil.which("chromium-browser") or "chromium"
    profile = tempfile.TemporaryDirectory(prefix="selvedge-browser-", ignore_cleanup_errors=True)
    for flag in [*FLAGS, f"--user-data-dir={profile.name}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        page = Page(driver)
        page.set_width(width)
        page.set_theme(theme)
        driver.get(url)
        yield page
    finally:
        driver.quit()
        profile.cleanup()


# The elements that reach out of the view, but for those in a part that scrolls.
WIDEST = """
const scrolls = (element) => element && (/(auto|scroll|hidden)/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
return [...document.body.querySelectorAll("*")]
  .filter((element) => element.getBoundingClientRect().right > innerWidth + 1 && !scrolls(element.parentElement))
  .slice(0, 5).map((element) => element.outerHTML.slice(0, 120));
"""

# Texts whose colour is too near to the ground behind them (WCAG 2.2, 1.4.3). A text of a picture is judged by a person.
CONTRAST = """
const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
const light = ([red, green, blue]) => [red, green, blue]
  .map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
  .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
const ground = (element) => {
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.push(numbers(getComputedStyle(at).backgroundColor));
  return layers.reverse().reduce((below, [red, green, blue, part = 1]) =>
    [red, green, blue].map((value, place) => value * part + below[place] * (1 - part)), [255, 255, 255]);
};
const faint = [];
for (const element of document.body.querySelectorAll("*:not(svg *):not(script):not(style)")) {
  const own = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
  if (!own || !element.checkVisibility() || element.disabled) continue;
  const [text, behind] = [light(numbers(getComputedStyle(element).color)), light(ground(element))];
  const ratio = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
  if (ratio < 4.5) faint.push(`${own.slice(0, 40)}: ${ratio.toFixed(2)}`);
}
return faint.slice(0, 5);
"""

NAMELESS = """
const named = (element) => (element.getAttribute("aria-label") || element.getAttribute("aria-labelledby") || element.title ||
  element.alt || element.textContent.trim() || [...(element.labels || [])].map((label) => label.textContent).join("")).trim();
return [...document.querySelectorAll("button, input, select, textarea, img, canvas, svg[role], a")]
  .filter((element) => !element.closest("[aria-hidden=true]") && !named(element) && element.type !== "hidden")
  .map((element) => element.outerHTML.slice(0, 120));
"""
