"""The operations that ops.py times: for each the tensors, the call in PyTorch, and the other arguments of ours.

Sizes are those of a layer's activations, a quarter of a million elements, unless an operation needs others. Gradients are timed of all float
tensors. Numbers come from torch.rand after a fixed seed.
"""
import torch
import torch.nn.functional as F

ROWS = {}  # name: (function that makes the tensors by their names, call in PyTorch, arguments)
BIG = (512, 512)
IMAGES = (16, 32, 28, 28)
SIGNALS = (16, 64, 256)
VOLUMES = (4, 16, 16, 16, 16)


def f(*shape, lo=-2.0, hi=2.0, dtype=torch.float32):
    return lambda: (torch.rand(shape) * (hi - lo) + lo).to(dtype)


def i(*shape, lo=0, hi=512):
    return lambda: torch.randint(lo, hi, shape)


def b(*shape):
    return lambda: torch.rand(shape) < 0.5


def z(*shape):
    return lambda: torch.complex(torch.rand(shape), torch.rand(shape))


def signs(*shape):
    return lambda: (torch.rand(shape) < 0.5).float() * 2 - 1


def row(name, tensors, call, **args):
    ROWS[name] = (lambda: {k: make() for k, make in tensors.items()}, call, args)


def torch_function(name):
    return getattr(torch, name, None) or getattr(F, name)


def unary(names, tensor, **args):
    for name in names.split():
        row(name, {"x": tensor}, torch_function(name), **args)


def binary(names, a, b):
    for name in names.split():
        row(name, {"a": a, "b": b}, torch_function(name))


# ---- element by element ----
unary("abs angle ceil cos cosh deg2rad erf erfc exp exp2 expm1 floor frac isfinite isinf isnan isneginf isposinf logical_not nan_to_num neg "
      "positive rad2deg relu relu6 round selu sgn sigmoid sign signbit silu sin sinc sinh square tan tanh trunc elu celu gelu hardsigmoid "
      "hardswish mish softplus softsign tanhshrink hardshrink softshrink hardtanh leaky_relu", f(*BIG))
unary("acos asin atan asinh atanh erfinv", f(*BIG, lo=-0.99, hi=0.99))
unary("acosh", f(*BIG, lo=1.01, hi=4))
unary("digamma lgamma log log10 log1p log2 reciprocal rsqrt sqrt", f(*BIG, lo=0.1, hi=4))
unary("bitwise_not", i(*BIG))
row("gelu_tanh", {"x": f(*BIG)}, lambda x: F.gelu(x, approximate="tanh"))
row("logsigmoid", {"x": f(*BIG)}, F.logsigmoid)
row("logit", {"x": f(*BIG, lo=0.01, hi=0.99)}, torch.logit)
row("polygamma", {"x": f(*BIG, lo=0.1, hi=4)}, lambda x: torch.polygamma(1, x), n=1)
row("round_decimals", {"x": f(*BIG)}, lambda x: torch.round(x, decimals=2), decimals=2)
row("replace_nonfinite", {"x": f(*BIG)}, lambda x: torch.nan_to_num(x, 0.5, 8, -8), nan=0.5, posinf=8, neginf=-8)
row("clamp", {"x": f(*BIG)}, lambda x: torch.clamp(x, -1, 1), low=-1, high=1)
row("threshold", {"x": f(*BIG)}, lambda x: F.threshold(x, 0.5, 0.1), threshold=0.5, value=0.1)
row("rrelu", {"x": f(*BIG)}, F.rrelu)
row("glu", {"x": f(*BIG)}, F.glu)
row("pow_scalar", {"a": f(*BIG, lo=0.1)}, lambda a: torch.pow(a, 1.7), s=1.7)
row("add_scalar", {"a": f(*BIG)}, lambda a: a + 1.5, s=1.5)
row("mul_scalar", {"a": f(*BIG)}, lambda a: a * 1.5, s=1.5)
row("to", {"x": f(*BIG)}, lambda x: x.to(torch.float64), dtype="float64")
row("clone", {"x": f(*BIG)}, torch.clone)
row("fill", {"x": f(*BIG)}, lambda x: x.fill_(1.5), value=1.5)
row("copy_into", {"x": f(*BIG), "src": f(*BIG)}, lambda x, src: x.copy_(src))
binary("add atan2 copysign eq equal fmax fmin fmod ge gt hypot isclose allclose le logaddexp logaddexp2 logical_and logical_or logical_xor lt maximum "
       "minimum mul ne remainder sub floor_divide heaviside clamp_max clamp_min rsub", f(*BIG), f(*BIG))
