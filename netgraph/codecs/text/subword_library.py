"""Tokenizers of the library `tokenizers`, as subword models."""

import os
from typing import Any

from netgraph.codecs.text.subword_files import contents
from netgraph.errors import NetFileError, NetTypeError


def library() -> Any:
    """The library. Errors: NetTypeError that names the extra."""
    try:
        import tokenizers
    except ImportError:
        raise NetTypeError("the library `tokenizers` is not installed", fix="pip install netgraph[text]") from None
    return tokenizers


def written(value) -> str | None:
    """A tokenizer of the library, or of transformers, as the text of its file; None for anything else."""
    value = getattr(value, "backend_tokenizer", value)
    return value.to_str() if hasattr(value, "to_str") and hasattr(value, "encode_batch") else None


def read(path) -> str:
    """The text of a `tokenizer.json`. Errors: NetFileError."""
    try:
        return LibraryModel(contents(path).decode()).source
    except ValueError as fault:
        raise NetFileError(f"{os.fspath(path)} is no file of the library `tokenizers`: {fault}") from None


class LibraryModel:
    """A tokenizer from the text of its file. Errors: ValueError for a text that is none.

    It cuts and pads nothing, whatever the file says: that is TargetLength's.
    """

    def __init__(self, text: str):
        tokenizers = library()
        try:
            self.tokenizer = tokenizers.Tokenizer.from_str(text)
        except Exception as fault:  # the library raises nothing more special
            raise ValueError(str(fault)) from None
        self.source = self.tokenizer.to_str()  # the same for files that are spaced otherwise
        self.count = self.tokenizer.get_vocab_size()
        given = self.tokenizer.padding
        self.padding = given["pad_id"] if given and given["pad_id"] < self.count else self.count - 1
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()

    def encode(self, inputs: list, terminals: bool) -> list[tuple[list[int], list[int]]]:
        """For each string or pair of strings the codes and the numbers of their segments."""
        return [(found.ids, found.type_ids) for found in self.tokenizer.encode_batch(inputs, add_special_tokens=terminals)]

    def text(self, codes) -> str:
        """The text of some codes, as the library writes it."""
        return self.tokenizer.decode(list(codes), skip_special_tokens=True)

    def labels(self) -> tuple:
        """For each code its token."""
        return tuple(self.tokenizer.id_to_token(code) or code for code in range(self.count))
