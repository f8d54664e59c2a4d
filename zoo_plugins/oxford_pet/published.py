"""What the authors of the Pet dataset published: where, which files, and the breeds by number."""

from __future__ import annotations

MIRRORS = ("https://thor.robots.ox.ac.uk/datasets/pets/", "https://www.robots.ox.ac.uk/~vgg/data/pets/data/")
FILES = {
    "images.tar.gz": ("67195c5e1c01f1ab5f9b6a5d22b8c27a580d896ece458917e61d459337fa318d", 791_918_971),
    "annotations.tar.gz": ("52425fb6de5c424942b7626b428656fcbd798db970a937df61750c0f1d358e91", 19_173_078),
}
"""sha256 and size of each file, as TensorFlow Datasets publishes them."""

BREEDS = (
    *("abyssinian", "american-bulldog", "american-pit-bull-terrier", "basset-hound", "beagle", "bengal", "birman"),
    *("bombay", "boxer", "british-shorthair", "chihuahua", "egyptian-mau", "english-cocker-spaniel", "english-setter"),
    *("german-shorthaired", "great-pyrenees", "havanese", "japanese-chin", "keeshond", "leonberger", "maine-coon"),
    *("miniature-pinscher", "newfoundland", "persian", "pomeranian", "pug", "ragdoll", "russian-blue"),
    *("saint-bernard", "samoyed", "scottish-terrier", "shiba-inu", "siamese", "sphynx"),
    *("staffordshire-bull-terrier", "wheaten-terrier", "yorkshire-terrier"),
)
"""In the order of the class numbers in the annotations, which count from 1."""