row("allclose", {"a": f(*BIG, lo=1, hi=1.000001), "b": f(*BIG, lo=1, hi=1.000001)}, torch.allclose)
row("equal", {"a": lambda: torch.ones(BIG), "b": lambda: torch.ones(BIG)}, torch.equal)
binary("div true_divide pow float_power xlogy", f(*BIG, lo=0.1), f(*BIG, lo=0.1))
binary("bitwise_and bitwise_or bitwise_xor", i(*BIG), i(*BIG))
binary("bitwise_left_shift bitwise_right_shift", i(*BIG), i(*BIG, hi=8))
row("above", {"a": f(*BIG), "b": f(*BIG)}, lambda a, b: torch.where(a < b, 0.0, torch.where(a == b, 0.5, 1.0)))
row("div_floor", {"a": f(*BIG), "b": f(*BIG)}, lambda a, b: torch.div(a, b, rounding_mode="floor"))
row("div_trunc", {"a": f(*BIG), "b": f(*BIG)}, lambda a, b: torch.div(a, b, rounding_mode="trunc"))
row("leaky_relu_by", {"a": f(*BIG), "b": f(1, lo=0.1)}, F.prelu)
row("add_scaled", {"a": f(*BIG), "b": f(*BIG)}, lambda a, b: torch.add(a, b, alpha=1.5), alpha=1.5)
row("addcmul", {"x": f(*BIG), "a": f(*BIG), "b": f(*BIG)}, lambda x, a, b: torch.addcmul(x, a, b, value=0.5), value=0.5)
row("addcdiv", {"x": f(*BIG), "a": f(*BIG), "b": f(*BIG, lo=0.1)}, lambda x, a, b: torch.addcdiv(x, a, b, value=0.5), value=0.5)
row("lerp", {"a": f(*BIG), "b": f(*BIG), "w": f(*BIG, lo=0, hi=1)}, torch.lerp)
row("lerp_scalar", {"a": f(*BIG), "b": f(*BIG)}, lambda a, b: torch.lerp(a, b, 0.3), w=0.3)
row("where", {"condition": b(*BIG), "a": f(*BIG), "b": f(*BIG)}, torch.where)
row("clamp_by", {"x": f(*BIG), "low": f(*BIG, hi=0), "high": f(*BIG, lo=0)}, torch.clamp)
row("masked_fill", {"x": f(*BIG), "mask": b(*BIG)}, lambda x, mask: x.masked_fill(mask, 0.5), value=0.5)
row("masked_fill_by", {"x": f(*BIG), "mask": b(*BIG), "value": f()}, lambda x, mask, value: x.masked_fill(mask, value))
row("prelu", {"x": f(*IMAGES), "weight": f(32)}, F.prelu)
row("dropout", {"x": f(*BIG)}, lambda x: F.dropout(x, 0.3), p=0.3)
row("complex", {"re": f(*BIG), "im": f(*BIG)}, torch.complex)
row("polar", {"abs": f(*BIG, lo=0), "angle": f(*BIG)}, torch.polar)

