"""What `zoo serve` has for people: predictions of files as they are, the card of a model, and a page."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from served_models import write_filter
from serving import SAMPLE, Serving, serving
from warm import run_to_success

PICTURES = Path(__file__).parents[2] / "zoo_plugins" / "digits" / "samples"
PREDICT = "/v2/models/lenet5-digits/predict"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(SAMPLE, f"second={SAMPLE}", "--trusted", cwd=tmp_path_factory.mktemp("serve")) as running:
        yield running


def form(*files: tuple[str, bytes]) -> tuple[bytes, dict[str, str]]:
    """A body as a browser sends it, and its header."""
    parts = [
        f'--limit\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    return b"".join([*parts, b"--limit--\r\n"]), {"Content-Type": "multipart/form-data; boundary=limit"}


def test_pictures_are_predicted_as_zoo_predict_does(server: Serving, tmp_path: Path) -> None:
    names = ["seven.png", "two.png"]
    printed = run_to_success("predict", SAMPLE, *names, "--trusted", "--json", cwd=PICTURES).json
    body, headers = form(*((name, PICTURES.joinpath(name).read_bytes()) for name in names))
    reply = server.ask(PREDICT, body, headers=headers)
    assert reply.status == 200
    assert reply.json == printed
    raw = server.ask(f"{PREDICT}?name=seven.png&top=2", PICTURES.joinpath("seven.png").read_bytes())
    assert raw.json[0]["input"] == "seven.png"
    assert list(raw.json[0]["probabilities"].items()) == list(printed[0]["probabilities"].items())[:2]


def test_a_bad_file_has_its_error_and_the_others_go_on(server: Serving) -> None:
    body, headers = form(("no.png", b"<html>"), ("seven.png", PICTURES.joinpath("seven.png").read_bytes()))
    reply = server.ask(PREDICT, body, headers=headers)
    assert reply.status == 200
    assert "no.png is not a PNG, JPEG, WEBP or BMP picture" in reply.json[0]["error"]
    assert reply.json[1]["label"] == "7"
    alone = server.ask(PREDICT, b"<html>")
    assert alone.status == 400
    assert "body is not a PNG" in alone.json[0]["error"]
    nothing = server.ask(PREDICT, b"")
    assert (nothing.status, nothing.error.partition(";")[0]) == (400, "there is no file to predict")
    assert "top is a whole number of at least 1" in server.ask(f"{PREDICT}?top=0", b"x").error
    assert "there is no parameter 'tpo'" in server.ask(f"{PREDICT}?tpo=1", b"x").error
    broken = server.ask(PREDICT, b"x", headers={"Content-Type": "multipart/form-data"})
    assert (broken.status, broken.error) == (400, "the form cannot be read: Missing boundary in multipart.")
    whole, headers = form(("a.png", b"12345"), ("b.png", b"67890"))
    cut = server.ask(PREDICT, whole[: whole.index(b"890")], headers=headers)
    assert (cut.status, cut.error) == (400, "the form cannot be read: It ends within a file.")
    many, headers = form(*[("a.png", b"x")] * 65)
    assert "Too many files" in server.ask(PREDICT, many, headers=headers).error


def test_what_a_library_says_of_a_broken_form_is_no_line_in_the_log(tmp_path: Path) -> None:
    with serving(f"digits={SAMPLE}", "--trusted", "--log", "all", cwd=tmp_path) as server:
        broken = server.ask(
            "/v2/models/digits/predict", b"--limbo", headers={"Content-Type": "multipart/form-data; boundary=limit"}
        )
        assert broken.status == 400
        _, _, stderr = server.end()
    lines = [json.loads(line) for line in stderr.splitlines()]
    assert [line["status"] for line in lines if line["event"] == "request"] == [400]
    assert not [line for line in lines if "multipart" in line["event"]]


def test_a_card_says_what_the_file_is_and_how_its_self_test_went_here(server: Serving) -> None:
    card = server.ask("/v2/models/lenet5-digits/versions/1/card").json
    assert (card["task"], card["dataset"], card["takes"]) == ("image-classification", "digits", "pictures")
    assert card["labels"] == [str(digit) for digit in range(10)]
    assert card["metrics"]["test accuracy"] > 0.99
    assert {check["outcome"] for check in card["self_test"]} == {"passed"}
    assert {check["detail"].partition(":")[0] for check in card["self_test"]} == {
        "each row alone",
        "all rows together",
        "rows in pairs, the other way round",
    }


def test_what_would_be_a_file_is_in_the_row(tmp_path: Path) -> None:
    write_filter(tmp_path / "half.onnx")
    noise = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, format="PNG")
    tmp_path.joinpath("noise.png").write_bytes(content.getvalue())
    (printed,) = run_to_success("predict", "half.onnx", "noise.png", "--json", cwd=tmp_path).json
    with serving("half.onnx", cwd=tmp_path) as running:
        reply = running.ask("/v2/models/half/predict?name=noise.png", content.getvalue())
        refused = running.ask("/v2/models/half/predict?top=2", content.getvalue())
    (row,) = reply.json
    assert row["file"].startswith("data:image/png;base64,")
    held = base64.b64decode(row.pop("file").partition(",")[2])
    assert held == Path(tmp_path, printed.pop("file")).read_bytes()
    assert row == printed
    assert refused.error == "image-filter gives no labels, and top says how many of them"


def test_the_page_brings_everything_itself(server: Serving) -> None:
    for path in ("/", "/page.css", "/page.js"):
        reply = server.ask(path)
        assert reply.status == 200
        assert "default-src 'none'" in reply.headers["content-security-policy"]
        assert b"http" not in reply.body
    assert server.ask("/page.html").status == 404


def test_a_dropped_picture_is_answered_in_chromium(server: Serving, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select, WebDriverWait

    def text(element: str) -> str:
        return str(browser.find_element(By.ID, element).text)

    def wait_for(element: str, part: str) -> None:
        WebDriverWait(browser, 60).until(lambda _: part in text(element))

    browser.get(server.url)
    wait_for("title", "lenet5-digits")
    wait_for("verdict", "This file computes here what it says of itself.")
    assert "image-classification" in text("card")
    assert "accuracy 0.9972" in text("card")
    assert f"curl -F file=@picture.png {server.url}v2/models/lenet5-digits" in text("usage")
    seven = base64.b64encode(PICTURES.joinpath("seven.png").read_bytes()).decode()
    browser.execute_script(
        "const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));"
        "const given = new DataTransfer();"
        "given.items.add(new File([bytes], '<b>seven</b>.png', {type: 'image/png'}));"
        "document.dispatchEvent(new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true}));",
        seven,
    )
    wait_for("answer", "7")
    assert text("answer").split()[:3:2] == ["7", "0.8003"]  # the likeliest comes first
    assert text("invitation") == "<b>seven</b>.png"
    no_picture = tmp_path / "no.png"
    no_picture.write_text("<html>")
    browser.find_element(By.ID, "file").send_keys(str(no_picture))
    wait_for("answer", "no.png is not a PNG, JPEG, WEBP or BMP picture")
    Select(browser.find_element(By.ID, "models")).select_by_visible_text("second")
    wait_for("title", "second")
    for width in (400, 1400):
        browser.set_window_size(width, 900)
        wide, seen = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= seen
    assert [entry for entry in browser.get_log("browser") if "400" not in entry["message"]] == []


def test_the_page_asks_for_the_token(browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import WebDriverWait

    secret = "a token, with a blank"
    with serving(SAMPLE, "--trusted", cwd=tmp_path, env={"ZOO_SERVE_TOKEN": secret}) as running:
        browser.get(running.url)
        field = browser.find_element(By.ID, "secret")
        WebDriverWait(browser, 60).until(lambda _: field.is_displayed())
        field.send_keys(secret)
        field.submit()
        WebDriverWait(browser, 60).until(lambda _: "lenet5-digits" in browser.title)
        assert not field.is_displayed()
        assert secret not in json.dumps(running.ask("/v2", headers={"Authorization": quote(secret)}).json)
