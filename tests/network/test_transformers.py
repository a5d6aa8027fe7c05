"""Vision models of Hugging Face transformers, built from their configuration alone."""

from __future__ import annotations

import importlib.util
import warnings

import pytest

torch = pytest.importorskip("torch")

if importlib.util.find_spec("transformers") is None:
    pytest.skip("transformers is not installed", allow_module_level=True)

from convmath.network import from_torch  # noqa: E402
from convmath.network.conventions import flops  # noqa: E402

from .computing import shapes_of  # noqa: E402
from .counting import TOOLS, counted  # noqa: E402

SMALL = {"image_size": 64, "hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 48}

WHOLE = {
    "ResNet": {"depths": [1, 2, 1, 1]},
    "ConvNext": {"depths": [1, 1, 2, 1]},
    "MobileNetV2": {},
    "RegNet": {"depths": [1, 1, 2, 1]},
    "Bit": {"depths": [1, 1, 2, 1]},
    "Segformer": {"depths": [1, 1, 1, 1]},
    "Cvt": {},
    "ConvNextV2": {"depths": [1, 1, 2, 1]},
    "PoolFormer": {"depths": [1, 1, 1, 1]},
    "Swin": {"image_size": 64, "depths": [2, 2], "num_heads": [3, 6], "window_size": 4},
    "ViTMAE": {"image_size": 64, "num_hidden_layers": 1},
    "DINOv3ViT": SMALL,
    "Pixio": SMALL,
}


def model_of(family, options, head="Model", device="meta"):
    """The model in evaluation, by default its weights without elements."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import transformers

        config = getattr(transformers, f"{family}Config")(**options)
        with torch.device(device):
            return getattr(transformers, f"{family}{head}")(config).eval()


def leaf_sizes(model, size, batch=1):
    """What torch says of every layer's first result, by its path, on meta tensors."""
    sizes = {}

    def keep(path):
        def hook(_, __, output):
            if isinstance(output, torch.Tensor):
                sizes.setdefault(path, tuple(output.shape))

        return hook

    hooks = [
        layer.register_forward_hook(keep(path)) for path, layer in model.named_modules() if not list(layer.children())
    ]
    with torch.no_grad():
        model(torch.empty((batch, *size), device="meta"))
    for hook in hooks:
        hook.remove()
    return sizes


@pytest.mark.parametrize("family", WHOLE)
def test_a_vision_model_is_read_whole_with_torchs_sizes(family):
    model = model_of(family, WHOLE[family])
    report = from_torch(model, (3, 64, 64), verify=True).analyze()
    assert report.missing == ()
    every = sum(parameter.numel() for parameter in model.parameters())
    assert report.params + sum(report.graph.provenance.unused.values()) == every
    found = {row.name: row.sizes for row in report}
    executed = leaf_sizes(model, (3, 64, 64))
    named = {path: sizes for path, sizes in executed.items() if path in found}
    assert len(named) > len(executed) / 2
    assert {path: found[path] for path in named} == named


def padded_layers():
    """The stem of MobileNetV2 and the layer behind it, all padded in the forward by what the sizes leave over."""
    model = model_of("MobileNetV2", {})
    return torch.nn.Sequential(model.conv_stem, model.layer[0])


def stretched_layers():
    """The first layers of MobileViT, of which the last is stretched in the forward to whole patches."""
    model = model_of("MobileViT", {})
    return torch.nn.Sequential(model.conv_stem, *model.encoder.layer[:3])


def test_sizes_that_a_model_casts_to_int_keep_their_closed_forms():
    for module, n in ((padded_layers(), 64), (padded_layers(), 33), (stretched_layers(), 64)):
        found = from_torch(module, (3, n, n)).closed_forms().output
        assert (found.label, found.reading) == ("proved", "by construction"), str(found)
        sizes = [size for size in (31, 33, 64, 65, 71, 95, 96) if size in found.valid]
        assert n in sizes
        assert [found.at(size) for size in sizes] == list(shapes_of(module, sizes))


WINDOWED = {"image_size": 64, "depths": [1, 2], "num_heads": [3, 6], "window_size": 4}

FORMS = {
    "ResNet": (WHOLE["ResNet"], "n >= 1"),
    "Segformer": (WHOLE["Segformer"], "n >= 29"),
    "EfficientNet": ({"image_size": 64, "depth_coefficient": 0.3}, "32 <= n <= 81951"),
    "Swin": (WINDOWED, "n >= 64 with n mod 32 = 0"),
    "Swinv2": (WINDOWED, "n >= 32 with n mod 32 = 0"),
    "Swin2SR": (
        {"image_size": 64, "depths": [2], "num_heads": [2], "window_size": 4, "embed_dim": 16},
        "n >= 4 with n mod 4 = 0",
    ),
    "Hiera": ({"image_size": (64, 64), "depths": [1, 1, 1, 1]}, "n = 64"),
    "Pvt": ({"image_size": 64, "depths": [1, 1, 1, 1]}, "64 <= n <= 67"),
    "Levit": ({"image_size": 64, "depths": [1, 1, 1]}, "49 <= n <= 64"),
    "DPT": ({**SMALL, "num_hidden_layers": 2, "backbone_out_indices": [0, 1, 1, 1]}, "n >= 16"),
    "VitDet": (SMALL, "n >= 16"),
    "SiglipVision": (SMALL, "64 <= n <= 79"),
    "Pixio": (SMALL, "64 <= n <= 79"),
    "ViTMAE": (WHOLE["ViTMAE"], "n = 64"),
}
"""What a model is built of, and where its closed forms hold: some of these models take other ways at other sizes."""


def differing(forms, model, batch, n):
    """The layers of which torch gives other sizes for an input size than the closed forms do."""
    with torch.no_grad():
        executed = leaf_sizes(model, (3, n, n), batch)
    known = {form.name: form.at(n) for form in forms if form.name in executed}
    assert len(known) > len(executed) / 2
    return [path for path, sizes in known.items() if executed[path] != sizes]


@pytest.mark.parametrize("family", FORMS)
def test_the_closed_forms_of_a_vision_model_are_proved_and_torchs_sizes(family):
    options, valid = FORMS[family]
    model = model_of(family, options)
    for batch in (1, 2) if family in ("Segformer", "Swin") else (1,):
        forms = from_torch(model, (3, "n", "n"), batch_size=batch, at=64).closed_forms()
        assert {(form.label, form.reading) for form in forms} == {("proved", "by construction")}
        assert str(forms.valid).partition(",")[0] == valid
        sizes = forms.valid.up_to(128)
        tried = {*sizes[:2], *sizes[len(sizes) // 2 :][:2], *sizes[-1:]}
        assert {n: differing(forms, model, batch, n) for n in tried} == {n: [] for n in tried}


def test_closed_forms_for_another_size_than_torchs_are_caught():
    model = model_of("ResNet", WHOLE["ResNet"])
    forms = from_torch(model, (3, "n", "n"), at=64).closed_forms()
    stem = "embedder.embedder.convolution"
    assert forms[stem].at(65) != leaf_sizes(model, (3, 67, 67))[stem]


def test_a_classifier_has_the_cost_that_torch_counts():
    from torch.utils.flop_counter import FlopCounterMode

    model = model_of("ResNet", {}, "ForImageClassification")
    with FlopCounterMode(display=False) as counter:
        model(torch.empty((1, 3, 224, 224), device="meta"))
    assert 2 * from_torch(model).analyze().macs == counter.get_total_flops()


class First(torch.nn.Module):
    """The first of the results of a model."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x):
        return self.model(x)[0]


COUNTED = {
    **{family: WHOLE[family] for family in ("ResNet", "ConvNext", "MobileNetV2", "RegNet", "Bit", "Segformer")},
    "ViT": {"image_size": 64, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2},
}


@pytest.mark.parametrize("family", COUNTED)
def test_the_conventions_give_the_numbers_of_the_tools_for_a_vision_model(family):
    model = First(model_of(family, COUNTED[family], device="cpu")).eval()
    report = from_torch(model, (3, 64, 64)).analyze()
    for tool in TOOLS:
        total = report.total(flops(tool))
        assert (tool, total.value, total.status) == (tool, counted(tool, model, (1, 3, 64, 64)), "complete")