# ---- views, which move nothing ----
unary("atleast_1d atleast_2d atleast_3d conj detach flatten ravel real t", f(*BIG))
row("contiguous", {"x": f(*BIG)}, lambda x: x.contiguous())
row("imag", {"x": z(*BIG)}, torch.imag)
row("view_as_real", {"x": z(*BIG)}, torch.view_as_real)
row("view_as_complex", {"x": f(512, 256, 2)}, torch.view_as_complex)
row("mt", {"x": f(*BIG)}, lambda x: x.mT)
row("as_strided", {"x": f(*BIG)}, lambda x: torch.as_strided(x, (256, 256), (512, 1)), shape=[256, 256], strides=[512, 1])
row("broadcast_to", {"x": f(512, 1)}, lambda x: torch.broadcast_to(x, (512, 512)), shape=[512, 512])
row("expand", {"x": f(512, 1)}, lambda x: x.expand(512, 512), shape=[512, 512])
row("expand_as", {"x": f(512, 1), "other": f(*BIG)}, lambda x, other: x.expand_as(other))
row("diagonal", {"x": f(*BIG)}, torch.diagonal)
row("chunk", {"x": f(*BIG)}, lambda x: torch.chunk(x, 4), chunks=4)
row("split", {"x": f(*BIG)}, lambda x: torch.split(x, 128), size=128)
row("split_with_sizes", {"x": f(*BIG)}, lambda x: torch.split_with_sizes(x, (128, 128, 256)), sizes=[128, 128, 256])
row("tensor_split", {"x": f(*BIG)}, lambda x: torch.tensor_split(x, 4), sections=4)
row("hsplit", {"x": f(*BIG)}, lambda x: torch.hsplit(x, 4), sections=4)
row("vsplit", {"x": f(*BIG)}, lambda x: torch.vsplit(x, 4), sections=4)
row("dsplit", {"x": f(64, 64, 64)}, lambda x: torch.dsplit(x, 4), sections=4)
row("unbind", {"x": f(4, 256, 256)}, torch.unbind)
row("meshgrid", {"xs.0": f(512), "xs.1": f(512)}, lambda a, b: torch.meshgrid(a, b, indexing="ij"))
row("movedim", {"x": f(64, 64, 64)}, lambda x: torch.movedim(x, 0, 2), source=[0], destination=[2])
row("narrow", {"x": f(*BIG)}, lambda x: torch.narrow(x, 1, 3, 256), axis=1, start=3, length=256)
row("permute", {"x": f(64, 64, 64)}, lambda x: torch.permute(x, (2, 0, 1)), axes=[2, 0, 1])
row("reshape", {"x": f(*BIG)}, lambda x: torch.reshape(x, (256, 1024)), shape=[256, 1024])
row("reshape_as", {"x": f(*BIG), "other": f(256, 1024)}, lambda x, other: x.reshape_as(other))
row("select", {"x": f(*BIG)}, lambda x: torch.select(x, 0, 5), axis=0, index=5)
row("slice", {"x": f(*BIG)}, lambda x: x[:, 2:400:2], axis=1, start=2, end=400, step=2)
row("squeeze", {"x": f(512, 1, 512)}, lambda x: torch.squeeze(x, 1), axis=1)
row("squeeze_axes", {"x": f(512, 1, 512)}, lambda x: torch.squeeze(x, (1,)), axes=[1])
row("unsqueeze", {"x": f(*BIG)}, lambda x: torch.unsqueeze(x, 1), axis=1)
row("transpose", {"x": f(*BIG)}, lambda x: torch.transpose(x, 0, 1), a=0, b=1)
row("unflatten", {"x": f(*BIG)}, lambda x: torch.unflatten(x, 1, (16, 32)), axis=1, shape=[16, 32])
row("unfold", {"x": f(*BIG)}, lambda x: x.unfold(1, 16, 8), axis=1, size=16, step=8)
row("view", {"x": f(*BIG)}, lambda x: x.view(256, 1024), shape=[256, 1024])
row("view_as", {"x": f(*BIG), "other": f(256, 1024)}, lambda x, other: x.view_as(other))

# ---- moving elements ----
unary("fliplr flipud", f(*BIG))
row("flip", {"x": f(*BIG)}, lambda x: torch.flip(x, (1,)), axes=[1])
row("roll", {"x": f(*BIG)}, lambda x: torch.roll(x, 5, 1), shifts=[5], axes=[1])
row("rot90", {"x": f(*BIG)}, torch.rot90)
row("repeat", {"x": f(128, 128)}, lambda x: x.repeat(4, 4), times=[4, 4])
row("tile", {"x": f(128, 128)}, lambda x: torch.tile(x, (4, 4)), times=[4, 4])
row("repeat_interleave", {"x": f(128, 512)}, lambda x: torch.repeat_interleave(x, 4, 0), repeats=4, axis=0)
row("cat", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.cat(t, 1), axis=1)
row("stack", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.stack(t, 1), axis=1)
row("hstack", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.hstack(t))
row("vstack", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.vstack(t))
row("dstack", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.dstack(t))
row("column_stack", {"xs.0": f(256, 512), "xs.1": f(256, 512)}, lambda *t: torch.column_stack(t))
row("block_diag", {"xs.0": f(256, 256), "xs.1": f(256, 256)}, torch.block_diag)
row("diag", {"x": f(512)}, torch.diag)
row("diagflat", {"x": f(512)}, torch.diagflat)
row("diag_embed", {"x": f(16, 128)}, torch.diag_embed)
unary("tril triu trace", f(*BIG))
row("pad", {"x": f(*IMAGES)}, lambda x: F.pad(x, (1, 1, 1, 1)), pads=[1, 1, 1, 1])
row("channel_shuffle", {"x": f(*IMAGES)}, lambda x: F.channel_shuffle(x, 4), groups=4)
row("pixel_shuffle", {"x": f(*IMAGES)}, lambda x: F.pixel_shuffle(x, 2), upscale_factor=2)
row("pixel_unshuffle", {"x": f(*IMAGES)}, lambda x: F.pixel_unshuffle(x, 2), downscale_factor=2)

