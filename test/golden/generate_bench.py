"""Write what `npm run bench` compares every engine with: PyTorch's results in float64, at positions that a seed gives.

    python generate_bench.py [NAME ...]        all cases by default; writes bench/references.safetensors beside this file

Networks, weights and input follow generate_networks.py. Of a case, <case>/values holds the output at 4096 positions
    position i = fmix32(i + 2000 * 0x9E3779B9  mod 2^32) mod numel
and <case>/summary its mean, least and largest element; all float64. A float64 convolution of 512x512 takes up to 6 GB.
"""
import sys, time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file

import generate_networks as golden

INPUT_SEED, POSITIONS, SEED = 1000, 4096, 2000
CASES = {f"{name}-{size}": (kind, size) for name, kind in (("style", "StyleTransferNetwork"), ("cyclegan", "CycleGANGenerator")) for size in (64, 256, 512)}
OUT = Path(__file__).parent / "bench" / "references.safetensors"


def positions(count):
    with np.errstate(over="ignore"):
        h = (np.arange(POSITIONS, dtype=np.uint64) + SEED * 0x9E3779B9).astype(np.uint32)
        h ^= h >> np.uint32(16); h *= np.uint32(0x85EBCA6B); h ^= h >> np.uint32(13); h *= np.uint32(0xC2B2AE35); h ^= h >> np.uint32(16)
    return torch.from_numpy((h % np.uint32(count)).astype(np.int64))


def main(names):
    torch.set_num_threads(2)
    tensors = load_file(OUT) if OUT.exists() else {}
    for name in names or CASES:
        kind, size = CASES[name]; start = time.time()
        net = golden.fill(getattr(golden, kind)()).double()
        with torch.no_grad():
            y = net(torch.from_numpy(golden.formula(INPUT_SEED, [1, 3, size, size]).astype(np.float32)).double()).flatten()
        tensors[f"{name}/values"] = y[positions(y.numel())].contiguous()
        tensors[f"{name}/summary"] = torch.stack([y.mean(), y.min(), y.max()])
        print(name, f"{time.time() - start:.1f} s", tensors[f"{name}/summary"].tolist(), flush=True)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, OUT, metadata={"torch": torch.__version__, "positions": str(POSITIONS), "seed": str(SEED)})



if __name__ == "__main__":
    main(sys.argv[1:])
