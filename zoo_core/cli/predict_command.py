"""`zoo predict`."""

from __future__ import annotations

from typing import Any

import click

from zoo_core.cli.answer_options import answer_options
from zoo_core.commands.common import FilePath, json_option, say
from zoo_core.commands.completion import complete_exports
from zoo_core.commands.isolation import isolation_options, provider_option
from zoo_core.commands.next_step import verify_again
from zoo_core.errors import ZooError
from zoo_core.records import counted

EXAMPLES = """
\b
Examples:
  zoo predict lenet5-digits seven.png
  zoo predict exported/lenet5-digits pictures/ --json
  zoo predict model.onnx a.png b.jpg
  zoo predict lenet5-digits pictures/ --out results.csv     a row as soon as each is done
  zoo predict lenet5-digits pictures/ --out results.csv --resume    goes on where that was stopped
  zoo predict lenet5-digits 'pictures/**/*.png' --top 3     a pattern in quotes, the 3 likeliest classes
  zoo predict lenet5-digits pictures/ --provider cuda        not on the processor
  find . -name '*.png' | zoo predict lenet5-digits -        one path on each line
  zoo predict unet-pets cat.jpg --out masks       masks/cat.mask.png: each pixel is a class number
  zoo predict unet-mask-folder scan.png --tile 256 --overlap 48    a scan of any size
  zoo predict filter-sobel photo.jpg --out edges.png
  zoo predict unet1d-peaks wave.csv               wave.mask.csv, and a drawing: wave.mask.png
  zoo predict tinydet-digit-scenes a.png --threshold 0.7    what is found, and a.boxes.png
  zoo predict embednet-digits known/ --out gallery.npz
  zoo predict embednet-digits new.png --gallery gallery.npz --top 3
  zoo predict iris-mlp flowers.csv                each row of the table is a sample: flowers.csv[0], ...
  zoo predict melnet-words word.wav other.flac    sounds
  zoo predict textcnn-reviews --text "Not bad"    or texts.csv with a column of them, or a .txt with one a line
  zoo predict siamese-pairs pairs.csv             a row for each sample, a column with the path of each of its files
"""


@click.command("predict", epilog=EXAMPLES)
@click.argument("source", metavar="EXPORT", shell_complete=complete_exports)
@click.argument("inputs", metavar="INPUT...", nargs=-1, type=FilePath(allow_dash=True))
@answer_options
@isolation_options
@provider_option
@json_option
def command(source: str, as_json: bool, **asked: Any) -> None:
    """Predict files, or folders of them, with an export. PyTorch is not needed.

    Inputs are files, folders with all that is below them, patterns in quotes, and - for paths on standard input, one a
    line or as find -print0 writes them. Pictures are PNG, JPEG, WEBP and BMP. What a recipe makes of files is read as
    in training: sounds, texts, rows of tables. Else CSV and .npy files are one sample or, with an axis more, a sample a
    row; a sequence has a column for each channel.

    Classes are printed, and `--json` prints the probabilities of all of them. What a detector finds is printed with its
    box, x1, y1, x2, y2 in pixels, and drawn: a.jpg gives a.boxes.png. Everything else is written to files, which
    replace older ones of the same name; a name in .npy takes the numbers as they are. Vectors are written, with the
    names of their inputs, as a gallery (`--out gallery.npz`), of which `--gallery` tells the nearest, by the cosine.

    `--tile SIZE` takes pictures in their own size: masks and pictures are joined of tiles that fade into each other.

    Inputs are run in blocks of at most 16: an answer depends on the others of its block by rounding alone. An input
    that cannot be predicted has an error in its row, the others go on, and the exit code is 1.

    A mask is a PNG whose pixels are class numbers, in the size of the picture, or what the model leaves of it. What a
    filter gives becomes a PNG: values from 0 to 1 are a picture already, others are shown as |value| / largest. One
    channel is grey, three are RGB, other numbers lie side by side, each on a scale of its own.
    """
    from zoo_core.cli.predict_beginning import export_of, tell_before
    from zoo_core.cli.predict_output import lines_of_stdin, show_rows, what_mends
    from zoo_core.workflows.answers.predict import plan_predictions

    planned = plan_predictions(export_of(source, asked["inputs"]), listed=lines_of_stdin(), **asked)
    tell_before(source, planned)
    total, failed = show_rows(planned, as_json=as_json)
    if not as_json:
        say("", f"Next: {verify_again(source, planned.model.path)}")
    if failed:
        raise ZooError(
            f"{failed:,} of {counted(total, 'input')} could not be predicted",
            hint=f"each of them has an error in its row; {what_mends(planned.errors)}",
        )