# ---- making ----
row("arange", {}, lambda: torch.arange(262144), end=262144)
row("full", {}, lambda: torch.full(BIG, 1.5), shape=[512, 512], value=1.5)
row("full_like", {"x": f(*BIG)}, lambda x: torch.full_like(x, 1.5), value=1.5)
row("eye", {}, lambda: torch.eye(512), n=512)
row("linspace", {}, lambda: torch.linspace(0, 1, 262144), start=0, end=1, steps=262144)
row("logspace", {}, lambda: torch.logspace(0, 1, 262144), start=0, end=1, steps=262144)
row("tril_indices", {}, lambda: torch.tril_indices(512, 512), rows=512, columns=512)
row("triu_indices", {}, lambda: torch.triu_indices(512, 512), rows=512, columns=512)
row("uniform", {}, lambda: torch.rand(BIG), shape=[512, 512])
row("rand_like", {"x": f(*BIG)}, torch.rand_like)
row("normal", {}, lambda: torch.randn(BIG), shape=[512, 512])
row("randn_like", {"x": f(*BIG)}, torch.randn_like)
row("trunc_normal", {}, lambda: torch.nn.init.trunc_normal_(torch.empty(BIG)), shape=[512, 512])
row("bernoulli", {}, lambda: torch.empty(BIG).bernoulli_(0.3), shape=[512, 512], p=0.3)
row("normal_by", {"mean": f(*BIG), "std": f(*BIG, lo=0.5)}, torch.normal)
row("bernoulli_by", {"p": f(*BIG, lo=0, hi=1)}, torch.bernoulli)
row("exponential", {}, lambda: torch.empty(BIG).exponential_(), shape=[512, 512])
row("gamma", {"alpha": f(256, 256, lo=0.5, hi=4)}, torch._standard_gamma)
row("poisson", {"rate": f(256, 256, lo=1, hi=100)}, torch.poisson)
row("randint", {}, lambda: torch.randint(0, 1000, BIG), shape=[512, 512], high=1000)
row("randint_like", {"x": i(*BIG)}, lambda x: torch.randint_like(x, 1000), high=1000)
row("randperm", {}, lambda: torch.randperm(65536), n=65536)
row("multinomial", {"weights": f(64, 512, lo=0, hi=1)}, lambda w: torch.multinomial(w, 64, True), samples=64, replacement=True)
row("one_hot", {"index": i(2048, hi=128)}, lambda x: F.one_hot(x, 128), classes=128)

# ---- picking and writing by index ----
row("index", {"xs.0": f(*BIG), "xs.1": i(512)}, lambda x, t0: x[t0], items="t0")
row("index_put", {"xs.0": f(*BIG), "xs.1": f(256, 512), "xs.2": lambda: torch.randperm(512)[:256]},
    lambda x, v, t0: x.index_put((t0,), v), items="t0")
row("index_select", {"x": f(*BIG), "index": i(512)}, lambda x, index: torch.index_select(x, 1, index), axis=1)
row("index_add", {"x": f(*BIG), "index": i(512), "src": f(*BIG)}, lambda x, index, src: torch.index_add(x, 0, index, src), axis=0)
row("index_copy", {"x": f(*BIG), "index": lambda: torch.randperm(512), "src": f(*BIG)},
    lambda x, index, src: torch.index_copy(x, 0, index, src), axis=0)
