"""The programs in C++ of docs/deploy.md: compiled as they stand there, and held against Python."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from PIL import Image
from warm import Result

from zoo_core.runtime import open_model

Zoo = Callable[..., Result]
TREE = Path(__file__).parents[2]
SEVEN = TREE / "zoo_plugins" / "digits" / "samples" / "seven.png"

pytestmark = pytest.mark.slow  # a compiler, and headers that few machines have


@pytest.fixture(scope="module")
def headers() -> str:
    """Where the headers are; `CPLUS_INCLUDE_PATH` may name a folder, as for any C++ compiler."""
    if shutil.which("g++") is None:
        pytest.skip("there is no g++")
    for folder in ("/usr/include", "/usr/include/onnxruntime", "/usr/local/include/onnxruntime"):
        command = ["g++", "-x", "c++", "-fsyntax-only", "-include", "onnxruntime_cxx_api.h", f"-I{folder}", "/dev/null"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return folder
    pytest.skip("there are no headers of onnxruntime: apt-get install libonnxruntime-dev, or set CPLUS_INCLUDE_PATH")


def compiled(name: str, headers: str, folder: Path) -> Path:
    """The program of that name in docs/deploy.md, linked with the library that Python's onnxruntime has."""
    page = (TREE / "docs" / "deploy.md").read_text(encoding="utf-8")
    blocks = [block.partition("```")[0] for block in page.split("```cpp\n")[1:]]
    (code,) = [block for block in blocks if block.startswith(f"// {name}:")]
    source = folder / name
    source.write_text(code)
    library = next(iter(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")), None)
    if library is None:
        pytest.skip("Python's onnxruntime has no library of its own here")
    folder.joinpath("libonnxruntime.so.1").symlink_to(library)
    linked = ["-L", str(folder), "-l:libonnxruntime.so.1", f"-Wl,-rpath,{folder}"]
    strict = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{headers}"]
    program = source.with_suffix("")
    told = subprocess.run(["g++", *strict, source, "-o", program, *linked], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return program


def answered(program: Path, given: NDArray[np.generic], *arguments: object) -> NDArray[np.float32]:
    """The numbers that a program prints."""
    words = [str(each) for each in (program, *arguments)]
    done = subprocess.run(words, input=given.tobytes(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return np.array(done.stdout.split(), np.float32)


def test_a_program_of_prepared_numbers(headers: str, tmp_path: Path) -> None:
    program = compiled("ask.cpp", headers, tmp_path)
    given = np.random.default_rng(0).standard_normal((1, 1, 28, 28)).astype(np.float32)
    path = TREE / "exported" / "lenet5-digits"
    with open_model(path, isolated=False) as model:
        (expected,) = model.run({"image": given}).values()
    found = answered(program, given, path / "model.onnx")
    np.testing.assert_allclose(found, expected[0], rtol=1e-4, atol=1e-4)  # six digits are printed


def test_a_program_of_pictures_as_they_are(headers: str, trained: Path, run_zoo: Zoo, tmp_path: Path) -> None:
    for name in ("runs", "exported"):
        shutil.copytree(trained / name, tmp_path / name)
    done = run_zoo("export", "lenet5-digits", "--bake-preprocess", "--with-probabilities")
    assert done.code == 0, done.stderr
    program = compiled("picture.cpp", headers, tmp_path)
    path = tmp_path / "exported" / "lenet5-digits-baked"
    with Image.open(SEVEN) as image, open_model(path, isolated=False) as model:
        for size in ((24, 31), (301, 97)):
            sized = image.convert("RGB").resize(size)
            sized.save(tmp_path / "sized.png")
            found = answered(program, np.asarray(sized), path / "model.onnx", size[1], size[0])
            expected = list(model([tmp_path / "sized.png"])[0]["probabilities"].values())
            np.testing.assert_allclose(found.max(), max(expected), rtol=1e-4)
            np.testing.assert_allclose(found.sum(), 1, rtol=1e-4)
            (raw,) = (value for name, value in model.run({"image": np.asarray(sized)[None]}).items() if "prob" in name)
            np.testing.assert_allclose(found, raw[0], rtol=1e-4, atol=1e-6)
