"""Gradient descent with the derived gradient learns the edge kernel, and with a wrong one it does not."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from convmath.oracle.reference import conv_grad_weight
from convmath.worked import example, learn_kernel, render
from convmath.worked.steps import padded

IMAGE = np.ones((1, 6, 8), dtype=int)
IMAGE[:, :, 2:6] = 0
EDGE = [[[[1, -1]]]]
NEAR = Fraction(5, 100)
THIRD = Fraction(1, 3)


@pytest.mark.parametrize("seed", range(8))
def test_ten_updates_come_near_the_edge_kernel(seed):
    learnt = learn_kernel(IMAGE, EDGE, seed=seed)
    assert len(learnt.losses) == 11
    assert learnt.distance < NEAR
    assert learnt.losses[-1] < learnt.losses[0] / 100


def test_every_random_start_comes_near_since_the_corners_of_its_range_do():
    """The kernel after ten updates is an affine function of the start, so that the worst start is a corner."""
    corners = [np.array([[[list(corner)]]], dtype=object) for corner in product((-THIRD, THIRD), repeat=2)]
    found = [learn_kernel(IMAGE, EDGE, start=corner) for corner in corners]
    assert max(learnt.distance for learnt in found) < NEAR
    middle = learn_kernel(IMAGE, EDGE, start=sum(corners) / 4)
    assert np.array_equal(middle.result, sum(learnt.result for learnt in found) / 4)
    assert all(abs(learn_kernel(IMAGE, EDGE, seed=seed).start).max() <= THIRD for seed in range(50))


def test_a_start_too_far_away_needs_more_updates():
    start = [[[[Fraction(7, 10), Fraction(7, 10)]]]]
    assert learn_kernel(IMAGE, EDGE, start=start).distance > NEAR
    assert learn_kernel(IMAGE, EDGE, start=start, updates=20).distance < NEAR


def test_the_losses_are_those_of_torch_with_automatic_gradients():
    torch = pytest.importorskip("torch")
    learnt = learn_kernel(IMAGE, EDGE, seed=3)
    x = torch.tensor(IMAGE[None], dtype=torch.float64)
    y = torch.nn.functional.conv2d(x, torch.tensor(EDGE, dtype=torch.float64))
    w = torch.tensor(learnt.start.astype(float), requires_grad=True)
    for expected, kernel in zip(learnt.losses, learnt.kernels, strict=True):
        loss = ((torch.nn.functional.conv2d(x, w) - y) ** 2).sum()
        assert loss.item() == pytest.approx(float(expected), rel=1e-9)
        assert w.detach().numpy() == pytest.approx(kernel.astype(float), rel=1e-9)
        (slope,) = torch.autograd.grad(loss, w)
        w = (w - 3e-2 * slope).detach().requires_grad_()


# Wrong gradients, each called as conv_grad_weight


def flipped(x, dy, **options):
    return conv_grad_weight(x, dy, **options)[..., ::-1, ::-1]


def of_wrong_sign(x, dy, **options):
    return -conv_grad_weight(x, dy, **options)


def without_padding(x, dy, **options):
    """The windows begin at the input's first element, as if there were no padding before it."""
    lo = [pair[0] for pair in options["padding"]]
    shifted = padded(x[0], [(0, before) for before in lo])[None]
    return conv_grad_weight(shifted, dy, **(options | {"padding": [(0, hi) for _, hi in options["padding"]]}))


def without_doubling(x, dy, **options):
    return conv_grad_weight(x, dy, **options) / 2


@pytest.mark.parametrize("wrong", [flipped, of_wrong_sign])
@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_gradient_does_not_learn_the_kernel(wrong, seed):
    assert learn_kernel(IMAGE, EDGE, seed=seed).distance < NEAR
    assert learn_kernel(IMAGE, EDGE, seed=seed, gradient=wrong).distance > 1


@pytest.mark.parametrize("seed", range(4))
def test_a_gradient_without_the_padding_does_not_learn_the_kernel(seed):
    stripes = np.tile([2, -1, 1, -2, 1, -1, 2, -1], (1, 6, 1))
    options = {"padding": ((0, 0), (1, 0)), "rate": Fraction(1, 200), "updates": 20, "seed": seed}
    assert learn_kernel(stripes, EDGE, **options).distance < NEAR
    assert learn_kernel(stripes, EDGE, gradient=without_padding, **options).distance > 1


def test_half_the_gradient_learns_too_but_more_slowly():
    whole, half = learn_kernel(IMAGE, EDGE, updates=3), learn_kernel(IMAGE, EDGE, updates=3, gradient=without_doubling)
    assert half.result.tolist() == learn_kernel(IMAGE, EDGE, updates=3, rate=Fraction(3, 200)).result.tolist()
    assert half.result.tolist() != whole.result.tolist()


def test_several_channels_and_strides_are_learnt():
    rng = np.random.default_rng(1)
    x, w = rng.integers(-2, 3, (2, 6, 6)), rng.integers(-2, 3, (2, 1, 2, 2))
    learnt = learn_kernel(x, w, groups=2, stride=(2, 1), padding=1, bias=[1, -1], rate=Fraction(1, 400), updates=60)
    assert learnt.distance < NEAR


def test_the_page_shows_the_loss_of_every_update():
    (learnt,) = example("nb-learn-kernel").parts
    page = render(learnt)
    for number, loss in enumerate(learnt.losses):
        assert any(row.split()[:1] == [str(number)] and row.endswith(f"{float(loss):.4f}") for row in page.splitlines())
    assert f"by at most {float(learnt.distance):.4f}." in page
