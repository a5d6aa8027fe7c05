"""Attention with masks: the steps and parameters of torch's modules, and what a query reads where a mask is causal."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from torch.utils.flop_counter import FlopCounterMode

from convmath.errors import DomainError, UnsupportedError
from convmath.network import from_torch
from convmath.network.operators import Attention

LENGTH, WIDTH = 5, 8
causal = nn.Transformer.generate_square_subsequent_mask


class Calls(nn.Module):
    """A module, called in a way of its own with features before positions."""

    def __init__(self, inner, call):
        super().__init__()
        self.inner, self.call = inner, call

    def forward(self, x):
        return self.call(self.inner, x.transpose(1, 2))


heads = partial(nn.MultiheadAttention, WIDTH, 2, batch_first=True)
layer = partial(nn.TransformerEncoderLayer, WIDTH, 2, 16, batch_first=True)
decoder_layer = partial(nn.TransformerDecoderLayer, WIDTH, 2, 16, batch_first=True)


def encoder():
    return nn.TransformerEncoder(layer(), 2, enable_nested_tensor=False)


MASKED = {
    "keys": (heads, lambda m, x: m(x, x, x, key_padding_mask=x[..., 0] > 0)[0]),
    "keys, and queries": (heads, lambda m, x: m(x, x, x, key_padding_mask=x[..., 0], attn_mask=causal(LENGTH))[0]),
    "each head": (heads, lambda m, x: m(x, x, x, attn_mask=torch.zeros(2 * x.shape[0], LENGTH, LENGTH))[0]),
    "positions first": (
        partial(nn.MultiheadAttention, WIDTH, 2),
        lambda m, x: m(*[x.transpose(0, 1)] * 3, key_padding_mask=x[..., 0] > 0)[0].transpose(0, 1),
    ),
    "no batch": (
        heads,
        lambda m, x: m(x[0], x[0], x[0], key_padding_mask=x[0, :, 0], attn_mask=x.new_zeros(2, 5, 5))[0],
    ),
    "a learned key": (partial(heads, add_bias_kv=True), lambda m, x: m(x, x, x)[0]),
    "a key of zeros": (partial(heads, add_zero_attn=True), lambda m, x: m(x, x, x, attn_mask=causal(LENGTH))[0]),
    "more keys, no batch": (
        partial(heads, add_bias_kv=True, add_zero_attn=True),
        lambda m, x: m(x[0], x[0], x[0], key_padding_mask=x[0, :, 0])[0],
    ),
    "encoder layer": (layer, lambda m, x: m(x, src_key_padding_mask=x[..., 0] > 0)),
    "encoder": (encoder, lambda m, x: m(x, src_key_padding_mask=x[..., 0] > 0)),
    "encoder, causal": (encoder, lambda m, x: m(x, mask=causal(x.shape[1]))),
    "decoder, causal": (
        lambda: nn.TransformerDecoder(decoder_layer(), 1),
        lambda m, x: m(x, x, tgt_mask=causal(x.shape[1]), memory_key_padding_mask=x[..., 0] > 0),
    ),
    "transformer, causal": (
        lambda: nn.Transformer(WIDTH, 2, 1, 1, 16, batch_first=True),
        lambda m, x: m(x, x, src_mask=causal(x.size(1)), tgt_mask=causal(x.size(1)).to(x.dtype)),
    ),
}


@pytest.mark.parametrize("name", MASKED)
def test_a_module_with_masks_is_followed_whole(name):
    make, call = MASKED[name]
    module = Calls(make(), call)
    report = from_torch(module, (WIDTH, LENGTH), batch_size=3).analyze()
    x = torch.rand(3, WIDTH, LENGTH)
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        out = module.train()(x)
    assert (report.status, report.graph.provenance.unused) == ("complete", {})
    assert report.output.sizes == tuple(out.shape)
    assert report.params == sum(weight.numel() for weight in module.parameters())
    assert 2 * report.macs == counter.get_total_flops()


def test_masks_of_other_sizes_are_refused():
    right, wrong = (Calls(heads(), lambda m, x, n=n: m(x, x, x, key_padding_mask=x[:, :n, 0])[0]) for n in (5, 4))
    assert from_torch(right, (WIDTH, LENGTH)).analyze().status == "complete"
    with pytest.raises(DomainError, match="attention needs equal sizes in dimension"):
        from_torch(wrong, (WIDTH, LENGTH))
    with pytest.raises(DomainError, match="attention needs equal sizes"):
        Attention(2).sizes((1, 5, 8), (1, 5, 8), (1, 5, 8), (1, 4, 5, 5))


@pytest.mark.parametrize("given", ["argument", "input"])
def test_a_causal_mask_may_be_given(given):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = encoder()

        def forward(self, x, mask):
            return self.inner(x, mask=mask)

    sizes = {"x": (LENGTH, WIDTH)} if given == "argument" else {"x": (LENGTH, WIDTH), "mask": (LENGTH,)}
    arguments = {"mask": causal(LENGTH)} if given == "argument" else {}
    report = from_torch(Network(), sizes, batch_size=LENGTH, arguments=arguments).analyze()
    assert (report.status, report.output.sizes) == ("complete", (LENGTH, LENGTH, WIDTH))


class Asking(nn.TransformerEncoderLayer):
    """A layer that goes by whether the mask is causal."""

    def forward(self, src, src_mask=None, src_key_padding_mask=None, is_causal=False):
        return super().forward(src, src_mask) if is_causal else src


def test_a_layer_that_goes_by_whether_a_mask_is_causal_is_not_guessed():
    inner = nn.TransformerEncoder(Asking(WIDTH, 2, 16, batch_first=True), 1, enable_nested_tensor=False)
    with pytest.raises(UnsupportedError, match="is decided by its elements, unless is_causal=True or False is given"):
        from_torch(Calls(inner, lambda m, x: m(x, mask=causal(LENGTH))), (WIDTH, LENGTH))
    said = {value: Calls(inner, lambda m, x, value=value: m(x, causal(LENGTH), None, value)) for value in (True, False)}
    macs = {value: from_torch(module, (WIDTH, LENGTH)).analyze().macs for value, module in said.items()}
    assert macs[True] > macs[False] == 0


GROUPED = ((3, 6, 5, 8), (3, 2, 7, 8), (3, 2, 7, 4))


class Grouped(nn.Module):
    """Attention whose queries share keys in groups."""

    def forward(self, query, key, value):
        return F.scaled_dot_product_attention(query, key, value, enable_gqa=True)


def test_queries_that_share_keys_in_groups_are_counted_as_torch_counts_them():
    report = from_torch(Grouped(), [size[1:] for size in GROUPED], batch_size=3).analyze()
    with FlopCounterMode(display=False) as counter, torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        out = Grouped()(*map(torch.rand, GROUPED))
    assert (report.status, report.output.sizes) == ("complete", tuple(out.shape))
    assert 2 * report.macs == report.flops("flop_counter") == counter.get_total_flops()


@pytest.mark.parametrize("heads", [4, 12])
def test_keys_whose_heads_do_not_divide_those_of_the_query_are_refused(heads):
    sizes = [GROUPED[0], *((3, heads, *size[2:]) for size in GROUPED[1:])]
    with pytest.raises(RuntimeError, match="must divide the number of heads"):
        Grouped()(*map(torch.rand, sizes))
    with pytest.raises(DomainError, match=f"needs the {heads} heads of keys or values to divide those of the query"):
        from_torch(Grouped(), [size[1:] for size in sizes], batch_size=3)


CAUSAL = {
    "function": lambda m, x: F.scaled_dot_product_attention(x[:, None], x[:, None], x[:, None], is_causal=True)[:, 0],
    "fewer keys": lambda m, x: F.scaled_dot_product_attention(x, x[:, :3], x[:, :3], is_causal=True),
    "more keys": lambda m, x: F.scaled_dot_product_attention(x[:, :3], x, x, is_causal=True),
    "encoder": lambda m, x: m(x, causal(LENGTH, dtype=x.dtype), is_causal=True),
}


@pytest.mark.parametrize("name", CAUSAL)
def test_a_query_reads_the_positions_up_to_its_own(name):
    module = Calls(encoder().double().eval(), CAUSAL[name])
    report = from_torch(module, (WIDTH, LENGTH)).analyze()
    x = torch.rand(1, WIDTH, LENGTH, dtype=torch.float64, requires_grad=True)
    out = module(x)
    for position in range(out.shape[1]):
        (slope,) = torch.autograd.grad((out[0, position] ** 2).sum(), x, retain_graph=True)
        (reads,) = report.reads(report.output.name, position)["x"]
        read = {element for start, stop in reads.parts for element in range(start, stop)}
        assert (read, reads.exact) == (set(slope[0].any(0).nonzero().flatten().tolist()), True), position


def test_a_mask_that_is_not_said_to_be_causal_leaves_every_position():
    module = Calls(encoder(), lambda m, x: m(x, mask=causal(LENGTH)))
    report = from_torch(module, (WIDTH, LENGTH)).analyze()
    (reads,) = report.reads(report.output.name, 0)["x"]
    assert reads.parts == ((0, LENGTH),)


BAND = ~torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(-1).tril(1)
HINTED = {
    "with its weights": {"need_weights": True},
    "with masked keys": {"need_weights": False, "key_padding_mask": torch.zeros(1, LENGTH, dtype=torch.bool)},
    "without both": {"need_weights": False},
}


@pytest.mark.parametrize("name", HINTED)
def test_the_hint_that_a_mask_is_causal_counts_only_where_torch_goes_by_it(name):
    module = Calls(heads().double(), lambda m, x: m(x, x, x, attn_mask=BAND, is_causal=True, **HINTED[name])[0])
    report = from_torch(module, (WIDTH, LENGTH)).analyze()
    x = torch.rand(1, WIDTH, LENGTH, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad((module(x)[0, 2] ** 2).sum(), x)
    (reads,) = report.reads("inner.attention", 2)["x"]
    read = {element for start, stop in reads.parts for element in range(start, stop)}
    true = set(slope[0].any(0).nonzero().flatten().tolist())
    assert true <= read
    assert (true, read) == (({0, 1, 2},) * 2 if name == "without both" else ({1, 2, 3}, set(range(LENGTH))))


def given(mask, dtype, **options):
    """Attention in a module with a mask of a type."""
    masks = {mask: torch.zeros(3 if "key" in mask else LENGTH, LENGTH).to(dtype)}
    return lambda m, x: m(x, x, x, **masks, **options)[0]


def in_function(dtype):
    return lambda m, x: F.scaled_dot_product_attention(*[x[:, None]] * 3, attn_mask=torch.zeros(5, 5).to(dtype))


TYPED = {
    **{f"function {dtype}": in_function(dtype) for dtype in (torch.bool, torch.float32, torch.float64, torch.int64)},
    **{
        f"{mask} {dtype} {weights}": given(mask, dtype, need_weights=weights)
        for mask in ("attn_mask", "key_padding_mask")
        for dtype in (torch.bool, torch.float32, torch.float64, torch.float16, torch.int64)
        for weights in (True, False)
    },
    "dropped, float64": given("attn_mask", torch.float64, is_causal=True, need_weights=False),
    "dropped, int64": given("attn_mask", torch.int64, is_causal=True, need_weights=False),
    "causal with weights": lambda m, x: m(x, x, x, is_causal=True)[0],
    "causal": lambda m, x: m(x, x, x, is_causal=True, need_weights=False)[0],
    "causal, other keys": lambda m, x: m(x, x[:, :3], x[:, :3], is_causal=True)[0],
    "both, their sum in float32": lambda m, x: m(
        x, x, x, attn_mask=torch.zeros(5, 5), key_padding_mask=torch.zeros(3, 5).half()
    )[0],
    "cast by itself": lambda m, x: torch.autocast("cpu")(
        lambda: F.scaled_dot_product_attention(*[x[:, None]] * 3, attn_mask=torch.zeros(5, 5).bfloat16())
    )(),
}


@pytest.mark.filterwarnings("ignore:Support for mismatched")
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", TYPED)
def test_masks_are_refused_where_torch_refuses_them(name, training):
    module = Calls(heads().train(training), TYPED[name])
    x = torch.rand(3, WIDTH, LENGTH)
    try:
        with torch.set_grad_enabled(training):
            module(x)
    except (RuntimeError, AssertionError):
        with pytest.raises(DomainError, match=r"needs (masks of|attn_mask with it)"):
            from_torch(module, (WIDTH, LENGTH), batch_size=3)
    else:
        assert from_torch(module, (WIDTH, LENGTH), batch_size=3).analyze().status == "complete"


BESIDES = {
    "fused": lambda x: x.contiguous()[None],
    "three dimensions": lambda x: x.contiguous(),
    "features apart in memory": lambda x: x[None],
}


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("name", BESIDES)
def test_a_mask_that_is_to_be_causal_besides_is_refused_where_torch_refuses_it(name, dropout):
    options = {"attn_mask": torch.zeros(LENGTH, LENGTH), "is_causal": True, "dropout_p": dropout}
    module = Calls(heads(), lambda m, x: F.scaled_dot_product_attention(*[BESIDES[name](x)] * 3, **options))
    if (name, dropout) == ("fused", 0.0):
        module(torch.rand(3, WIDTH, LENGTH))
        assert from_torch(module, (WIDTH, LENGTH), batch_size=3).analyze().status == "complete"
        return
    with pytest.raises(RuntimeError, match="attn_mask should not be set when is_causal"):
        module(torch.rand(3, WIDTH, LENGTH))
    with pytest.raises(DomainError, match="is_causal=True: attention takes it with attn_mask only without dropout"):
        from_torch(module, (WIDTH, LENGTH), batch_size=3)
