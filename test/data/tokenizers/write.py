"""Writes golden.json: four small tokenizers, trained by Hugging Face's `tokenizers`, and what it makes
of texts chosen to be awkward. Run here: python3 write.py (pip install tokenizers==0.23.2)."""

import json
import pathlib

from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

HERE = pathlib.Path(__file__).parent
LINES = (HERE / "../tiny-llama/heldout.txt").read_text(encoding="latin1").split("\n")
MORE = ["naïve café déjà vu", "it's we'll I'VE don't", "12345 6789", "日本語のテキスト", "foo_bar(baz);\n\n  return x;"]
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CASES = [
    "", "In the beginning", " leading blank", "  two", "trailing ", "a\n\nb\r\n c\t\td",
    "it's IT'S we'LL I've o'clock 'd", "123456789 12 3", "naïve café", "日本語テキスト and 한국어",
    "😀👩‍👩‍👧 emoji", "x = foo_bar(1,2);  // note\n\n\n", "\u00a0nbsp\u2003em\u0085nel\ufeffbom", "'''",
    "   \n   \n  ", "<|begin_of_text|>x<|plain|>s<|plain|>", "<s>hi</s> there<unk>!", "▁mark▁",
    "\x00\x01\x7f", "And the LORD said unto him, Whatſoever", "ſ's 'ſ", "e\u0301 \u1e9b\u0323",
    "a" * 50, " " * 20 + "x",
]


def llama_3():
    tokenizer = Tokenizer(models.BPE(ignore_merges=True))
    words = pre_tokenizers.Split(Regex(LLAMA_3), behavior="isolated", invert=False)
    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, spell])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(LINES + MORE * 3, trainer(420, initial_alphabet=spell.alphabet()))
    tokenizer.add_special_tokens(["<|begin_of_text|>", "<|end_of_text|>"])
    tokenizer.add_tokens(["<|plain|>", "<|plain|>s"])
    begin = ("<|begin_of_text|>", tokenizer.token_to_id("<|begin_of_text|>"))
    frame = processors.TemplateProcessing(single="<|begin_of_text|> $A", special_tokens=[begin])
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), frame])
    return tokenizer


def gpt_2():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(LINES + MORE, trainer(400, initial_alphabet=alphabet))
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


def llama_2(metaspace):
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trained = Tokenizer(models.BPE(unk_token="<unk>"))
    trained.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    trained.train_from_iterator(LINES, trainer(560, special_tokens=["<unk>", "<s>", "</s>", *bytes_]))
    model = json.loads(trained.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    options = {"unk_token": "<unk>", "byte_fallback": True, "fuse_unk": True}
    tokenizer = Tokenizer(models.BPE(vocab=model["vocab"], merges=merges, **options))
    if metaspace:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    else:
        blanks = normalizers.Replace(" ", "▁")
        tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), blanks])
    special = [AddedToken(name, normalized=False, special=True) for name in ("<unk>", "<s>", "</s>")]
    tokenizer.add_special_tokens(special)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    tokenizer.decoder = decoders.Sequence(steps)
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def trainer(size, **options):
    return trainers.BpeTrainer(vocab_size=size, show_progress=False, **options)


def case(tokenizer, text):
    ids = tokenizer.encode(text).ids
    bare = tokenizer.encode(text, add_special_tokens=False).ids
    return {"text": text, "ids": ids, "bare": bare, "decoded": tokenizer.decode(ids)}


def golden(tokenizer):
    return {"tokenizer": json.loads(tokenizer.to_str()), "cases": [case(tokenizer, text) for text in CASES]}


MADE = {
    "llama-3": llama_3(),
    "gpt-2": gpt_2(),
    "llama-2": llama_2(metaspace=False),
    "llama-2, metaspace": llama_2(metaspace=True),
}
text = json.dumps({name: golden(tokenizer) for name, tokenizer in MADE.items()})
(HERE / "golden.json").write_text(text + "\n")
