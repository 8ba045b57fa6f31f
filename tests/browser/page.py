"""The page of `cargo xtask web`, as a person uses it: FOLDER SELVEDGE [PICTURES].

FOLDER is the page's, and SELVEDGE the program that runs the command lines which the page shows; PICTURES, where named, gets a picture at
each width in both themes.
Each check prints a line; the first that fails ends the program.
"""

import base64
import functools
import http.server
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import threading

from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.actions import interaction
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

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


# Of a copy: a browser warns where the page's own canvas is read again and again.
SHADES = """((copy) => {
  copy.drawImage(document.querySelector("#drawing"), 0, 0);
  return [...copy.getImageData(0, 0, 28, 28).data].filter((_, place) => place % 4 === 0);
})(new OffscreenCanvas(28, 28).getContext("2d", { willReadFrequently: true }))"""


def shades(page):
    """The drawing's pixels, row by row."""
    return page.script(f"return {SHADES}")


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
    drawn = sum(shades(page))
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


def touches(page):
    """A finger draws, and does not scroll the page."""
    page.element("#clear").click()
    canvas = page.element("#drawing")
    page.script("arguments[0].scrollIntoView({ block: 'center' }); arguments[0].addEventListener('pointerdown', (event) => (window.pointer = event.pointerType))", canvas)
    before = page.script("return scrollY")
    actions = ActionBuilder(page.driver, mouse=PointerInput(interaction.POINTER_TOUCH, "finger"))
    finger = actions.pointer_action
    finger.move_to(canvas, 0, -80).pointer_down()
    for y in range(-60, 81, 20):
        finger.move_to(canvas, 0, y)
    finger.pointer_up()
    actions.perform()
    drawn = shades(page)
    rows = [row for row in range(28) if max(drawn[28 * row : 28 * row + 28]) > 100]
    assert page.script("return [window.pointer, scrollY]") == ["touch", before]
    assert len(rows) >= 15, rows
    assert "float32: " in page.text("#answer"), page.text("#answer")
    print("ok a finger draws")


# A dark square on white, as a file of this format.
PICTURE = """
const [format, done] = arguments;
const canvas = document.createElement("canvas");
canvas.width = canvas.height = 56;
const context = canvas.getContext("2d");
context.fillStyle = "#fff";
context.fillRect(0, 0, 56, 56);
context.fillStyle = "#000";
context.fillRect(14, 14, 28, 28);
canvas.toBlob((blob) => {
  const reader = new FileReader();
  reader.onload = () => done(reader.result.split(",")[1]);
  reader.readAsDataURL(blob);
}, format);
"""
DROP = """
const files = new DataTransfer();
const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
files.items.add(new File([bytes], arguments[1], { type: arguments[2] }));
const drop = (kind) => document.querySelector("#drawing").dispatchEvent(new DragEvent(kind, { dataTransfer: files, bubbles: true, cancelable: true }));
return [drop("dragover"), drop("drop")];
"""


def takes_pictures(page):
    """A picture is dropped or chosen: fitted in, and turned over where its ground is light."""
    is_square = f"(([corner, ...rest]) => corner < 5 && rest[14 * 28 + 14] > 250)({SHADES})"
    for form in ["png", "jpeg", "webp"]:
        picture = page.driver.execute_async_script(PICTURE, f"image/{form}")
        page.element("#clear").click()
        handled = page.script(DROP, picture, f"square.{form}", f"image/{form}")
        assert handled == [False, False], "the browser would open the file"
        page.wait(is_square)
        page.element("#clear").click()
        with tempfile.TemporaryDirectory() as place:
            path = pathlib.Path(place) / f"square.{form}"
            path.write_bytes(base64.b64decode(picture))
            page.element("#picture").send_keys(str(path))
            page.wait(is_square)
    page.script(DROP, "bm9uZQ==", "bad.png", "image/png")
    page.wait("document.querySelector('#error').textContent.includes('bad.png: the browser reads no picture')")
    page.element("#clear").click()
    assert sum(shades(page)) == 0 and not page.element("#error").is_displayed()
    print("ok pictures are dropped and chosen")


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


def shows_integers_alone(page, selvedge):
    """A network of integers that no other one is loaded beside shows its own activations."""
    page.element("#samples button:nth-child(1)").click()
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        # Three classes, which the networks of the folder have not.
        for part in ["train", "t10k"]:
            images = b"".join(bytes([80 * (index % 3)]) * 784 for index in range(60))
            header = lambda kind, *sizes: bytes([0, 0, 8, kind]) + b"".join(size.to_bytes(4, "big") for size in sizes)
            (place / f"{part}-images-idx3-ubyte").write_bytes(header(3, 60, 28, 28) + images)
            (place / f"{part}-labels-idx1-ubyte").write_bytes(header(1, 60) + bytes(index % 3 for index in range(60)))
        run = lambda line: subprocess.run([pathlib.Path(selvedge).resolve(), *line.split()], cwd=place, capture_output=True, text=True)
        for line in ["train --data . --model tiny --epochs 1 --out three.selvedge", "quantize three.selvedge --data . --format int8 --out three.int8"]:
            said = run(line)
            assert said.returncode == 0, said.stderr
        Select(page.element("#slot")).select_by_value("integers")
        page.element("#network").send_keys(str(place / "three.int8"))
        page.wait("document.querySelector('#activations-title').textContent === 'Activations in int8'")
    captions = page.script("return [...document.querySelectorAll('#activations figcaption')].map((caption) => caption.textContent)")
    assert [caption.split(" numbers")[0] for caption in captions] == ["input: 784", "after layer 1: 16", "logits: 3"], captions
    assert page.text("#answer").startswith("int8: "), page.text("#answer")
    Select(page.element("#model")).select_by_value("quickstart")
    page.wait("document.querySelector('#activations-title').textContent === 'Activations in float32'")
    Select(page.element("#model")).select_by_value("small")
    print("ok integers alone show their activations")


