"""How much of somebody else's file is read: every limit, in one place. All are far above what honest files hold.

A file beyond one of them is refused in words, which is what keeps the work on it linear in its size. Numbers of bytes
are of the file as it lies on the disk unless they say otherwise.
"""

from __future__ import annotations

# -- ONNX files --------------------------------------------------------------------------------------------------

MAX_ONNX_BYTES = (1 << 31) - 1
"""Protobuf's own end; larger models keep their weights beside the .onnx file."""
MAX_ONNX_OBJECTS = 12_000_000
"""Fields, and numbers in the lists of attributes; a message counts `ONNX_OBJECTS_PER_MESSAGE` times. A model of 50,000
nodes with all that exporters note beside them has about half of it."""
ONNX_OBJECTS_PER_MESSAGE = 8
MAX_BESIDE_BYTES = 64 << 30
"""Of a file with weights beside the .onnx file."""
MAX_SLACK_BYTES = 16 << 20
"""Of such a file, beyond twice what its tensors need."""
MAX_BUNDLE_BYTES = 4 << 30
"""Of all files of an export together, those with weights left out."""
MAX_VECTOR_BYTES = 1 << 30
"""Of one tensor of the test vectors."""
MAX_HASHED_BYTES = 64 << 30
"""Of a file whose sha256 is computed: some minutes."""
MAX_NODES = 200_000
MAX_GRAPH_DEPTH = 8
"""Graphs inside graphs; real models need two or three."""
MAX_AXES = 32
"""Axes of a tensor or a value; numpy ends there, too."""
MAX_LISTED_FIELDS = 10_000
"""Fields beside the graph that a list looks through to find what the file says of itself."""
MAX_COMPARED_BYTES = 256 << 20
"""Of all models together that a list compares with their reports: a quarter of a second. The smallest come first."""
MAX_METADATA_KEYS = 64
MAX_METADATA_BYTES = 1 << 20

# -- JSON --------------------------------------------------------------------------------------------------------

MAX_OWN_WORDS_BYTES = 256 << 10
"""What an exported file says of itself."""
MAX_OWN_WORDS_DEPTH = 16
MAX_LEARNT_BYTES = 16 << 20
"""Of a file beside it with what a recipe has learnt: a vocabulary of half a million words."""
MAX_RECORD_BYTES = 64 << 20
"""`run.json` and `report.json`. A tokenizer of 4 MB takes up to 50, where two inputs have it; ten thousand classes take
0.3 MB."""
MAX_RECORD_DEPTH = 64
MAX_INTEGER = (1 << 64) - 1
"""Whole numbers in JSON, as far from 0 in both directions; seeds are the largest that are meant."""
MAX_ROWS_BYTES = 256 << 20
"""`metrics.jsonl`: half a million epochs."""

# -- weights -----------------------------------------------------------------------------------------------------

MAX_SAFETENSORS_HEADER = 32 << 20
"""Bytes; a tensor takes about 120 of them."""
MAX_WEIGHTS_BYTES = 256 << 30
"""Of a file of weights; they are mapped, or read a tensor at a time."""
MAX_TENSORS = 100_000
MAX_TENSOR_NAME = 1_000
"""Characters."""

# -- inputs of models --------------------------------------------------------------------------------------------

MAX_NUMBERS_BYTES = 64 << 20
"""Of a CSV or .npy file."""
MAX_LINE = 4 << 20
"""Characters of a line of a CSV: 200,000 columns of 20 characters."""
MAX_INPUT_ELEMENTS = 1 << 28
"""Numbers in all fixed axes of an input together, its batch included: 1 GiB as float32."""
MAX_SIDE = 16_384
"""Pixels of a side that a recipe may resize or crop to."""
MAX_PICTURE_BYTES = 64 << 20
MAX_PIXELS = 50_000_000
MAX_AUDIO_BYTES = 256 << 20
"""Of a WAV or FLAC file: 25 minutes of two channels at 44,100 Hz and 32 bits."""
MAX_AUDIO_SAMPLES = 1 << 27
"""In all channels together, as they come out of the file."""
MAX_SAMPLE_RATE = 768_000
"""Of a sound, in samples a second."""
MAX_AUDIO_CHANNELS = 64
"""Of a sound; a stereo one has two."""
MAX_TABLE_BYTES = 256 << 20
"""Of a CSV or Parquet file with rows of samples."""
MAX_TABLE_CELLS = 20_000_000
MAX_COLUMNS = 10_000
MAX_TEXT_BYTES = 16 << 20
"""Of a file of texts, one a line."""
MAX_TOKENIZER_BYTES = 4 << 20
"""Of a tokenizer as JSON."""

MAX_GALLERY_BYTES = 1 << 30
"""Of a file of vectors that others are looked up in: a million of 256 numbers."""

# -- data sets ---------------------------------------------------------------------------------------------------

MAX_ARCHIVE_BYTES = 1 << 40
"""Of an archive or a file of arrays as it lies on the disk: what comes out of it has its own limits."""
MAX_LIST_BYTES = 64 << 20
"""Of a list of names, and of other text that a data set has."""
MAX_UNPACKED_BYTES = 8 << 30
"""Of all members of an archive, and of an IDX file."""
MAX_EXPANSION = 200
"""How much more than its packed form an IDX file may be, once it is over `MAX_SMALL_UNPACKED_BYTES`."""
MAX_SMALL_UNPACKED_BYTES = 256 << 20
MAX_MEMBERS = 1_000_000
MAX_MEMBER_HEADER = 64 << 10
"""Bytes of what an archive says of one member beside its block: a long name, other attributes."""
MAX_SHARED_HEADER = 4 << 10
"""Bytes of what an archive says of all members at once."""
