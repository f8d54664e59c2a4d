"""What training minimises: losses by task and by name, against torch and by hand; ignored places; a model's own."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from zoo_core.errors import UsageError, ZooError
from zoo_core.specs import IGNORED
from zoo_core.training import loss_for

MASKS = ("semantic-segmentation", "sequence-segmentation")


def pair(classes: int, *places: int, count: int = 3) -> tuple[dict[str, Tensor], Tensor]:
    """Logits that can be trained, and class numbers or masks; a mask has ignored places."""
    generator = torch.Generator().manual_seed(classes)
    logits = torch.randn(count, classes, *places, generator=generator, requires_grad=True)
    targets = torch.randint(0, max(2, classes), (count, *places), generator=generator)
    if places:
        targets[:, 0] = IGNORED
        targets = targets.to(torch.uint8)
    return {"logits": logits}, targets


def test_the_loss_of_a_classification_is_that_of_torch_to_the_bit() -> None:
    outputs, targets = pair(4)
    for smoothing in (0.0, 0.1):
        wanted = F.cross_entropy(outputs["logits"], targets, label_smoothing=smoothing)
        assert torch.equal(loss_for("image-classification", label_smoothing=smoothing)(outputs, targets), wanted)
    named = loss_for("video-classification", name="cross-entropy")(outputs, targets)
    assert torch.equal(named, F.cross_entropy(outputs["logits"], targets))


def test_class_255_of_a_classification_is_a_class() -> None:
    outputs, targets = {"logits": torch.zeros(2, 300)}, torch.tensor([IGNORED, 7])
    for name in (None, "cross-entropy", "focal"):
        assert float(loss_for("image-classification", name=name)(outputs, targets)) > 1


@pytest.mark.parametrize("squeezed", [True, False])
def test_one_logit_has_binary_cross_entropy(squeezed: bool) -> None:
    outputs, targets = pair(1, count=9)
    logits = outputs["logits"][:, 0]
    given = {"logits": logits if squeezed else outputs["logits"]}
    wanted = F.binary_cross_entropy_with_logits(logits, targets.float())
    for name in (None, "bce"):
        assert loss_for("binary-classification", name=name)(given, targets).item() == pytest.approx(wanted.item())
    smooth = F.binary_cross_entropy_with_logits(logits, targets * 0.8 + 0.1)
    found = loss_for("binary-classification", label_smoothing=0.2)(given, targets)
    assert found.item() == pytest.approx(smooth.item())


@pytest.mark.parametrize(("task", "places"), [(MASKS[0], (4, 5)), (MASKS[1], (12,))])
@pytest.mark.parametrize("classes", [1, 2, 4])
def test_ignored_places_count_in_no_loss(task: str, places: tuple[int, ...], classes: int) -> None:
    outputs, targets = pair(classes, *places)
    logits = outputs["logits"]
    kept = targets != IGNORED
    flat = logits.movedim(1, -1)[kept]
    truth = targets[kept].long()
    entropy = (
        F.binary_cross_entropy_with_logits(flat[:, 0], truth.float()) if classes == 1 else F.cross_entropy(flat, truth)
    )
    assert loss_for(task)(outputs, targets).item() == pytest.approx(entropy.item(), rel=1e-6)
    for name in ("dice", "focal", "bce" if classes == 1 else "cross-entropy"):
        loss = loss_for(task, name=name)
        value = loss(outputs, targets)
        (gradient,) = torch.autograd.grad(value, logits)
        assert not gradient.movedim(1, -1)[~kept].any(), name
        assert gradient.movedim(1, -1)[kept].any(), name
        changed = {"logits": torch.where(kept.unsqueeze(1), logits, 50.0)}
        assert loss(changed, targets).item() == pytest.approx(value.item(), rel=1e-6), name


def test_dice_by_hand() -> None:
    targets = torch.tensor([[[1, 1, 0, 0]]], dtype=torch.uint8)
    sure = {"logits": torch.tensor([[[[50.0, -50, 50, -50]]]])}
    # one of two true places found, one of two decided places wrong: 2 * 1 + 1 over 2 + 2 + 1
    assert loss_for(MASKS[0], name="dice")(sure, targets).item() == pytest.approx(1 - 3 / 5)
    perfect = {"logits": torch.tensor([[[[50.0, 50, -50, -50]]]])}
    assert loss_for(MASKS[0], name="dice")(perfect, targets).item() == pytest.approx(0, abs=1e-6)
    both = {"logits": torch.cat([torch.zeros(1, 1, 1, 4), perfect["logits"]], dim=1)}
    assert loss_for(MASKS[0], name="dice")(both, targets).item() == pytest.approx(0, abs=1e-6)
    everything_ignored = torch.full_like(targets, IGNORED)
    for name in (None, "bce", "dice", "focal"):
        assert loss_for(MASKS[0], name=name)(sure, everything_ignored).item() == 0


def test_focal_is_cross_entropy_weighted_by_what_is_missing() -> None:
    outputs, targets = pair(5, count=20)
    p = outputs["logits"].softmax(1).gather(1, targets[:, None])[:, 0]
    wanted = ((1 - p) ** 2 * -p.log()).mean()
    assert loss_for("image-classification", name="focal")(outputs, targets).item() == pytest.approx(wanted.item())
    one, yes = pair(1, count=20)
    p = torch.where(yes == 1, one["logits"][:, 0].sigmoid(), 1 - one["logits"][:, 0].sigmoid())
    wanted = ((1 - p) ** 2 * -p.log()).mean()
    assert loss_for("binary-classification", name="focal")(one, yes).item() == pytest.approx(wanted.item())


@pytest.mark.parametrize("classes", [1, 3])
def test_losses_add_up(classes: int) -> None:
    outputs, targets = pair(classes, 4, 4)
    entropy = "bce" if classes == 1 else "cross-entropy"
    parts = [loss_for(MASKS[0], name=name)(outputs, targets).item() for name in (entropy, "dice")]
    both = loss_for(MASKS[0], name=f"{entropy}+dice")(outputs, targets)
    assert both.item() == pytest.approx(sum(parts))


@pytest.mark.parametrize("name", ["bce", "cross-entropy", "dice", "focal", "bce+dice", "cross-entropy+dice"])
def test_every_loss_learns(name: str) -> None:
    classes = 1 if "bce" in name else 3
    _, targets = pair(classes, 6, 6)
    logits = torch.zeros(3, classes, 6, 6, requires_grad=True)
    optimizer, loss = torch.optim.Adam([logits], lr=0.1), loss_for(MASKS[0], name=name)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        value = loss({"logits": logits}, targets)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert all(after < before for before, after in itertools.pairwise(values))


def test_the_output_that_decides_is_the_one_that_is_trained() -> None:
    outputs, targets = pair(3, 4, 4)
    both = {"aux": torch.zeros(3, 3, 4, 4), "out": outputs["logits"]}
    assert torch.equal(loss_for(MASKS[0])(both, targets), loss_for(MASKS[0])(outputs, targets))


@pytest.mark.parametrize(
    ("task", "options", "kind", "words"),
    [
        ("image-classification", {"name": "hinge"}, UsageError, "there is no loss 'hinge'"),
        ("image-classification", {"name": "cross-entropy+foacl"}, UsageError, "there is no loss 'foacl'"),
        ("binary-classification", {"name": "dice"}, UsageError, "the dice loss is for masks, not for binary-class"),
        (MASKS[0], {"name": "dice", "label_smoothing": 0.1}, UsageError, "label_smoothing is for cross-entropy and b"),
        ("image-classification", {"own": F.mse_loss, "label_smoothing": 0.1}, UsageError, "a loss of its own"),
        ("optical-flow", {}, ZooError, "the task 'optical-flow' cannot be trained yet"),
        ("features", {"name": "bce"}, ZooError, "the task 'features' cannot be trained yet"),
    ],
)
def test_what_does_not_fit_the_task(task: str, options: dict, kind: type[ZooError], words: str) -> None:
    with pytest.raises(kind, match=words):
        loss_for(task, **options)


@pytest.mark.parametrize(
    ("name", "classes", "words"),
    [
        ("bce", 3, "the loss bce does not fit a model that gives 3 logits"),
        ("cross-entropy", 1, "the loss cross-entropy does not fit a model that gives 1 logit "),
        ("dice+bce", 2, "the loss bce does not fit a model that gives 2 logits"),
    ],
)
def test_what_does_not_fit_the_number_of_logits(name: str, classes: int, words: str) -> None:
    with pytest.raises(ZooError, match=words) as caught:
        loss_for(MASKS[1], name=name)(*pair(classes, 8))
    assert "-t loss=" in str(caught.value.hint)


def test_a_loss_of_the_models_own() -> None:
    outputs, targets = pair(1, 4, 4)

    def own(outputs: dict[str, Tensor], targets: Tensor) -> Tensor:
        return (outputs["logits"][:, 0] - targets).abs().mean()

    assert torch.equal(loss_for(MASKS[0], own=own)(outputs, targets), own(outputs, targets))
    assert loss_for("optical-flow", own=own)(outputs, targets).item() > 0
    named = loss_for(MASKS[0], name="dice", own=own)(outputs, targets)
    assert torch.equal(named, loss_for(MASKS[0], name="dice")(outputs, targets))


@pytest.mark.parametrize(
    ("own", "words"),
    [
        (lambda outputs, targets: outputs["logits"], r"returned a tensor of shape \(3, 1, 8\), not a single number"),
        (lambda outputs, targets: 0.5, "returned float, not a single number"),
    ],
)
def test_a_loss_of_ones_own_that_is_no_number(own: Callable[..., Tensor], words: str) -> None:
    with pytest.raises(ZooError, match=words):
        loss_for(MASKS[1], own=own)(*pair(1, 8))