row("index_fill", {"x": f(*BIG), "index": i(64)}, lambda x, index: torch.index_fill(x, 0, index, 0.5), axis=0, value=0.5)
row("gather", {"x": f(*BIG), "index": i(*BIG)}, lambda x, index: torch.gather(x, 1, index), axis=1)
row("scatter", {"x": f(*BIG), "index": i(*BIG), "src": f(*BIG)}, lambda x, index, src: torch.scatter(x, 1, index, src), axis=1)
row("scatter_add", {"x": f(*BIG), "index": i(*BIG), "src": f(*BIG)}, lambda x, index, src: torch.scatter_add(x, 1, index, src), axis=1)
row("scatter_reduce", {"x": f(*BIG), "index": i(*BIG), "src": f(*BIG)},
    lambda x, index, src: torch.scatter_reduce(x, 1, index, src, "amax"), axis=1, reduce="amax")
row("take", {"x": f(*BIG), "index": i(*BIG, hi=262144)}, torch.take)
row("take_along_dim", {"x": f(*BIG), "index": i(*BIG)}, lambda x, index: torch.take_along_dim(x, index, 1), axis=1)
row("masked_select", {"x": f(*BIG), "mask": b(*BIG)}, torch.masked_select)
row("nonzero", {"x": b(*BIG)}, torch.nonzero)
row("argwhere", {"x": b(*BIG)}, torch.argwhere)
row("searchsorted", {"sorted": lambda: torch.rand(1024).sort()[0], "values": f(*BIG, lo=0, hi=1)}, torch.searchsorted)
row("bucketize", {"x": f(*BIG, lo=0, hi=1), "boundaries": lambda: torch.rand(64).sort()[0]}, torch.bucketize)
row("embedding", {"table": f(4096, 64), "index": i(64, 64, hi=4096)}, lambda table, index: F.embedding(index, table))
row("embedding_bag", {"table": f(4096, 64), "index": i(256, 16, hi=4096)}, lambda table, index: F.embedding_bag(index, table))

# ---- reductions and scans ----
row("sum", {"x": f(*BIG)}, torch.sum)
row("mean", {"x": f(*BIG)}, torch.mean)
unary("nansum nanmean std std_mean var var_mean", f(*BIG))
row("amax", {"x": f(*BIG)}, lambda x: torch.amax(x, 1), axes=[1])
row("amin", {"x": f(*BIG)}, lambda x: torch.amin(x, 1), axes=[1])
row("aminmax", {"x": f(*BIG)}, lambda x: torch.aminmax(x, dim=1), axis=1)
row("max", {"x": f(*BIG)}, lambda x: torch.max(x, 1), axis=1)
row("min", {"x": f(*BIG)}, lambda x: torch.min(x, 1), axis=1)
row("argmax", {"x": f(*BIG)}, lambda x: torch.argmax(x, 1), axis=1)
row("argmin", {"x": f(*BIG)}, lambda x: torch.argmin(x, 1), axis=1)
row("prod", {"x": f(*BIG, lo=0.9, hi=1.1)}, lambda x: torch.prod(x, 1), axis=1)
unary("all any count_nonzero", b(*BIG))
row("norm", {"x": f(*BIG)}, lambda x: torch.linalg.vector_norm(x, 2, 1), axes=[1])
row("logsumexp", {"x": f(*BIG)}, lambda x: torch.logsumexp(x, 1), axes=[1])
for scan in "cumsum cumprod cummax cummin logcumsumexp".split():
    row(scan, {"x": f(*BIG, lo=0.9, hi=1.1)}, lambda x, scan=getattr(torch, scan): scan(x, 1), axis=1)
row("diff", {"x": f(*BIG)}, torch.diff)
row("trapezoid", {"y": f(*BIG)}, torch.trapezoid)
row("median", {"x": f(*BIG)}, lambda x: torch.median(x, 1), axis=1)
row("mode", {"x": i(*BIG, hi=64)}, torch.mode)
row("kthvalue", {"x": f(*BIG)}, lambda x: torch.kthvalue(x, 100), k=100)
row("quantile", {"x": f(*BIG), "q": f(lo=0.3, hi=0.3)}, lambda x, q: torch.quantile(x, q, 1), axis=1)
row("sort", {"x": f(*BIG)}, torch.sort)
row("argsort", {"x": f(*BIG)}, torch.argsort)
row("msort", {"x": f(*BIG)}, torch.msort)
row("topk", {"x": f(*BIG)}, lambda x: torch.topk(x, 10), k=10)
row("unique", {"x": i(65536, hi=4096)}, lambda x: torch.unique(x, return_inverse=True, return_counts=True))
row("bincount", {"x": i(262144, hi=1000)}, torch.bincount)
row("histc", {"x": f(*BIG)}, lambda x: torch.histc(x, 100, -2, 2), bins=100, low=-2, high=2)

