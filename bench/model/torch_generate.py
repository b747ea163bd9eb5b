"""A Llama in eager PyTorch with a KV cache: what people compare with who have no compiler at hand.

    python3 torch_generate.py FOLDER THREADS

Reads config.json and model.safetensors of FOLDER, prints a line with PyTorch's version, and then answers
each line of standard input, {"ids": [...], "tokens": N}, with the tokens of a greedy continuation and
the seconds that reading and continuing took.
"""

import json
import struct
import sys
import time

import torch
import torch.nn.functional as F


def tensors_of(path):
    """The tensors of a safetensors file, widened to f32."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        start, end = entry["data_offsets"]
        flat = torch.frombuffer(data[start:end], dtype=types[entry["dtype"]])
        tensors[name] = flat.reshape(entry["shape"]).float()
    return tensors


class Llama:
    def __init__(self, folder):
        with open(f"{folder}/config.json") as file:
            config = json.load(file)
        weights = tensors_of(f"{folder}/model.safetensors")
        self.eps = config["rms_norm_eps"]
        self.hidden = config["hidden_size"]
        self.heads = config["num_attention_heads"]
        self.kv_heads = config["num_key_value_heads"]
        self.dim = config.get("head_dim", self.hidden // self.heads)
        self.embedding = weights["model.embed_tokens.weight"]
        self.norm_weight = weights["model.norm.weight"]
        self.head = weights.get("lm_head.weight", self.embedding)
        self.positions = config["max_position_embeddings"]
        self.layers = [self.layer(weights, i) for i in range(config["num_hidden_layers"])]
        angles = torch.arange(self.positions, dtype=torch.float64)[:, None] * config[
            "rope_theta"
        ] ** (-torch.arange(0, self.dim, 2, dtype=torch.float64) / self.dim)
        self.cos = torch.cat([angles.cos(), angles.cos()], -1).float()
        self.sin = torch.cat([angles.sin(), angles.sin()], -1).float()

    def layer(self, weights, index):
        prefix = f"model.layers.{index}."
        get = lambda name: weights[f"{prefix}{name}.weight"]
        attention, mlp = "self_attn.", "mlp."
        return {
            "input": get("input_layernorm"),
            "post": get("post_attention_layernorm"),
            "qkv": torch.cat([get(f"{attention}{part}_proj") for part in "qkv"]),
            "o": get(f"{attention}o_proj"),
            "gate_up": torch.cat([get(f"{mlp}gate_proj"), get(f"{mlp}up_proj")]),
            "down": get(f"{mlp}down_proj"),
            "keys": torch.zeros(self.kv_heads, self.positions, self.dim),
            "values": torch.zeros(self.kv_heads, self.positions, self.dim),
        }

    def norm(self, x, weight):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.eps) * weight

    def rotate(self, x, at, end):
        first, second = x.chunk(2, -1)
        return x * self.cos[at:end] + torch.cat([-second, first], -1) * self.sin[at:end]

    def attend(self, layer, x, at, mask):
        rows, end = x.shape[0], at + x.shape[0]
        widths = [self.heads * self.dim, self.kv_heads * self.dim, self.kv_heads * self.dim]
        q, k, v = F.linear(x, layer["qkv"]).split(widths, -1)
        q = self.rotate(q.view(rows, self.heads, self.dim).transpose(0, 1), at, end)
        layer["keys"][:, at:end] = self.rotate(
            k.view(rows, self.kv_heads, self.dim).transpose(0, 1), at, end
        )
        layer["values"][:, at:end] = v.view(rows, self.kv_heads, self.dim).transpose(0, 1)
        q = q.reshape(self.kv_heads, -1, self.dim)
        scores = q @ layer["keys"][:, :end].transpose(1, 2) * self.dim**-0.5
        if mask is not None:
            scores = (scores.view(self.heads, rows, end) + mask).view_as(scores)
        mixed = scores.softmax(-1) @ layer["values"][:, :end]
        mixed = mixed.view(self.heads, rows, self.dim).transpose(0, 1).reshape(rows, -1)
        return F.linear(mixed, layer["o"])

    def feed(self, ids, at):
        """The logits after the last of `ids`, which stand from position `at` on."""
        x = self.embedding[ids]
        mask = None
        if len(ids) > 1:
            mask = torch.full((len(ids), at + len(ids)), float("-inf")).triu(at + 1)
        for layer in self.layers:
            x = x + self.attend(layer, self.norm(x, layer["input"]), at, mask)
            gate, up = F.linear(self.norm(x, layer["post"]), layer["gate_up"]).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, layer["down"])
        return F.linear(self.norm(x[-1], self.norm_weight), self.head)


def run(model, ids, tokens):
    start = time.perf_counter()
    made = [int(model.feed(ids, 0).argmax())]
    read = time.perf_counter()
    for at in range(len(ids), len(ids) + tokens - 1):
        made.append(int(model.feed(made[-1:], at).argmax()))
    end = time.perf_counter()
    return {"ids": made, "prompt_s": read - start, "text_s": end - read}


if __name__ == "__main__":
    torch.set_num_threads(int(sys.argv[2]))
    with torch.no_grad():
        model = Llama(sys.argv[1])
        print(json.dumps({"version": torch.__version__}), flush=True)
        for line in sys.stdin:
            asked = json.loads(line)
            print(json.dumps(run(model, asked["ids"], asked["tokens"])), flush=True)
