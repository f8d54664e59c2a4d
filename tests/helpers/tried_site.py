"""A gallery of one page around the section "Try it", and that section as a visitor uses it in Chromium."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from foreign_readers import NODE_PACKAGES, missing

from zoo_core.runtime import read_metadata, read_onnx
from zoo_plugins.site.trying.assets import write_try_assets

POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:; img-src 'self' blob: data:; "
    "style-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'"
)
PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{POLICY}">
<meta name="viewport" content="width=device-width"><link rel="icon" href="data:,"><title>A model</title></head>
<body><main><h1>A model</h1>
<section id="try" data-model="model.json"><h2>Try it</h2><p>Opened from the disk.</p></section></main>
<script type="module" src="../../assets/try/page.js"></script></body></html>
"""
SECONDS = 120
SOFTWARE_GPU = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan,WebGPU")
"""Flags with which Chromium has WebGPU without a GPU."""
OTHER_WEBGPU = {
    "ort.webgpu.bundle.min.mjs": "ort.bundle.min.js",
    "ort-wasm-simd-threaded.asyncify.wasm": "ort-wasm-simd-threaded.jsep.wasm",
}
"""The second WebGPU of onnxruntime-web, in the places of the first."""


def runtime_folder() -> Path:
    """The folder of onnxruntime-web; the test is skipped where npm has not made it."""
    if why := missing("onnxruntime-web"):
        pytest.skip(why)
    return NODE_PACKAGES / "onnxruntime-web" / "dist"


def write_site(folder: Path, models: Sequence[Path], runtime: Path | None) -> None:
    """Pages of these files, `models/STEM/index.html`, and what they need."""
    write_try_assets(folder, runtime)
    for file in models:
        place = folder / "models" / file.parent.name
        place.mkdir(parents=True)
        shutil.copyfile(file, place / "model.onnx")
        content = file.read_bytes()
        listed = {"name": "model.onnx", "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        metadata = read_metadata(read_onnx(file))
        told = {"name": metadata.name, "task": metadata.task, "files": [listed]}
        place.joinpath("model.json").write_text(json.dumps(told))
        place.joinpath("index.html").write_text(PAGE)


class Visitor:
    """Somebody in front of the section, in a browser."""

    def __init__(self, browser: Any, address: str) -> None:
        self._browser, self._address = browser, address

    def opens(self, name: str) -> Visitor:
        """The page of a model; it is loaded anew."""
        self._browser.get(f"{self._address}models/{name}/index.html")
        self.waits_for("idle", "unavailable")
        return self

    def tests(self) -> Visitor:
        """Presses the button, and waits for what comes of it."""
        self.find(".try-start").click()
        self.waits_for("proven", "refused", "failed")
        return self

    def waits_for(self, *states: str) -> None:
        """Until the section is in one of these states."""
        self.until(lambda: self.state in states)

    def until(self, condition: Any) -> Any:
        """Until that is true; its value."""
        from selenium.webdriver.support.ui import WebDriverWait

        return WebDriverWait(self._browser, SECONDS).until(lambda _: condition(), self.find("#try").text)

    def find(self, selector: str) -> Any:
        """The element of that CSS selector."""
        return self._browser.find_element("css selector", selector)

    def texts(self, selector: str) -> list[str]:
        """The texts of all of them."""
        return [element.text for element in self._browser.find_elements("css selector", selector)]

    def runs(self, script: str, *arguments: Any) -> Any:
        """What a script in the page returns."""
        return self._browser.execute_script(script, *arguments)

    def resizes(self, width: int) -> None:
        """The window, to so many pixels."""
        self._browser.set_window_size(width, 900)

    @property
    def state(self) -> str:
        """What the section has come to."""
        return str(self.find("#try").get_attribute("data-state"))

    @property
    def status(self) -> str:
        """What it says of that."""
        return str(self.find(".try-status").text)

    @property
    def requests(self) -> list[str]:
        """The addresses of all that the page has loaded."""
        found: list[str] = self.runs("return performance.getEntriesByType('resource').map((each) => each.name)")
        return found

    def complaints(self) -> list[str]:
        """Errors that the browser has written into its console."""
        return [entry["message"] for entry in self._browser.get_log("browser") if entry["level"] == "SEVERE"]

    def chooses(self, *files: Path) -> list[Any]:
        """The answers for these files: {name, label, probabilities} as the page has them, to the last digit."""
        self.find(".try-file").send_keys("\n".join(map(str, files)))
        self.until(lambda: len(self.texts(".try-answer")) == len(files))
        return self.answers()

    def answers(self) -> list[Any]:
        """What the page shows."""
        found: list[Any] = self.runs(
            "return [...document.querySelectorAll('.try-answer')].map((each) => ({"
            "name: each.querySelector('h3').textContent, label: each.querySelector('.try-label')?.textContent,"
            "problem: each.querySelector('.try-problem')?.textContent,"
            "probabilities: [...each.querySelectorAll('meter')].map((one) => [one.ariaLabel, one.value])}))"
        )
        return found

    def drops(self, file: Path) -> None:
        """Lets a file fall into the page."""
        self.runs(
            "const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));"
            "const given = new DataTransfer();"
            "given.items.add(new File([bytes], arguments[1]));"
            "const drop = new DragEvent('drop', {dataTransfer: given, bubbles: true, cancelable: true});"
            "document.querySelector('.try-drop').dispatchEvent(drop);",
            base64.b64encode(file.read_bytes()).decode(),
            file.name,
        )