def choose(page, model, recipe):
    """Chooses what is trained, and how."""
    Select(page.element("#train-model")).select_by_value(model)
    Select(page.element("#recipe")).select_by_value(recipe)


def trains(page, folder, model, recipe):
    """Training ends with the hash of the command line."""
    native = json.loads((folder / "site.json").read_text())["native"][recipe][model]
    choose(page, model, recipe)
    page.element("#start").click()
    page.wait("!document.querySelector('#result').hidden", 300)
    assert page.text("#page-hash") == native["hash"], (page.text("#page-hash"), native)
    assert page.text("#verdict").startswith("Equal"), page.text("#verdict")
    assert page.element("#loss path.curve").get_attribute("d").count("L") > 20
    assert Select(page.element("#model")).first_selected_option.text == "trained in this page"
    assert "float32: " in page.text("#answer"), page.text("#answer")
    assert f"--recipe {recipe} --model {model} --seed 42" in page.text("#command"), page.text("#command")
    print(f"ok {model} by {recipe} trains to the command line's hash:", page.text("#speed"))


def trains_as_shown(page, selvedge, model, recipe, limit):
    """The command line that the page shows ends with the page's hash, for settings that the folder was not made with."""
    choose(page, model, recipe)
    before = page.element("#limit").get_attribute("value")
    page.element("#limit").clear()
    page.element("#limit").send_keys(str(limit))
    command = page.text("#command")
    page.element("#start").click()
    page.wait("!document.querySelector('#result').hidden", 60)
    assert page.text("#verdict").startswith("Run the command below"), page.text("#verdict")
    name, train = "cargo xtask ", shlex.split(command.removeprefix("cargo xtask "))
    assert command.startswith(name) and f"--limit-train {limit}" in command, command
    with tempfile.TemporaryDirectory() as place:
        said = subprocess.run([pathlib.Path(selvedge).resolve(), *train, "--out", "trained.selvedge"], cwd=place, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    native = said.stdout.split()[-1]
    assert page.text("#page-hash") == native, (command, page.text("#page-hash"), said.stdout)
    page.element("#limit").clear()
    page.element("#limit").send_keys(before)
    print(f"ok as shown: {command}: {native[:16]}…")


def reads_data(page, folder):
    """Two files of one's own take the place of the folder's samples, and a wrong pair does not."""
    pick = lambda field, file: page.element(field).send_keys(str((folder / "data" / file).resolve()))
    state = page.text("#data-state")
    page.element("#data-read").click()
    page.wait("document.querySelector('#error').textContent.includes('choose a file of samples')")
    pick("#data-samples", "test-samples.idx")
    pick("#data-labels", "train-labels.idx")
    page.element("#data-read").click()
    page.wait("document.querySelector('#error').textContent.includes('take a pair')")
    assert page.text("#data-state") == state, page.text("#data-state")
    pick("#data-labels", "test-labels.idx")
    page.element("#data-read").click()
    page.wait("document.querySelector('#data-state').textContent.includes('samples of test-samples.idx')")
    count = json.loads((folder / "site.json").read_text())["data"]["test"]["count"]
    assert page.element("#limit").get_attribute("value") == str(count)
    assert page.text("#command").endswith("--data DIR") and not page.element("#error").is_displayed()
    print("ok files of one's own are read:", page.text("#data-state"))


def saves(page, selvedge):
    """The button saves the trained model's file, which has the hash that the page shows."""
    with tempfile.TemporaryDirectory() as place:
        place = pathlib.Path(place)
        page.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(place)})
        page.element("#save").click()
        saved = place / "tiny.selvedge"
        WebDriverWait(page.driver, 30, poll_frequency=0.05).until(lambda _: saved.exists(), f"{saved.name} is saved")
        said = subprocess.run([pathlib.Path(selvedge).resolve(), "inspect", saved.name, "--json"], cwd=place, capture_output=True, text=True)
    assert said.returncode == 0, said.stderr
    assert json.loads(said.stdout)["weights_sha256"] == page.text("#page-hash"), said.stdout
    print("ok the weight file is saved with the page's hash")


def stops(page):
    """A run can be stopped, and bad settings are refused."""
    page.script("document.querySelector('#epochs').value = 1000")
    page.element("#start").click()
    page.wait("document.querySelector('#progress').textContent.startsWith('Step')")
    page.element("#stop").click()
    page.wait("document.querySelector('#progress').textContent.startsWith('Stopped')")
    page.script("document.querySelector('#epochs').value = 3")
    print("ok a run is stopped")


def main(folder, selvedge, pictures=None):
    folder = pathlib.Path(folder)
    with open_page(serve(folder)) as page:
        page.wait("document.body.dataset.ready === 'yes' || !document.querySelector('#error').hidden", 60)
        assert page.script("return document.querySelector('#error').hidden"), page.text("#error")
        draws(page)
        types(page)
        touches(page)
        takes_pictures(page)
        takes_samples(page)
        trains(page, folder, "tiny", "quickstart")
        trains(page, folder, "tiny", "fast")
        saves(page, selvedge)
        stops(page)
        trains_as_shown(page, selvedge, "small", "quickstart", 640)
        trains_as_shown(page, selvedge, "small", "fast", 600)
        refuses_files(page, folder)
        shows_integers_alone(page, selvedge)
        reads_data(page, folder)
        page.element("#samples button:nth-child(1)").click()
        page.check_looks(pictures, "page")
    print("ok the page has no error on the console, fits every width and is legible in both themes")


main(*sys.argv[1:])
