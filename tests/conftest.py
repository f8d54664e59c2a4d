"""Fixtures for every test: the real program in a child process, fake distributions, folders of their own."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from shared import shared
from warm import Result, children_cold, run_program, run_to_success, start_children_warm

from zoo_core.cli import main
from zoo_core.discovery.cache import read_cache, write_cache

# Before anything loads torch: two processors are the common case, and one thread each is faster than threads that wait
# for each other. Children have it too, so that what they compute is equal to the bit.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for a run or an export waits for PyTorch."""
    for item in items:
        if {"trained", "workplace"} & set(getattr(item, "fixturenames", ())):
            item.add_marker("heavy")


@pytest.fixture(scope="session", autouse=True)
def own_folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes the user's cache and data, or feels the user's ZOO_ variables and width of terminal."""
    base = tmp_path_factory.mktemp("user")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("ZOO_", "_ZOO_"))]:
            patch.delenv(name)
        patch.delenv("COLUMNS", raising=False)  # a width that somebody set is not the tests'
        patch.setenv("ZOO_CACHE", str(base / "cache"))
        patch.setenv("ZOO_DATA", str(base / "data"))
        patch.setenv("ZOO_STATE", str(base / "state"))
        patch.setenv("MPLCONFIGDIR", str(base / "matplotlib"))
        # Else PyTorch and scikit-learn set these when a test first needs them, and from then on no program starts warm.
        patch.setenv("TORCHINDUCTOR_CACHE_DIR", str(base / "inductor"))
        for name, value in {"KMP_DUPLICATE_LIB_OK": "True", "KMP_INIT_AT_FORK": "FALSE"}.items():
            if name not in os.environ:
                patch.setenv(name, value)
        patch.setenv("NO_COLOR", "1")
        start_children_warm()
        yield


_forgotten: dict[Path, int] = {}


def forget_plugins() -> None:
    """Keep in the cache only what is known of the bundled plugins, and nothing that an earlier test has installed."""
    for path in Path(os.environ["ZOO_CACHE"]).glob("catalogue-*.json"):
        if _forgotten.get(path) == path.stat().st_mtime_ns:
            continue
        known = read_cache(path)
        bundled = {name: record for name, record in known.get("records", {}).items() if name.startswith("zoo-core:")}
        write_cache(path, {"records": bundled})
        _forgotten[path] = path.stat().st_mtime_ns


def write_distribution(
    site: Path,
    name: str,
    code: str = "",
    *,
    files: Mapping[str, str] | None = None,
    version: str = "1.0",
    package: str | None = None,
    entries: Mapping[str, str] | None = None,
) -> Path:
    """A package and its `.dist-info` in the folder `site`; see `fake_distribution`."""
    package = package or name.replace("-", "_")
    folder = site / package
    for path, text in {"__init__.py": code, **(files or {})}.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))
    info = site / f"{name.replace('-', '_')}-{version}.dist-info"
    info.mkdir(parents=True, exist_ok=True)
    info.joinpath("METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{entry} = {value}" for entry, value in (entries or {name: package}).items()]
    info.joinpath("entry_points.txt").write_text("[zoo.plugins]\n" + "\n".join(lines) + "\n")
    return folder


@pytest.fixture
def cold_children() -> Iterator[None]:
    """Processes that the zoo starts in this one are its own children, for tests that look at them: see `warm.py`."""
    with children_cold():
        yield


@pytest.fixture(scope="session")
def worker_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The place for `site`, which each test finds empty."""
    return tmp_path_factory.mktemp("plugins") / "site"


@pytest.fixture
def site(request: pytest.FixtureRequest, tmp_path: Path, worker_site: Path) -> Path:
    """The folder where `fake_distribution` installs; `run_zoo` has it on PYTHONPATH.

    It is in the same place for all tests of a worker: what is known of the bundled plugins holds as long as the search
    path does, and to load all of them costs more than most tests. Where discovery is what is tested, it is another one
    for each test, and so is what the zoo remembers.
    """
    if request.path.parent.name == "discovery":
        return tmp_path / "site"
    shutil.rmtree(worker_site, ignore_errors=True)
    assert not worker_site.exists()
    forget_plugins()
    importlib.invalidate_caches()
    return worker_site


