"""One function opens what strangers have made: everything else that opens a file is named here, with what it opens."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
METHODS = {"open", "read_bytes", "read_text"}
FUNCTIONS = {
    "builtins.open", "os.open", "io.open", "np.load", "np.memmap", "np.fromfile", "np.genfromtxt", "np.loadtxt",
    "Image.open", "tarfile.open", "zipfile.ZipFile", "gzip.open", "torch.load", "safetensors.safe_open", "load_file",
}  # fmt: skip

OPENS = {
    "zoo_core/files.py": "the one function",
    "zoo_core/children": "its own pipes, and what the kernel says",
    "zoo_core/cli/streams.py": "its own streams",
    "zoo_core/container_limit.py": "what the kernel says",
    "zoo_core/data/archives.py": "what plain_file has opened",
    "zoo_core/data/download.py": "what it writes",
    "zoo_core/data/shards.py": "its own shards, held against their checksums",
    "zoo_core/discovery/cache.py": "its own cache",
    "zoo_core/discovery/code_hash.py": "code that is installed",
    "zoo_core/checks/rules/plugin_rules.py": "code that is installed",
    "zoo_core/distributions.py": "metadata of what is installed, looked at first",
    "zoo_core/export": "what it writes itself",
    "zoo_core/locks.py": "its own locks",
    "zoo_core/pictures.py": "bytes that plain_file has read",
    "zoo_core/replacing.py": "its own folders",
    "zoo_core/runtime/reading/outside.py": "what plain_file has opened",
    "zoo_core/runtime/running/array_pipe.py": "its own pipes",
    "zoo_core/runtime/running/provider_verdicts.py": "what onnxruntime has just written",
    "zoo_core/training/checkpoint.py": "what check_header has opened with plain_file",
    "zoo_core/training/distributed/group.py": "what another process of the training says",
    "zoo_core/training/distributed/speaking.py": "where nobody listens",
    "zoo_core/training/pickled.py": "what plain_file has opened",
    "zoo_core/verification/subject": "what the other process has just written",
    "zoo_core/workflows/answers/gallery.py": "what it writes, and what plain_file has opened",
    "zoo_core/workflows/answers/parquet_rows.py": "what it writes",
    "zoo_core/workflows/answers/results.py": "what it writes",
    "zoo_core/workflows/remote/signature.py": "what it has just written",
    "zoo_plugins/digits": "its own data",
    "zoo_plugins/features/feature_file.py": "what it writes",
    "zoo_plugins/features_file/files.py": "what plain_file has opened",
    "zoo_plugins/new/scaffold.py": "its own templates",
    "zoo_plugins/package/folders.py": "what it writes",
    "zoo_plugins/package/image.py": "what it writes",
    "zoo_plugins/pull/from_registry.py": "what it writes",
    "zoo_plugins/serve/command.py": "models, and no file",
    "zoo_plugins/serve/people.py": "its own page",
    "zoo_plugins/serve/repository.py": "models, and no file",
    "zoo_plugins/site/folders.py": "what it writes",
    "zoo_plugins/site/pages.py": "its own templates",
    "zoo_plugins/site/trying/runtime.py": "bytes that plain_file has read",
    "zoo_plugins/smp/names.py": "code that is installed",
    "zoo_plugins/sweep/store.py": "its own locks",
    "zoo_plugins/tensorboard/events.py": "what it writes",
    "zoo_plugins/timm/names.py": "code that is installed",
    "zoo_plugins/torchvision/names.py": "code that is installed",
    "zoo_plugins/view/server.py": "Netron's own page",
    "zoo_plugins/waveform/files.py": "bytes that plain_file has read",
}


def opening(path: Path) -> list[str]:
    """The calls in a module that open a file, as they are written."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        name = f"builtins.{called}" if called == "open" else called
        owner = called.rpartition(".")[0]
        method = called.rpartition(".")[2] in METHODS and "." in called and owner != "webbrowser"
        if name in FUNCTIONS or method:
            found.append(called)
    return found


def test_only_one_function_opens_what_strangers_have_made() -> None:
    found = defaultdict(list)
    for path in sorted([*ROOT.glob("zoo_core/**/*.py"), *ROOT.glob("zoo_plugins/**/*.py")]):
        for call in opening(path):
            found[path.relative_to(ROOT).as_posix()].append(call)
    strange = {path: calls for path, calls in found.items() if not any(path.startswith(place) for place in OPENS)}
    assert not strange, "read it with zoo_core.files.read_plain or plain_file"
    unused = [place for place in OPENS if not any(path.startswith(place) for path in found)]
    assert not unused


def test_the_look_sees_what_opens_a_file(tmp_path: Path) -> None:
    module = tmp_path / "odd.py"
    module.write_text("open('a')\nPath('b').read_bytes()\nnp.load(path)\nfile.read()\nImage.open(path)\n")
    assert opening(module) == ["open", "Path('b').read_bytes", "np.load", "Image.open"]
