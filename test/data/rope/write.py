"""Writes golden.json: what Hugging Face's own Llama makes of tiny-llama's weights under each way of saying
how positions turn: frequencies, attention factor, and the logits after the last token of a text.
Run here: python3 write.py (pip install torch==2.13.0 transformers==5.18.0)."""

import copy
import json
import pathlib

import torch
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
TINY = HERE / "../tiny-llama"
TEXT = (TINY / "heldout.txt").read_bytes()[:100]
PAIRS = 16
SHORT = [1 + i / 20 for i in range(PAIRS)]
LONG = [1 + i / 3 for i in range(PAIRS)]
LLAMA3 = {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"factor": 4.0, "original_max_position_embeddings": 64}
LONGROPE = {"short_factor": SHORT, "long_factor": LONG, "original_max_position_embeddings": 64}

# Each: changes of config.json. What is not named stays as tiny-llama has it.
CASES = {
    "default": {"rope_scaling": {"rope_type": "default"}},
    "theta": {"rope_theta": 500000.0},
    "newer theta": {"rope_theta": None, "rope_parameters": {"rope_type": "default", "rope_theta": 500000.0}},
    "linear": {"rope_scaling": {"rope_type": "linear", "factor": 4.0}},
    "linear, older": {"rope_scaling": {"type": "linear", "factor": 4.0}},
    "dynamic, within": {"rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
    "dynamic, beyond": {"max_position_embeddings": 64, "rope_scaling": {"rope_type": "dynamic", "factor": 2.0}},
    "llama3": {"rope_scaling": {"rope_type": "llama3", **LLAMA3}},
    "llama3, newer": {"rope_theta": None, "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, **LLAMA3}},
    "yarn": {"rope_scaling": {"rope_type": "yarn", **YARN}},
    "yarn, betas": {"rope_scaling": {"rope_type": "yarn", **YARN, "beta_fast": 16.0, "beta_slow": 0.5}},
    "yarn, attention": {"rope_scaling": {"rope_type": "yarn", **YARN, "attention_factor": 1.3}},
    "yarn, mscale": {"rope_scaling": {"rope_type": "yarn", **YARN, "mscale": 1.5, "mscale_all_dim": 0.7}},
    "yarn, no mscale": {"rope_scaling": {"rope_type": "yarn", **YARN, "mscale": 1.5, "mscale_all_dim": 0.0}},
    "yarn, whole": {"rope_scaling": {"rope_type": "yarn", **YARN, "truncate": False}},
    "longrope, short": {
        "rope_scaling": {"rope_type": "longrope", **LONGROPE, "original_max_position_embeddings": 128}
    },
    "longrope, long": {"rope_scaling": {"rope_type": "longrope", **LONGROPE}},
    "longrope, factor": {"rope_scaling": {"rope_type": "longrope", **LONGROPE, "factor": 8.0}},
    "longrope, attention": {"rope_scaling": {"rope_type": "longrope", **LONGROPE, "attention_factor": 1.3}},
    "longrope, beside": {
        "original_max_position_embeddings": 64,
        "rope_scaling": {"type": "longrope", "short_factor": SHORT, "long_factor": LONG},
    },
}


def golden(changes):
    base = json.loads((TINY / "config.json").read_text())
    merged = {key: copy.deepcopy(value) for key, value in {**base, **changes}.items() if value is not None}
    config = LlamaConfig(**merged, dtype="float32", attn_implementation="eager")
    model = LlamaForCausalLM.from_pretrained(TINY, config=config, dtype=torch.float32).eval()
    with torch.no_grad():
        logits = model(torch.tensor([list(TEXT)]), use_cache=False).logits[0, -1]
    rotary = model.model.rotary_emb
    return {
        "changes": changes,
        "frequencies": [float(f"{value:.7g}") for value in rotary.inv_freq.tolist()],
        "scale": float(f"{rotary.attention_scaling:.9g}"),
        "logits": [round(value, 5) for value in logits.tolist()],
    }


cases = {name: golden(changes) for name, changes in CASES.items()}
rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in cases.items())
(HERE / "golden.json").write_text(f'{{"text": {json.dumps(TEXT.decode())}, "cases": {{\n{rows}\n}}}}\n')
