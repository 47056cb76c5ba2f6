"""What results obey whose values are no function of the arguments: those of random numbers, which come from another generator than
PyTorch's, and those that PyTorch leaves open. An adapter gives such a result a rule instead of PyTorch's value:

    s.rules = {"out": within(0, 1)}

A rule takes the results by their names, the tensors that were given, and the name of its result, and returns what is wrong, or "".
Shape and type are compared before.
"""
import torch


def anything(got, given, name):
    """Only shape and type count."""
    return ""


def within(low, high, whole=False):
    """Numbers from low up to but not including high, of complex ones both parts."""
    def rule(got, given, name):
        x = got[name]
        x = torch.view_as_real(x) if x.is_complex() else x
        fits = ((x >= low) & (x < high)).all() and (not whole or torch.equal(x, x.long().to(x.dtype)))
        return "" if fits else f"not all in [{low}, {high})"
    return rule


def finite(got, given, name):
    return "" if torch.isfinite(got[name]).all() else "not all finite"


def dropped(p):
    """Each element of x is 0, or x / (1 - p), and its gradient goes the same way."""
    def rule(got, given, name):
        x, y, kept = given["x"], got["out"], got["out"] != 0
        want = torch.where(kept, x / (1 - p), 0) if p < 1 else x * 0
        if name != "out":
            y, want = got[name], torch.where(kept, given["grad_out"] / (1 - p), 0) if p < 1 else given["grad_out"] * 0
        fits = torch.isclose(y, want.to(y.dtype), rtol=1.6e-2 if y.dtype == torch.bfloat16 else 1e-5).all()
        return "" if fits and (p > 0 or kept.all()) else "neither 0 nor x / (1 - p)"
    return rule


def slopes(lower, upper):
    """Positive elements of x stay, others are multiplied by a slope in that range."""
    def rule(got, given, name):
        over, slope = (given["x"], "out") if name == "out" else (given["grad_out"], name)
        slope = (got[slope] / over).float()
        near = 1e-2 if got[name].dtype == torch.bfloat16 else 1e-5
        fits = torch.where(given["x"] > 0, (slope - 1).abs() <= near, (slope >= lower - near) & (slope <= upper + near))
        return "" if (fits | (over == 0)).all() else "a slope out of range"
    return rule


def indices_of(values, dim):
    """Indices into x along dim, of elements that equal those of the result `values`."""
    def rule(got, given, name):
        x, index, y = given["x"], got[name], got[values]
        if x.dim() == 0:
            return "" if (index == 0).all() else "an index of a scalar"
        flat, at = (x.reshape(-1), 0) if dim is None else (x, dim)
        keep = index if index.dim() == flat.dim() else index.unsqueeze(at)
        found = torch.take_along_dim(flat, keep, at).reshape(y.shape)
        return "" if torch.equal(torch.nan_to_num(found), torch.nan_to_num(y)) else "an index of another element"
    return rule


def gradient_at(index, dim):
    """The gradients of values that were picked by the result `index` along dim: theirs at these places, and zeros."""
    def rule(got, given, name):
        x, at, dy = given["x"], got[index], given["grad_out.0"]
        if x.dim() == 0:
            return "" if torch.equal(got[name], dy.reshape(())) else "another gradient"
        at, dy = (t if t.dim() == x.dim() else t.unsqueeze(dim) for t in (at, dy))
        want = torch.zeros_like(x).scatter_add(dim, at, dy)
        return "" if torch.equal(got[name], want) else "gradients at other places"
    return rule