@pytest.fixture
def run_zoo(tmp_path: Path, site: Path) -> Callable[..., Result]:
    """`run_zoo(*arguments, cwd=..., env=..., timeout=..., typed=..., cold=...)` runs the console program as a child.

    `cwd` is the test's own folder unless given, so that `runs/` and `exported/` are the test's own. `env` is
    added to the environment; a value of None takes the variable away. `typed` is the text on stdin. The child is
    a fork of a warm process where that proves the same, unless `cold`: see `warm.py`.
    """

    def run(*arguments: str | Path, cwd: Path | None = None, **more: Any) -> Result:
        return run_program(*arguments, cwd=cwd or tmp_path, site=site, **more)

    return run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The test's own folder, made the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def zoo_here(
    tmp_path: Path, site: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Result]]:
    """`zoo_here(*arguments)` calls the console entry point in this process, where torch is loaded once for all tests.

    The current folder is the test's own, as with `run_zoo`, and plugins in `site` are seen.
    """
    monkeypatch.chdir(tmp_path)
    handler = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str | Path) -> Result:
        if site.exists() and str(site) not in sys.path:
            monkeypatch.syspath_prepend(site)
        monkeypatch.setattr(sys, "argv", ["zoo", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(watched=False)
        stdout, stderr = capfd.readouterr()
        return Result(code=int(ended.value.code or 0), stdout=stdout, stderr=stderr)

    yield call
    signal.signal(signal.SIGTERM, handler)
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", None) or "").startswith(str(site)):
            del sys.modules[name]


@pytest.fixture
def fake_distribution(site: Path) -> Callable[..., Path]:
    """`fake_distribution(name, code, ...)` writes a package and its `.dist-info`, as pip leaves them.

    `code` is the text of `PACKAGE/__init__.py` (dedented); `files` are further ones, `{path in the package:
    text}`. `package` is the name with underscores unless given. `entries` is `{entry point: value}`,
    `{name: package}` unless given. Returns the package's folder.
    """
    return partial(write_distribution, site)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, own_folders: None) -> Path:
    """A folder with a short run `runs/lenet5-digits` and its verified export `exported/lenet5-digits`; read only."""

    def make(folder: Path) -> None:
        run_to_success("train", "lenet5", "--dataset", "digits", "--epochs", "4", "-d", "train_size=400", cwd=folder)
        run_to_success("export", "lenet5-digits", cwd=folder)

    return shared(tmp_path_factory, "trained", make)


@pytest.fixture
def workplace(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained` that the test may change; the current folder of `run_zoo`."""
    for name in ("runs", "exported"):
        shutil.copytree(trained / name, tmp_path / name)
    return tmp_path


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder and writes no log."""

    def do_GET(self) -> None:
        if not self.path.startswith("/endless/"):
            super().do_GET()
            return
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(ConnectionError):
            for _ in range(300):  # 300 MB, unless the other side hangs up
                self.wfile.write(bytes(1_000_000))
            (Path(self.directory) / "everything-sent").touch()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A folder, and the address where it is served."""
    folder = tmp_path / "served"
    folder.mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def browser_flags() -> Sequence[str]:
    """Flags of Chromium beside the usual ones; a test parametrizes them."""
    return ()


@pytest.fixture
def browser(tmp_path: Path, browser_flags: Sequence[str]) -> Iterator[Any]:
    """Headless Chromium with a profile of its own, driven by Debian's driver; nothing is downloaded."""
    program, service = shutil.which("chromium") or shutil.which("chromium-browser"), shutil.which("chromedriver")
    if program is None or service is None:
        pytest.skip("Chromium and its driver are not installed (Debian: chromium, chromium-driver)")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
        "--window-size=1200,900",
        f"--user-data-dir={tmp_path / 'profile'}",
        *browser_flags,
    ):
        options.add_argument(flag)
    driver = webdriver.Chrome(service=Service(executable_path=service), options=options)
    try:
        yield driver
    finally:
        driver.quit()
