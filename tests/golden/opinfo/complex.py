"""Complex numbers: making them, and their parts."""
from opinfo.adapt import bare, bound


def parts(first, second):
    def adapt(s):
        return {first: s.input, second: bound(("other",), s)["other"]}, {}
    return adapt


OPS = {
    **{op: [(op, bare)] for op in "angle conj imag real view_as_complex view_as_real".split()},
    "conj_physical": [("conj", bare)], "resolve_conj": [("contiguous", bare)],
    "complex": [("complex", parts("re", "im"))], "polar": [("polar", parts("abs", "angle"))],
}
REFUSED = {}
