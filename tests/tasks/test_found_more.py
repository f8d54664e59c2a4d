"""Masks in their boxes, joints and optical flow: how they are told and drawn, beside what others make of them."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pycocotools import mask as coco_masks
from skimage.data import astronaut
from torchvision.models.detection.roi_heads import paste_masks_in_image
from torchvision.utils import flow_to_image

from zoo_core import Preprocess, ZooError
from zoo_core.tasks import get_task

PICTURE = astronaut()[:256, 100:400]  # 256 x 300, a real one
SIZE = (256, 300)
RECIPE = Preprocess(resize=(128, 150))
Array = np.ndarray[Any, Any]


def found(boxes: list[list[float]], **more: Array) -> dict[str, Array]:
    """Things of class 1 in a picture of 128 x 150, the first the least probable."""
    count = len(boxes)
    given = {"boxes": np.array([boxes]), "scores": np.linspace(0.6, 0.9, count)[None]}
    return {**given, "labels": np.ones((1, count), np.int64), **{name: value[None] for name, value in more.items()}}


def told(task: str, outputs: dict[str, Array]) -> dict[str, Any]:
    meaning = get_task(task)
    (answer,) = meaning.decode(outputs, labels=("nothing", "person"))
    return meaning.in_picture(answer, size=SIZE, recipe=RECIPE)


def drawn(task: str, answer: dict[str, Any], picture: Array = PICTURE) -> Array:
    return np.asarray(Image.open(io.BytesIO(get_task(task).draw(answer, picture, labels=("nothing", "person")))))


def blob(side: int = 28) -> Array:
    rows, columns = np.mgrid[:side, :side] / side - 0.5
    return np.clip(1.4 - 3 * np.hypot(rows, 1.5 * columns), 0, 1).astype(np.float32)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # of pycocotools
def test_masks_are_pasted_as_torchvision_does_and_written_as_coco_reads() -> None:
    boxes = [[60.3, 20.2, 120.9, 90.1], [10.0, 30.0, 50.0, 126.0], [-9.0, 100.0, 40.0, 140.0]]
    masks = np.stack([blob(), blob()[::-1] * 0.9, np.ones((28, 28), np.float32)])[:, None]
    answer = told("instance-segmentation", found(boxes, masks=masks))
    json.dumps(answer)
    assert [round(each["probability"], 2) for each in answer["detections"]] == [0.9, 0.75, 0.6]
    for each, row in zip(answer["detections"], (2, 1, 0), strict=True):
        size = each["mask"]["size"]
        mine = coco_masks.decode(coco_masks.frPyObjects(each["mask"], *size)).astype(bool)
        box = torch.tensor([each["box"]])
        theirs = paste_masks_in_image(torch.from_numpy(masks[row : row + 1].copy()), box, SIZE)[0, 0].numpy() > 0.5
        assert mine.shape == SIZE
        assert (mine & theirs).sum() > 0.95 * (mine | theirs).sum() > 0
    picture = drawn("instance-segmentation", answer)
    assert picture.shape == (256, 300, 3)
    assert (picture != PICTURE).any(axis=2).mean() > 0.1


def test_joints_are_told_by_name_and_drawn_with_their_limbs() -> None:
    points = np.stack([np.linspace(20, 140, 17), np.linspace(30, 110, 17), np.ones(17)], axis=1)
    scores = np.where(np.arange(17) < 15, 5.0, -5.0)
    outputs = found([[10.0, 20.0, 148.0, 120.0]], keypoints=points[None], keypoints_scores=scores[None])
    answer = told("keypoints", outputs)
    (person,) = answer["detections"]
    assert person["box"] == [20.0, 40.0, 296.0, 240.0]
    assert person["joints"][0] == {"name": "nose", "x": 40.0, "y": 60.0, "score": 5.0}
    assert [joint["name"] for joint in person["joints"]][-1] == "right ankle"
    picture, alone = drawn("keypoints", answer), drawn("detection", {"detections": [dict(person)]})
    changed = (picture != alone).any(axis=2)
    assert changed[60, 40]  # the nose
    assert not changed[int(person["joints"][16]["y"]), int(person["joints"][16]["x"])]  # an ankle that is not seen
    few = found([[0.0, 0, 9, 9]], keypoints=points[None, :2], keypoints_scores=scores[None, :2])
    assert [joint["name"] for joint in told("keypoints", few)["detections"][0]["joints"]] == ["0", "1"]


def test_flow_has_the_colours_that_torchvision_gives_it() -> None:
    rows, columns = np.mgrid[:64, :80].astype(np.float32)
    flow = np.stack([columns - 40, (rows - 32) * 2]) + PICTURE[:64, :80, 0] / 100
    task = get_task("optical-flow")
    (answer,) = task.decode({"flow": flow[None].astype(np.float32)}, labels=())
    assert np.array_equal(answer["flow"], flow.astype(np.float32))
    mine = drawn("optical-flow", answer).astype(int)
    theirs = flow_to_image(torch.from_numpy(flow.astype(np.float32))).permute(1, 2, 0).numpy()
    assert np.abs(mine - theirs).max() <= 1
    assert drawn("optical-flow", {"flow": np.zeros((2, 4, 4))}).min() == 255


def test_what_does_not_fit_is_told() -> None:
    box = [[0.0, 0.0, 9.0, 9.0]]
    with pytest.raises(ZooError, match=r"needs masks \(N, K, 1, h, w\), and has None"):
        told("instance-segmentation", found(box))
    with pytest.raises(ZooError, match=r"needs keypoints \(N, K, P, 3\) and keypoints_scores"):
        told("keypoints", found(box, keypoints=np.zeros((1, 17, 3))))
    with pytest.raises(ZooError, match=r"needs a flow \(N, 2, H, W\), not \(1, 3, 4, 4\)"):
        get_task("optical-flow").decode({"flow": np.zeros((1, 3, 4, 4))}, labels=())
    with pytest.raises(ZooError, match="optical-flow needs one output; the outputs are: a, b"):
        get_task("optical-flow").decode({"a": np.zeros(1), "b": np.zeros(1)}, labels=())
    with pytest.raises(ZooError, match="cannot be measured yet"):
        get_task("keypoints").tally()
