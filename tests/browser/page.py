"""The page of `cargo xtask web`, as a person uses it: FOLDER [PICTURES].

FOLDER is the page's; PICTURES, where named, gets a picture at each width in both themes.
Each check prints a line; the first that fails ends the program.
"""

import functools
import http.server
import json
import pathlib
import sys
import tempfile
import threading

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from browser import open_page


class Handler(http.server.SimpleHTTPRequestHandler):
    """A plain web server, as others host the folder with."""

    def log_message(self, *_):
        pass


def serve(folder):
    """Serves a folder in a thread, and returns its address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_port}/"


def draws(page):
    """What is drawn is answered by both networks, as it is drawn."""
    page.element("#clear").click()
    assert "empty" in page.text("#answer"), page.text("#answer")
    canvas = page.element("#drawing")
    mouse = ActionChains(page.driver).move_to_element_with_offset(canvas, -60, -60).click_and_hold()
    for way in [(120, 0), (0, 120), (-120, 0), (0, -120)]:
        mouse.move_by_offset(*way)
    mouse.release().perform()
    answer = page.wait("document.querySelector('#answer').textContent.includes('float32: ') && document.querySelector('#answer').textContent")
    assert "int8: " in answer, answer
    drawn = page.script("return document.querySelector('#drawing').getContext('2d').getImageData(0, 0, 28, 28).data.filter((_, place) => place % 4 === 0).reduce((sum, shade) => sum + shade, 0)")
    assert drawn > 5000, drawn
    bars = page.script("return [...document.querySelectorAll('.float-bar')].map((bar) => parseFloat(bar.style.width)).reduce((sum, width) => sum + width, 0)")
    assert 99 < bars < 101, bars
    print("ok a drawing is answered:", answer)


def types(page):
    """The drawing has keys."""
    page.element("#clear").click()
    canvas = page.element("#drawing")
    canvas.send_keys(Keys.SPACE, *[Keys.ARROW_DOWN, Keys.SPACE] * 5)
    assert "float32" in page.text("#answer"), page.text("#answer")
    canvas.send_keys(Keys.DELETE)
    assert "empty" in page.text("#answer"), page.text("#answer")
    print("ok keys draw")


def takes_samples(page):
    """A test sample is shown with its answers and activations."""
    page.element("#samples button:nth-child(2)").click()
    assert "float32" in page.text("#answer"), page.text("#answer")
    lit = page.script("return [...document.querySelectorAll('#activations canvas')].map((canvas) => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value, place) => place % 4 !== 3 && value > 0))")
    assert lit == [True] * 3, lit
    print("ok a sample is answered, with activations")


def refuses_files(page, folder):
    """A bad file is one clear message, and the page goes on."""
    whole = (folder / "models/small.selvedge").read_bytes()
    cases = [
        ("#network", "bad.selvedge", b"no network", "bad.selvedge: "),
        ("#network", "cut.selvedge", whole[:-1], "cut.selvedge: "),
        ("#network", "flip.selvedge", whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:], "flip.selvedge: "),
        ("#network", "small.int8", (folder / "models/small.int8").read_bytes(), "choose the other place"),
        ("#picture", "bad.png", b"no picture", "no picture"),
    ]
    with tempfile.TemporaryDirectory() as place:
        for selector, name, data, words in cases:
            path = pathlib.Path(place) / name
            path.write_bytes(data)
            page.element(selector).send_keys(str(path))
            error = page.wait(f"!document.querySelector('#error').hidden && document.querySelector('#error').textContent.includes({json.dumps(words)}) && document.querySelector('#error').textContent")
            print("ok refused:", error)
    Select(page.element("#slot")).select_by_value("integers")
    page.element("#network").send_keys(str((folder / "models/quickstart.int8").resolve()))
    page.wait("document.querySelector('#error').hidden")
    Select(page.element("#model")).select_by_value("small")
    print("ok a network's file is taken")


def trains(page, folder, model):
    """Training ends with the hash of the command line."""
    native = json.loads((folder / "site.json").read_text())["native"][model]
    Select(page.element("#train-model")).select_by_value(model)
    page.element("#start").click()
    page.wait("!document.querySelector('#result').hidden", 300)
    assert page.text("#page-hash") == native["hash"], (page.text("#page-hash"), native)
    assert page.text("#verdict").startswith("Equal"), page.text("#verdict")
    assert page.element("#loss path.curve").get_attribute("d").count("L") > 20
    assert Select(page.element("#model")).first_selected_option.text == "trained in this page"
    assert "float32: " in page.text("#answer"), page.text("#answer")
    assert f"--model {model} --seed 42" in page.text("#command"), page.text("#command")
    print(f"ok {model} trains to the command line's hash:", page.text("#speed"))


def stops(page):
    """A run can be stopped, and bad settings are refused."""
    page.script("document.querySelector('#epochs').value = 1000")
    page.element("#start").click()
    page.wait("document.querySelector('#progress').textContent.startsWith('Step')")
    page.element("#stop").click()
    page.wait("document.querySelector('#progress').textContent.startsWith('Stopped')")
    page.script("document.querySelector('#epochs').value = 3")
    print("ok a run is stopped")


def main(folder, pictures=None):
    folder = pathlib.Path(folder)
    with open_page(serve(folder)) as page:
        page.wait("document.body.dataset.ready === 'yes' || !document.querySelector('#error').hidden", 60)
        assert page.script("return document.querySelector('#error').hidden"), page.text("#error")
        draws(page)
        types(page)
        takes_samples(page)
        trains(page, folder, "tiny")
        stops(page)
        refuses_files(page, folder)
        page.element("#samples button:nth-child(1)").click()
        page.check_looks(pictures, "page")
    print("ok the page has no error on the console, fits every width and is legible in both themes")


main(*sys.argv[1:])