# ---- products ----
row("matmul", {"a": f(256, 256), "b": f(256, 256)}, torch.matmul)
row("mm", {"a": f(256, 256), "b": f(256, 256)}, torch.mm)
row("bmm", {"a": f(32, 64, 64), "b": f(32, 64, 64)}, torch.bmm)
row("mv", {"a": f(*BIG), "b": f(512)}, torch.mv)
row("dot", {"a": f(262144), "b": f(262144)}, torch.dot)
row("vdot", {"a": f(262144), "b": f(262144)}, torch.vdot)
row("inner", {"a": f(256, 256), "b": f(256, 256)}, torch.inner)
row("outer", {"a": f(512), "b": f(512)}, torch.outer)
row("addmm", {"x": f(256, 256), "a": f(256, 256), "b": f(256, 256)}, lambda x, a, b: torch.addmm(x, a, b, beta=0.5), beta=0.5)
row("addmv", {"x": f(512), "a": f(*BIG), "b": f(512)}, lambda x, a, b: torch.addmv(x, a, b, beta=0.5), beta=0.5)
row("addr", {"x": f(*BIG), "a": f(512), "b": f(512)}, lambda x, a, b: torch.addr(x, a, b, beta=0.5), beta=0.5)
row("addbmm", {"x": f(64, 64), "a": f(32, 64, 64), "b": f(32, 64, 64)}, torch.addbmm)
row("baddbmm", {"x": f(32, 64, 64), "a": f(32, 64, 64), "b": f(32, 64, 64)}, torch.baddbmm)
row("linear", {"x": f(64, 512), "w": f(256, 512), "bias": f(256)}, F.linear)
row("bilinear", {"a": f(64, 64), "b": f(64, 64), "w": f(32, 64, 64), "bias": f(32)}, F.bilinear)
row("einsum", {"xs.0": f(32, 64, 64), "xs.1": f(32, 64, 64)}, lambda a, b: torch.einsum("bij,bkj->bik", a, b), equation="bij,bkj->bik")
row("tensordot", {"a": f(64, 16, 16), "b": f(16, 16, 64)}, torch.tensordot)
row("kron", {"a": f(32, 32), "b": f(16, 16)}, torch.kron)
row("multi_dot", {"xs.0": f(64, 256), "xs.1": f(256, 64), "xs.2": f(64, 256)}, lambda *t: torch.linalg.multi_dot(t))
row("chain_matmul", {"xs.0": f(64, 256), "xs.1": f(256, 64), "xs.2": f(64, 256)}, lambda *t: torch.linalg.multi_dot(t))
row("cross", {"a": f(65536, 3), "b": f(65536, 3)}, lambda a, b: torch.linalg.cross(a, b), axis=1)

# ---- layers ----
row("softmax", {"x": f(*BIG)}, lambda x: torch.softmax(x, 1), axis=1)
row("softmin", {"x": f(*BIG)}, lambda x: F.softmin(x, 1), axis=1)
row("log_softmax", {"x": f(*BIG)}, lambda x: torch.log_softmax(x, 1), axis=1)
row("gumbel_softmax", {"x": f(*BIG)}, F.gumbel_softmax)
row("layer_norm", {"x": f(*BIG), "weight": f(512), "bias": f(512)}, lambda x, w, b: F.layer_norm(x, (512,), w, b))
row("rms_norm", {"x": f(*BIG), "weight": f(512)}, lambda x, w: F.rms_norm(x, (512,), w))
row("batch_norm", {"x": f(*IMAGES), "weight": f(32), "bias": f(32)}, lambda x, w, b: F.batch_norm(x, None, None, w, b, True))
row("batch_norm_by", {"x": f(*IMAGES), "mean": f(32), "var": f(32, lo=0.5), "weight": f(32), "bias": f(32)},
    lambda x, mean, var, w, b: F.batch_norm(x, mean.detach(), var.detach(), w, b))
