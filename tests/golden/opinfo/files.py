"""Reading and writing safetensors with PyTorch alone."""
import json
import struct

import torch

TYPES = {"F32": torch.float32, "F64": torch.float64, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
         "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool, "C64": torch.complex64,
         "C128": torch.complex128}
NAMES = {t: n for n, t in TYPES.items()}


def write(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, []
    at = 0
    for name, t in tensors.items():
        flat = t.detach().resolve_conj().resolve_neg().reshape(-1).clone(memory_format=torch.contiguous_format)
        raw = bytes(flat.view(torch.uint8).numpy()) if flat.numel() else b""
        header[name] = {"dtype": NAMES[t.dtype], "shape": list(t.shape), "data_offsets": [at, at + len(raw)]}
        data.append(raw)
        at += len(raw)
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def read(path):
    raw = path.read_bytes()
    (n,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8:8 + n])
    result = {}
    for name, e in header.items():
        if name != "__metadata__":
            a, b = (8 + n + o for o in e["data_offsets"])
            dtype = TYPES[e["dtype"]]
            flat = torch.frombuffer(bytearray(raw[a:b]), dtype=dtype) if b > a else torch.empty(0, dtype=dtype)
            result[name] = flat.reshape(e["shape"])
    return result
