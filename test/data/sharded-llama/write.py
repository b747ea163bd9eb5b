"""Writes a small model as Hugging Face lays out larger ones: shards with an index, bf16, embeddings of their
own for the output, grouped queries, llama3's positions, a byte-level BPE tokenizer with special tokens; and
golden.json, what transformers makes of it. Its weights are random: it speaks nonsense, always the same.
Run here: python3 write.py (pip install torch==2.13.0 transformers==5.18.0 tokenizers safetensors)."""

import json
import pathlib

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM

HERE = pathlib.Path(__file__).parent
TEXT = (HERE / "../tiny-llama/heldout.txt").read_text()
PROMPT = "In the beginning"
SPECIAL = ["<|begin|>", "<|end|>"]

tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
tokenizer.train_from_iterator(TEXT.split("\n"), trainer)
tokenizer.post_processor = processors.TemplateProcessing(
    single="<|begin|> $A", special_tokens=[("<|begin|>", tokenizer.token_to_id("<|begin|>"))]
)
tokenizer.save(str(HERE / "tokenizer.json"), pretty=False)

rope = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0}
config = LlamaConfig(
    vocab_size=tokenizer.get_vocab_size(),
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    head_dim=16,
    max_position_embeddings=512,
    rope_theta=500000.0,
    rope_scaling={**rope, "original_max_position_embeddings": 64},
    tie_word_embeddings=False,
    initializer_range=0.4,
    bos_token_id=tokenizer.token_to_id("<|begin|>"),
    eos_token_id=tokenizer.token_to_id("<|end|>"),
)
torch.manual_seed(1)
LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(HERE, max_shard_size="40KB")

model = LlamaForCausalLM.from_pretrained(HERE, dtype=torch.float32).eval()
ids = tokenizer.encode(PROMPT).ids
with torch.no_grad():
    logits = model(torch.tensor([ids])).logits[0, -1]
    read, margin = list(ids), float("inf")
    for _ in range(48):
        last = model(torch.tensor([read])).logits[0, -1]
        best = last.topk(2)
        margin = min(margin, float(best.values[0] - best.values[1]))
        read.append(int(best.indices[0]))
golden = {
    "prompt": PROMPT,
    "ids": ids,
    "logits": [round(value, 5) for value in logits.tolist()],
    "greedy_ids": read[len(ids) :],
    "greedy_text": tokenizer.decode(read[len(ids) :], skip_special_tokens=False),
    "least_margin": round(margin, 5),
}
(HERE / "golden.json").write_text(json.dumps(golden) + "\n")