row("group_norm", {"x": f(*IMAGES), "weight": f(32), "bias": f(32)}, lambda x, w, b: F.group_norm(x, 4, w, b), groups=4)
row("instance_norm", {"x": f(*IMAGES), "weight": f(32), "bias": f(32)}, lambda x, w, b: F.instance_norm(x, None, None, w, b))
row("local_response_norm", {"x": f(*IMAGES)}, lambda x: F.local_response_norm(x, 5), size=5)
row("normalize", {"x": f(*BIG)}, F.normalize)
row("conv1d", {"x": f(*SIGNALS), "w": f(64, 64, 3), "bias": f(64)}, lambda x, w, b: F.conv1d(x, w, b, padding=1), padding=1)
row("conv2d", {"x": f(*IMAGES), "w": f(32, 32, 3, 3), "bias": f(32)}, lambda x, w, b: F.conv2d(x, w, b, padding=1), padding=[1, 1])
row("conv3d", {"x": f(*VOLUMES), "w": f(16, 16, 3, 3, 3), "bias": f(16)}, lambda x, w, b: F.conv3d(x, w, b, padding=1), padding=[1, 1, 1])
row("conv_transpose1d", {"x": f(*SIGNALS), "w": f(64, 64, 3), "bias": f(64)}, lambda x, w, b: F.conv_transpose1d(x, w, b, 2), stride=2)
row("conv_transpose2d", {"x": f(16, 32, 14, 14), "w": f(32, 32, 3, 3), "bias": f(32)}, lambda x, w, b: F.conv_transpose2d(x, w, b, 2),
    stride=[2, 2])
row("conv_transpose3d", {"x": f(4, 16, 8, 8, 8), "w": f(16, 16, 3, 3, 3), "bias": f(16)}, lambda x, w, b: F.conv_transpose3d(x, w, b, 2),
    stride=[2, 2, 2])
