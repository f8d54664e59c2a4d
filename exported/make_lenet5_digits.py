"""Make the sample in `lenet5-digits/` anew: train LeNet-5 on the embedded digits, export, verify, put it here.

    python exported/make_lenet5_digits.py

The sample in the repository is made once and then kept, so that a test can prove that today's code still reads
yesterday's file. Make it anew only when the format of exports has changed on purpose.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

NAME = "lenet5-digits"
HERE = Path(__file__).parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        for command in (["train", "lenet5", "--dataset", "digits", "--run", NAME], ["export", NAME]):
            subprocess.run([sys.executable, "-m", "zoo_core", *command], cwd=folder, check=True)
        shutil.rmtree(HERE / NAME, ignore_errors=True)
        shutil.copytree(Path(folder) / "exported" / NAME, HERE / NAME)
    subprocess.run([sys.executable, "-m", "zoo_core", "verify", str(HERE / NAME)], check=True)


if __name__ == "__main__":
    main()
