"""Padding and resizing."""
from opinfo.adapt import bound, need
from opinfo.views import named


def pad(s):
    given = bound(("pad", "mode", "value"), s)
    args = {"pads": list(given["pad"]), **{k: given[k] for k in ("mode", "value") if given.get(k) is not None}}
    return {"x": s.input}, args


def interpolate(mode=None, align_corners=None):
    def adapt(s):
        names = ("size", "scale_factor", "mode", "align_corners", "recompute_scale_factor", "antialias")
        given = bound(names, s, **{k: v for k, v in (("mode", mode), ("align_corners", align_corners)) if v is not None})
        need(not given.get("antialias"), "antialias")
        args = {k: given[k] for k in names[2:5] if given.get(k) is not None}
        if given.get("size") is not None:
            args["size"] = [given["size"]] if isinstance(given["size"], int) else list(given["size"])
        scale = given.get("scale_factor")
        need(not isinstance(scale, (list, tuple)) or len(set(scale)) == 1, "a scale_factor for each axis")
        if scale is not None:
            args["scale_factor"] = scale[0] if isinstance(scale, (list, tuple)) else scale
        return {"x": s.input}, args
    return adapt


OPS = {
    "nn.functional.pad": [("pad", pad)], "nn.functional.interpolate": [("interpolate", interpolate())],
    "nn.functional.upsample_nearest": [("interpolate", interpolate("nearest"))],
    "nn.functional.upsample_bilinear": [("interpolate", interpolate("bilinear", True))],
    "nn.functional.pixel_shuffle": [("pixel_shuffle", named(upscale_factor="upscale_factor"))],
    "nn.functional.pixel_unshuffle": [("pixel_unshuffle", named(downscale_factor="downscale_factor"))],
    "nn.functional.channel_shuffle": [("channel_shuffle", named(groups="groups"))],
}
REFUSED = {}
