"""Text to codes and back: characters, words, parts of words, bytes; sequences out of probabilities."""
