"""Near-duplicates among short texts: a recurrent net reads characters, and a contrastive loss on pairs says what is the same.

    python examples/text_duplicates.py [--time SECONDS] [--examples N]

The texts are made here: sentences about people, things and places, and copies of them with typing errors and swapped words. A pair is the
same where both are copies of one sentence; half of the pairs of two sentences differ in one word only. The threshold of the distance, below
which a pair counts as the same, is chosen on pairs of other sentences than those it is judged on, and neither were trained on.
"""

import argparse

import numpy as np

from netgraph import *

WORDS = """
the, a, every, my, our, one, this, that
teacher, farmer, pilot, singer, doctor, painter, baker, sailor, judge, clerk, nurse, driver, writer, tailor, miner, guard
sold, found, lost, broke, moved, hid, bought, washed, took, drew, kept, left
red, old, small, wet, cheap, round, heavy, new, warm, dark
bottle, basket, ladder, mirror, candle, hammer, carpet, wagon, letter, kettle, button, pillow, bridge, violin, map, coin
in, near, behind, below, before, outside
paris, the harbour, the mill, london, the forest, school, the market, oslo, the castle, the garden, court, berlin
"""
PARTS = [line.split(", ") for line in WORDS.strip().splitlines()]
CHARACTERS = " abcdefghijklmnopqrstuvwxyz"
LENGTH = 56


def sentence(rng):
    """A sentence as a list of its parts."""
    return [words[rng.integers(len(words))] for words in PARTS]


def neighbour(parts, rng):
    """The sentence with one part exchanged for another."""
    place = rng.integers(1, len(PARTS))
    others = [word for word in PARTS[place] if word != parts[place]]
    return [*parts[:place], others[rng.integers(len(others))], *parts[place + 1 :]]


def copied(parts, rng):
    """A text as somebody might type the sentence: up to three errors, or two words the other way round."""
    words = " ".join(parts).split()
    if rng.random() < 0.3:
        place = rng.integers(len(words) - 1)
        words[place : place + 2] = words[place + 1], words[place]
    text = " ".join(words)
    for _ in range(rng.integers(4)):
        place = rng.integers(len(text) - 1)
        letter = CHARACTERS[rng.integers(1, len(CHARACTERS))]
        ways = (
            text[:place] + text[place + 1 :],
            text[:place] + letter + text[place:],
            text[:place] + letter + text[place + 1 :],
            text[:place] + text[place + 1] + text[place] + text[place + 2 :],
        )
        text = ways[rng.integers(len(ways))]
    return text


def shown(text):
    """The text as the net reads it: its end, with spaces before where it is short."""
    return text[-LENGTH:].rjust(LENGTH)


def pairs(sentences, rng):
    """For each sentence a pair of its copies, a pair with one of a near sentence, and one with that of any other: (texts, differs)."""
    texts, differs = [], []
    for number, parts in enumerate(sentences):
        other = sentences[(number + 1 + rng.integers(len(sentences) - 1)) % len(sentences)]
        for partner, apart in ((parts, False), (parts, False), (neighbour(parts, rng), True), (other, True)):
            texts.append((shown(copied(parts, rng)), shown(copied(partner, rng))))
            differs.append(apart)
    return texts, np.array(differs)


def best_threshold(distance, differs):
    """The distance that tells most pairs rightly: same up to it, different beyond."""
    order = np.argsort(distance, kind="stable")
    values, apart = distance[order], differs[order]
    right = np.concatenate([[apart.sum()], apart.sum() + np.cumsum(np.where(apart, -1, 1))])
    place = int(right.argmax())
    edges = np.concatenate([[values[0] - 1], values, [values[-1] + 1]])
    return float(edges[place] + edges[place + 1]) / 2


def main(arguments=None):
    """Make texts, train, choose a threshold, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=60, help="seconds to train (default 60)")
    parser.add_argument("--examples", type=int, default=6000, help="sentences to train on (default 6000)")
    options = parser.parse_args(arguments)

    rng = np.random.default_rng(1234)
    made = {" ".join(parts): parts for parts in (sentence(rng) for _ in range(options.examples + 1000))}
    sentences = list(made.values())
    train, choose, judge = sentences[:-800], sentences[-800:-400], sentences[-400:]

    characters = NetEncoder(("Characters", CHARACTERS, {"TargetLength": LENGTH}))
    net = NetPairEmbeddingOperator([EmbeddingLayer(24), GatedRecurrentLayer(96), SequenceLastLayer(), 48], Input=characters)
    texts, differs = pairs(train, rng)
    # the loss pushes apart where its target is True
    data = {"Input": texts, "Target": differs}
    result = net_train(net, data, All, LossFunction=ContrastiveLossLayer(), TimeGoal=options.time, BatchSize=128, LearningRate=0.003)
    print(result)
    distances = {}
    for name, part in (("choose", choose), ("judge", judge)):
        texts, differs = pairs(part, rng)
        distances[name] = result.trained_net(texts), differs, texts
    distance, differs, _ = distances["choose"]
    threshold = best_threshold(distance, differs)
    distance, differs, texts = distances["judge"]
    alike = distance <= threshold
    print(f"threshold  {threshold:.4f}  (chosen on other sentences)")
    print(f"accuracy   {np.mean(alike != differs):.4f}  ({len(differs)} pairs of sentences never seen, half of them the same)")
    print(f"precision  {np.mean(~differs[alike]) if alike.any() else 0:.4f}  (of the pairs taken for the same)")
    print(f"recall     {np.mean(alike[~differs]):.4f}  (of the pairs that are)")
    for title, places in (("taken for the same, though different", alike & differs), ("not found", ~alike & ~differs)):
        print(f"\n{title}:")
        for place in np.flatnonzero(places)[:3]:
            print(f"  {distance[place]:.3f}  {texts[place][0].strip()!r}\n         {texts[place][1].strip()!r}")


if __name__ == "__main__":
    main()
