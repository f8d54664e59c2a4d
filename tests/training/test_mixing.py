"""Mixup, cutmix and class weights: what they do to samples and to the loss, and for which they are not."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from small_jobs import TASK, make_job, make_samples
from torch import Tensor

from zoo_core import EpochRow, open_zoo
from zoo_core.errors import UsageError
from zoo_core.training import Feed, Mix, SampleLosses, TrainJob, class_weights, loss_for
from zoo_core.training.mixing import MixedTargets, _beta


def pictures(count: int = 40) -> Tensor:
    return torch.randn(count, 1, 8, 12, generator=torch.Generator().manual_seed(0))


def mixed(inputs: Tensor, others: Tensor, **options: float) -> tuple[Tensor, Tensor]:
    return Mix(**{"mixup": 0.0, "cutmix": 0.0, **options}, seed=0)(
        inputs, others, keys=torch.arange(len(inputs)), epoch=1
    )


def test_mixup_blends_and_cutmix_patches_by_the_part_that_is_told() -> None:
    ones, zeros = torch.ones_like(pictures()), torch.zeros_like(pictures())
    blended, share = mixed(ones, zeros, mixup=0.4)
    assert torch.allclose(blended.flatten(1), share[:, None].expand(-1, 96))
    patched, stays = mixed(ones, zeros, cutmix=1.0)
    assert set(patched.unique().tolist()) == {0.0, 1.0}
    assert torch.allclose(patched.flatten(1).mean(1), stays)
    both, share = mixed(ones, zeros, cutmix=1.0, mixup=0.4)
    assert torch.allclose(both.flatten(1).mean(1), share, atol=1e-6)
    whole = ((both == 0) | (both == 1)).flatten(1).all(1)
    assert 10 <= int(whole.sum()) <= 30, "each second sample in each way"


def test_a_sample_is_mixed_alike_in_any_batch() -> None:
    samples = make_samples(50)
    mix = Mix(mixup=0.4, cutmix=1.0, seed=1)
    whole = next(Feed(samples, batch_size=50, mix=mix).shuffled(seed=0, epoch=2))
    parts = list(Feed(samples, batch_size=7, mix=mix).shuffled(seed=0, epoch=2))
    assert torch.equal(torch.cat([inputs for inputs, _ in parts]), whole[0])  # type: ignore[arg-type]
    for name in ("first", "second", "share"):
        assert torch.equal(torch.cat([getattr(targets, name) for _, targets in parts]), getattr(whole[1], name))


@pytest.mark.parametrize("shape", [0.2, 1.0, 4.0])
def test_parts_are_of_the_beta_distribution(shape: float) -> None:
    drawn = np.linspace(-1, 1, 20_001, dtype=np.float32)[:-1]
    found = _beta(drawn, shape)
    assert found.mean() == pytest.approx(0.5, abs=2e-3)
    assert found.var() == pytest.approx(1 / (4 * (2 * shape + 1)), rel=1e-2)
    assert (np.diff(found) >= 0).all()


def test_the_loss_of_mixed_samples_is_that_of_soft_targets() -> None:
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    first, second, share = torch.tensor([0, 1, 2, 0, 1, 2]), torch.tensor([1, 1, 0, 2, 0, 2]), torch.rand(6)
    soft = share[:, None] * F.one_hot(first, 3) + (1 - share)[:, None] * F.one_hot(second, 3)
    found = SampleLosses(loss_for(TASK.name))({"logits": logits}, MixedTargets(first=first, second=second, share=share))
    expected = F.cross_entropy(logits, soft)
    assert torch.allclose(found, expected)
    slopes = [torch.autograd.grad(loss, logits)[0] for loss in (found, expected)]
    assert torch.allclose(*slopes, atol=1e-6)


@pytest.mark.parametrize("text", ["1,5,2", "balanced"])
def test_weights_of_classes_are_those_of_pytorch(text: str) -> None:
    targets = np.array([0, 0, 0, 0, 1, 2, 2], np.int64)
    weights = class_weights(text, targets, names=("a", "b", "c"))
    assert weights is not None
    expected = [1.0, 5.0, 2.0] if text == "1,5,2" else [7 / (3 * 4), 7 / 3, 7 / (3 * 2)]
    assert weights.tolist() == pytest.approx(expected)
    logits = torch.randn(7, 3, generator=torch.Generator().manual_seed(0))
    found = SampleLosses(loss_for(TASK.name, label_smoothing=0.0), weights=weights)(
        {"logits": logits}, torch.from_numpy(targets)
    )
    assert torch.allclose(found, F.cross_entropy(logits, torch.from_numpy(targets), weight=weights))


def test_training_with_mixed_samples_tells_the_loss_alone() -> None:
    rows: list[EpochRow] = []
    fit_rows = make_job(mixup=0.4, cutmix=1.0, epochs=25, augment="none")
    result = open_zoo().trainer("supervised").spec.fit(fit_rows, on_epoch=rows.append)
    assert set(rows[0].train) == {"loss"}
    assert rows[-1].validation["loss"] < rows[0].validation["loss"]
    assert result.validation["accuracy"] > 0.7


def refused(job: TrainJob, match: str) -> None:
    check = open_zoo().trainer("supervised").spec.check
    assert check is not None
    with pytest.raises(UsageError, match=match):
        check(job)


def of_form(job: TrainJob, form: Any) -> TrainJob:
    targets = {
        "masks": np.zeros((50, 4, 4), np.uint8),
        "numbers": np.zeros((50, 1), np.float32),
    }[form]
    return dataclasses.replace(job, train=dataclasses.replace(job.train, form=form, targets=targets))


@pytest.mark.parametrize("form", ["masks", "numbers"])
def test_what_cannot_be_mixed_is_refused_before_the_first_step(form: str) -> None:
    own = dataclasses.replace(make_job(mixup=0.2), loss=lambda outputs, targets: outputs["logits"].mean())
    refused(of_form(own, form), f"mixup and cutmix are for classes and flags; what is true of these samples is {form}")


def test_a_class_without_a_weight_and_a_weight_without_a_class_are_refused() -> None:
    refused(make_job(class_weights="1,2"), "class_weights has 2 numbers for 3 classes")
    with pytest.raises(UsageError, match="class_weights cannot be '1,x'"):
        make_job(class_weights="1,x")
    with pytest.raises(UsageError, match="class_weights cannot be '1,0'"):
        make_job(class_weights="1,0")


def test_a_loss_that_compares_samples_is_refused() -> None:
    def spread(outputs: Mapping[str, Tensor], targets: Tensor) -> Tensor:
        return outputs["logits"].std()

    refused(
        dataclasses.replace(make_job(mixup=0.2), loss=spread), "mixup needs a loss that is the mean over the samples"
    )


def test_a_model_that_computes_its_losses_itself_is_told_which_options_are_not_for_it() -> None:
    job = dataclasses.replace(make_job(cutmix=1.0, class_weights="balanced"), losses=lambda module, inputs, targets: {})
    check = open_zoo().trainer("supervised").spec.check
    assert check is not None
    with pytest.raises(UsageError, match="computes its losses itself") as caught:
        check(job)
    assert caught.value.hint == "leave out -t cutmix and -t class_weights"