row("scaled_dot_product_attention", {"q": f(8, 256, 64), "k": f(8, 256, 64), "v": f(8, 256, 64)}, F.scaled_dot_product_attention)
row("im2col", {"x": f(4, 32, 28, 28)}, lambda x: F.unfold(x, 3, padding=1), kernel=[3, 3], padding=[1, 1])
row("col2im", {"x": f(4, 288, 784)}, lambda x: F.fold(x, (28, 28), 3, padding=1), size=[28, 28], kernel=[3, 3], padding=[1, 1])
row("interpolate", {"x": f(16, 32, 14, 14)}, lambda x: F.interpolate(x, (28, 28), mode="bilinear"), size=[28, 28], mode="bilinear")
for n, shape in ((1, SIGNALS), (2, IMAGES), (3, VOLUMES)):
    def pool(name, call, scalar=n == 1, n=n, shape=shape, **args):
        row(f"{name}{n}d", {"x": f(*shape)}, call, **{k: v if scalar else [v] * n for k, v in args.items()})
    pool("avg_pool", lambda x, call=getattr(F, f"avg_pool{n}d"): call(x, 2), kernel=2)
    pool("max_pool", lambda x, call=getattr(F, f"max_pool{n}d"): call(x, 2), kernel=2)
    pool("adaptive_avg_pool", lambda x, call=getattr(F, f"adaptive_avg_pool{n}d"): call(x, 7), size=7)
    pool("adaptive_max_pool", lambda x, call=getattr(F, f"adaptive_max_pool{n}d"): call(x, 7), size=7)
    for name, args in (("max_pool", {"kernel": 2}), ("adaptive_max_pool", {"size": 7})):
        call = getattr(F, f"{name}{n}d")
        row(f"{name}{n}d_with_indices", {"x": f(*shape)}, lambda x, call=call, k=list(args.values())[0]: call(x, k, return_indices=True),
            **{k: v if n == 1 else [v] * n for k, v in args.items()})
    half = (*shape[:2], *(s // 2 for s in shape[2:]))
    places = lambda shape=shape, call=getattr(F, f"max_pool{n}d"): call(torch.rand(shape), 2, return_indices=True)[1]
    row(f"max_unpool{n}d", {"x": f(*half), "index": places}, lambda x, index, call=getattr(F, f"max_unpool{n}d"): call(x, index, 2),
        kernel=2 if n == 1 else [2] * n)
    row(f"lp_pool{n}d", {"x": f(*shape, lo=0.1)}, lambda x, call=getattr(F, f"lp_pool{n}d"): call(x, 2.0, 2), norm_type=2,
        kernel=2 if n == 1 else [2] * n)
for name, gates in (("rnn", 1), ("gru", 3), ("lstm", 4)):
    state = {"h": f(64, 128)} | ({"c": f(64, 128)} if name == "lstm" else {})
    weights = {"w_ih": f(gates * 128, 128), "w_hh": f(gates * 128, 128), "b_ih": f(gates * 128), "b_hh": f(gates * 128)}
    cell = torch.rnn_tanh_cell if name == "rnn" else getattr(torch, f"{name}_cell")
    row(f"{name}_cell", {"x": f(64, 128)} | state | weights,
        (lambda x, h, c, *w, cell=cell: cell(x, (h, c), *w)) if name == "lstm" else (lambda *t, cell=cell: cell(*t)))

# ---- losses ----
for name in "mse_loss l1_loss smooth_l1_loss huber_loss".split():
    row(name, {"x": f(*BIG), "target": f(*BIG)}, getattr(F, name))
row("bce_with_logits_loss", {"x": f(*BIG), "target": f(*BIG, lo=0, hi=1)}, F.binary_cross_entropy_with_logits)
row("binary_cross_entropy", {"x": f(*BIG, lo=0.01, hi=0.99), "target": f(*BIG, lo=0, hi=1)}, F.binary_cross_entropy)
row("kl_div", {"x": f(*BIG, hi=0), "target": f(*BIG, lo=0.01, hi=1)}, F.kl_div)
row("poisson_nll_loss", {"x": f(*BIG), "target": f(*BIG, lo=0)}, F.poisson_nll_loss)
row("gaussian_nll_loss", {"x": f(*BIG), "target": f(*BIG), "var": f(*BIG, lo=0.1)}, F.gaussian_nll_loss)
row("soft_margin_loss", {"x": f(*BIG), "target": signs(*BIG)}, F.soft_margin_loss)
row("hinge_embedding_loss", {"x": f(*BIG), "target": signs(*BIG)}, F.hinge_embedding_loss)
row("margin_ranking_loss", {"a": f(*BIG), "b": f(*BIG), "target": signs(*BIG)}, F.margin_ranking_loss)
row("cosine_embedding_loss", {"a": f(*BIG), "b": f(*BIG), "target": signs(512)}, F.cosine_embedding_loss)
row("cosine_similarity", {"a": f(*BIG), "b": f(*BIG)}, F.cosine_similarity)
row("pairwise_distance", {"a": f(*BIG), "b": f(*BIG)}, F.pairwise_distance)
row("triplet_margin_loss", {"anchor": f(*BIG), "positive": f(*BIG), "negative": f(*BIG)}, F.triplet_margin_loss)
row("cross_entropy", {"logits": f(*BIG), "target": i(512)}, F.cross_entropy)
row("nll_loss", {"log_probs": f(*BIG, hi=0), "target": i(512)}, F.nll_loss)
row("multi_margin_loss", {"x": f(*BIG), "target": i(512)}, F.multi_margin_loss)
row("multilabel_margin_loss", {"x": f(64, 64), "target": lambda: torch.randint(-1, 64, (64, 64))}, F.multilabel_margin_loss)
row("multilabel_soft_margin_loss", {"x": f(*BIG), "target": lambda: (torch.rand(BIG) < 0.5).float()}, F.multilabel_soft_margin_loss)
row("ctc_loss", {"log_probs": lambda: torch.rand(64, 16, 32).log_softmax(2), "targets": i(16, 20, lo=1, hi=32),
                 "input_lengths": lambda: torch.full((16,), 64), "target_lengths": lambda: torch.full((16,), 20)}, F.ctc_loss)

# Tensors whose gradient PyTorch, or ours, does not have, or that are not differentiated in practice.
CONSTANTS = {"batch_norm_by": ("mean", "var"), "quantile": ("q",), "bucketize": ("boundaries",), "searchsorted": ("sorted",),
             "above": ("a", "b"), "floor_divide": ("a", "b"),
             **{name: ("target",) for name in ROWS if name.endswith("_loss") or name == "kl_div"}}
