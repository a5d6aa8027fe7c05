"""Closed forms of the published networks, as they are read from torch: proved, and the sizes that torch finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from convmath.inert import CeilDiv, FloorDiv
from convmath.network import from_torch
from convmath.network.closed_form import closed_forms
from convmath.network.closed_form.report import ClosedForms
from convmath.network.closed_form.terms import shown

from .test_models import MODELS, executed_sizes, on_meta

FEATURES = {
    "lenet": ("floor(n/4) - 3", "32 <= n <= 35"),
    "digits": ("floor(n/4) - 3", "32 <= n <= 35"),
    "alexnet": ("floor((n - 35)/32)", "227 <= n <= 258"),
    "vgg16": ("floor(n/32)", "224 <= n <= 255"),
    **{f"resnet{layers}": ("ceil(n/32)", "n >= 1") for layers in (18, 34, 50, 101, 152)},
    "unet": ("16*floor((n - 12)/16) - 172", "n >= 188"),
    "tcn": ("n", "n >= 1"),
    "patchgan": ("floor(n/8) - 2", "n >= 24"),
    "autoencoder": ("4*ceil(n/4)", "n >= 25"),
}
"""The size of the last map on an axis, and the input sizes that the network takes."""


@pytest.fixture(scope="module")
def known():
    """Each model on meta tensors, the sizes that it is printed for, and its closed forms, made once."""
    found = {}

    def of(name):
        if name not in found:
            model, size = on_meta(name)
            found[name] = model, size, closed_forms(from_torch(model, size))
        return found[name]

    return of


def sizes_at(model: torch.nn.Module, size: tuple[int, ...], n: int) -> dict[str, tuple[int, ...]] | None:
    """The sizes of every layer by torch, by the name of its node, for inputs of n elements an axis; None if refused."""
    try:
        executed = executed_sizes(model, (size[0], *[n] * (len(size) - 1)))
    except RuntimeError:
        return None
    return {
        f"{path}_{turn}" if turn else path: sizes
        for path, turns in executed.items()
        for turn, sizes in enumerate(turns)
    }


def wrong_at(forms: ClosedForms, sizes: dict[str, tuple[int, ...]] | None, n: int) -> list[str]:
    """Where the closed forms are not what torch finds for inputs of n elements."""
    if sizes is None or n not in forms.valid:
        return [] if (sizes is None) == (n not in forms.valid) else [f"{n} is in the set, or taken, not both"]
    there = [form for form in forms if form.name in sizes]
    return [f"{form}: not {sizes[form.name]}" for form in there if form.at(n) != sizes[form.name]]


@pytest.mark.parametrize("name", MODELS)
def test_the_closed_forms_of_a_published_network_are_proved(known, name):
    _, _, forms = known(name)
    last = [form for form in forms if form.size is not None and len(form.sizes) > 2][-1]
    assert (shown(last.sizes[-1]), str(forms.valid)) == FEATURES[name]
    assert {form.label for form in forms} == {"proved"}
    assert {form.reading for form in forms} == {"by construction"}
    assert forms.valid.label == forms.matching.label == "proved"
    assert last.theorem.trust == {"kernel"}


@pytest.mark.parametrize("name", MODELS)
def test_the_closed_forms_of_a_published_network_are_the_sizes_of_torch(known, name):
    model, size, forms = known(name)
    least, greatest = forms.valid.least, forms.valid.known.greatest
    borders = [least - 1, least, least + 1, *([] if greatest is None else [greatest - 1, greatest, greatest + 1])]
    deep = name in ("resnet101", "resnet152")
    others = (size[1], 257) if deep else (1, 7, 31, 32, 33, 100, 191, 223, 224, 225, 256, 257, size[1], size[1] + 1)
    for n in dict.fromkeys((*borders, *others)):
        if n >= 1:
            assert wrong_at(forms, sizes_at(model, size, n), n) == []


def test_another_form_and_another_set_are_caught(known):
    model, size, forms = known("resnet18")
    last = forms["layer4.1.conv2"]
    assert last.size == CeilDiv(forms.symbol, 32)
    length = replace(last.dimensions[-1], form=FloorDiv(forms.symbol, 32) + 1)  # the same, unless n mod 32 = 0
    wrong = replace(last, dimensions=(*last.dimensions[:-1], length))
    changed = replace(forms, forms={**forms.forms, last.name: wrong})
    sizes = {n: sizes_at(model, size, n) for n in (33, 64)}
    assert [len(wrong_at(changed, sizes[n], n)) for n in sizes] == [0, 1]
    assert [len(wrong_at(forms, sizes[n], n)) for n in sizes] == [0, 0]
    assert len(wrong_at(forms, None, 64)) == 1
