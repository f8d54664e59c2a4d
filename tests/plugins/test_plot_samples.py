"""Pictures of samples: which ones, under which names, with which masks over them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from small_datasets import bound

from zoo_core import Preprocess
from zoo_core.errors import ZooError
from zoo_core.workflows.answers.shown import class_color
from zoo_plugins.plot.figures import short_names
from zoo_plugins.plot.samples import choose_evenly, draw_samples
from zoo_plugins.plot.tiles import overlay, picture_of


def test_as_many_of_each_class_spread_over_the_split() -> None:
    targets = np.tile(np.arange(10), 30)
    chosen = choose_evenly(targets, 40)
    assert targets[chosen].tolist() == np.repeat(np.arange(10), 4).tolist()
    assert len(set(chosen.tolist())) == 40
    assert chosen[:4].tolist() == [0, 70, 150, 220]
    assert (choose_evenly(targets, 40) == chosen).all()


def test_rare_classes_leave_their_place_to_others() -> None:
    targets = np.array([0] * 50 + [1] * 2 + [3] * 50)
    assert np.bincount(targets[choose_evenly(targets, 40)]).tolist() == [19, 2, 0, 19]
    assert sorted(choose_evenly(targets[:7], 40).tolist()) == list(range(7))


def test_of_more_classes_than_cells_some_are_shown() -> None:
    chosen = choose_evenly(np.arange(200), 40)
    assert chosen.tolist() == list(range(0, 200, 5))


def test_samples_with_masks_are_spread_over_the_split() -> None:
    assert choose_evenly(np.zeros((12, 4, 4), np.uint8), 4).tolist() == [0, 3, 6, 9]


def test_the_names_of_classes_stand_over_the_samples() -> None:
    samples = bound().load("test")
    figure = draw_samples(samples, labels=samples.classes, title="animals, split test")
    assert figure.get_suptitle() == "animals, split test: 40 of 40 samples, 6 x 5"
    names = [axes.get_title() for axes in figure.axes]
    assert names == [name for name in ("ant", "bee", "cow", "dog") for _ in range(10)]


def test_what_is_no_picture_is_said() -> None:
    with pytest.raises(ZooError, match=re.escape("samples of shape (2, 3, 4, 5) cannot be drawn")):
        picture_of(np.zeros((2, 3, 4, 5)), None)


def test_pictures_come_in_the_order_of_their_colours() -> None:
    stored = np.array([10, 20, 30], np.uint8).reshape(3, 1, 1)
    assert picture_of(stored, Preprocess(color="RGB")).tolist() == [[[10, 20, 30]]]
    assert picture_of(stored, Preprocess(color="BGR")).tolist() == [[[30, 20, 10]]]
    assert picture_of(stored[:1], Preprocess(color="L")).tolist() == [[[10, 10, 10]]]
    assert picture_of(np.array([[[-2.0, 0, 2]]]), None)[0, :, 0].tolist() == [0, 128, 255]


def test_a_mask_lies_over_its_picture() -> None:
    picture, mask = np.full((4, 4, 3), 100, np.uint8), np.zeros((4, 4), np.uint8)
    mask[:, 2:] = 1
    drawn = overlay(picture, mask)
    assert drawn.shape == (256, 256, 3)
    assert (drawn[:, :128] == 100).all()  # class 0 has no tint, and no outline
    assert (drawn[:, 128] == class_color(1)).all()
    assert drawn[10, 250].tolist() == [round(0.6 * 100 + 0.4 * part) for part in class_color(1)]


def test_long_names_that_begin_alike_are_told_apart_by_their_numbers() -> None:
    assert short_names(["cat", "a name that is rather long"]) == ("cat", "a name that is ra…")
    assert short_names(["class number 00 of many", "class number 01 of many"], 12) == ("0: class nu…", "1: class nu…")
