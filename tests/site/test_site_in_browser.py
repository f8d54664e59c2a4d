"""`zoo site --serve` in Chromium: filters that stand in the address, pages without a request to elsewhere."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from onnx_files import write_brightness
from serving import SAMPLE
from warm import PROGRAM

NAME = "lenet5-digits"


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """Where `zoo site --serve` serves a digits model, another one that is slower and worse, and a hostile one."""
    shutil.copytree(SAMPLE, tmp_path / "exported" / NAME)
    metrics = {"test accuracy": 0.75}
    write_brightness(tmp_path, name="brightness", license="MIT", metrics=metrics, dataset={"name": "spots"})
    write_brightness(
        tmp_path, name="<img src=x onerror=alert(1)>", labels=("<script>alert(1)</script>", "b", "c"), untrained=True
    )
    for name, seconds in ((NAME, 4e-5), ("brightness", 3e-3)):
        row = {"engine": "onnxruntime", "batch": 1, "p50_s": seconds, "answers": {"right": True}}
        (tmp_path / "exported" / f"{name}.bench.json").write_text(json.dumps({"machine": "m", "rows": [row]}))
    command = [PROGRAM, "site", "--to", "gallery", "--serve", "--json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout is not None
        told = ""
        while not told.rstrip().endswith("}"):
            line = process.stdout.readline()
            assert line, told
            told += line
        yield str(json.loads(told)["url"])
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130


def shown(browser: Any) -> list[str]:
    """The names in the table, those that are seen."""
    script = (
        "return [...document.querySelectorAll('#exports tbody tr:not([hidden]) th')].map((each) => each.textContent)"
    )
    return list(browser.execute_script(script))


def complaints(browser: Any) -> list[str]:
    """What the browser has written into its console; the runtime of the models is not part of this site."""
    return [each["message"] for each in browser.get_log("browser") if "runtime/runtime.json" not in each["message"]]


def test_the_index_filters_sorts_and_keeps_its_state(address: str, browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.support.ui import Select

    browser.get(address)
    everything = ["<img src=x onerror=alert(1)>", "brightness", NAME]
    assert shown(browser) == everything
    browser.find_element(By.NAME, "q").send_keys("DIGITS lenet")
    assert shown(browser) == [NAME]
    assert browser.find_element(By.ID, "count").text == "1 of 3 exports"
    assert browser.current_url.endswith("index.html?q=DIGITS+lenet") or browser.current_url.endswith("/?q=DIGITS+lenet")
    browser.find_element(By.CSS_SELECTOR, "button[type=reset]").click()
    browser.execute_async_script("setTimeout(arguments[0], 50)")
    assert (shown(browser), urlsplit(browser.current_url).query) == (everything, "")
    Select(browser.find_element(By.NAME, "trained")).select_by_visible_text("yes")
    browser.find_element(By.CSS_SELECTOR, "th[data-key=metric] button").click()
    assert urlsplit(browser.current_url).query == "trained=yes&sort=metric"
    found = shown(browser)
    assert found[:2] == ["brightness", NAME]
    browser.refresh()  # the state is in the address
    assert shown(browser) == found
    assert browser.find_element(By.CSS_SELECTOR, "th[aria-sort=ascending]").text == "metric"
    browser.get(f"{address}index.html?latency=1ms&value=0.9")
    assert shown(browser) == [NAME]
    assert browser.find_element(By.NAME, "latency").is_displayed()
    points = browser.execute_script(
        "return [...document.querySelectorAll('svg.scatter a')].map((each) => "
        "[each.getAttribute('href'), each.classList.contains('away')])"
    )
    page = f"models/{NAME}/index.html"
    assert sorted(points) == sorted([["models/brightness/index.html", True], [page, False]] * 2)
    browser.get(f"{address}index.html?sort=nothing&q=none+of+them")
    assert shown(browser) == []
    assert browser.find_element(By.ID, "none").is_displayed()
    assert complaints(browser) == []


def test_pages_are_legible_and_ask_nobody_else(address: str, browser: Any, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    pages = [address, *(f"{address}{row['source']}" for row in index(tmp_path))]
    for page in pages:
        browser.get(page)
        loaded = browser.execute_script("return performance.getEntriesByType('resource').map((each) => each.name)")
        assert all(each.startswith(address) for each in loaded)
        for width in (500, 1400):
            browser.set_window_size(width, 900)
            wide, seen = browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
            assert wide <= seen, (page, width)
        assert complaints(browser) == []
    browser.get(f"file://{tmp_path}/gallery/index.html?q=brightness")  # from the disk, too
    assert shown(browser) == ["brightness"]
    browser.get(f"file://{tmp_path}/gallery/models/{NAME}/index.html")
    assert "This page was opened from the disk" in browser.find_element(By.ID, "try").text
    assert browser.find_element(By.CSS_SELECTOR, ".facts dd").value_of_css_property("font-size") != "16px"  # the style


def index(folder: Path) -> list[dict[str, Any]]:
    return list(json.loads((folder / "gallery" / "index.json").read_text())["models"])


def test_the_server_gives_files_of_the_site_to_this_machine_alone(address: str, tmp_path: Path) -> None:
    (tmp_path / "gallery" / "link.html").symlink_to(tmp_path / "exported" / f"{NAME}.bench.json")

    def status(path: str, host: str = urlsplit(address).netloc) -> int:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        connection.request("GET", path, headers={"Host": host})
        reply = connection.getresponse()
        reply.read()
        return reply.status

    assert [status(path) for path in ("/", "/index.json", f"/models/{NAME}/", "/index.html?q=a")] == [200] * 4
    for path in ("/../exported/brightness.bench.json", "/%2e%2e/gallery/index.html", "/link.html", "//etc/passwd"):
        assert status(path) == 404, path
    assert [status(path) for path in ("/nothing", "/models", "/a%00b")] == [404] * 3
    assert status("/", host="models.example.org") == 403
