"""Faces that were never seen: a net learns from drawn faces of some people, and tells others apart.

    python examples/synthetic_faces.py [--time SECONDS | --rounds N] [--people N] [--loss NAME] [--picture FILE]

Each person is a choice of traits (the shape of the head, eyes, nose, mouth and hair, colours of skin, hair and eyes); each of the eight
pictures of 48 x 48 is that face turned, moved and lit in another way, with another expression and background, with noise, and one in three
with something before it. The people are split in three: the net learns from the first, the threshold for "the same person" is chosen on
the second, and every number printed is of the third unless its line says otherwise: accuracy on as many pairs of one person as of two (0.5
is chance), the area under the ROC curve of all pairs, and retrieval among all pictures. The picture shows people of the third part with
their nearest neighbours.
"""

import argparse

import numpy as np
from PIL import Image, ImageDraw

from netgraph import *

SIZE = 48
PICTURES = 8
LOSSES = {
    "multi-similarity": lambda people: MultiSimilarityLossLayer(),
    "triplet": lambda people: TripletLossLayer(0.2),
    "arcface": lambda people: ArcFaceLossLayer(people, 20, 32, LearningRateMultipliers=10),
}
# what makes a person, each uniform in a range; lengths in halves of the picture
TRAITS = {
    "head width": (0.40, 0.56), "head height": (0.54, 0.70), "jaw": (0.35, 0.85), "ears": (0.03, 0.10),
    "eye distance": (0.15, 0.26), "eye height": (-0.16, 0.02), "eye width": (0.06, 0.11), "eye shape": (0.45, 0.8),
    "brow": (0.015, 0.05), "brow tilt": (-0.05, 0.05), "brow height": (0.08, 0.15),
    "nose length": (0.12, 0.28), "nose width": (0.04, 0.11),
    "mouth width": (0.10, 0.22), "mouth height": (0.27, 0.38), "lips": (0.02, 0.055),
    "hairline": (5, 50), "hair volume": (0.02, 0.16), "hair length": (-0.4, 0.7),
    "skin": (0, 3), "hair": (0, 5), "eyes": (0, 4), "mouth": (0, 2),
}  # fmt: skip
COLOURS = {
    "skin": [(250, 218, 196), (230, 180, 140), (172, 116, 78), (100, 64, 44)],
    "hair": [(28, 24, 24), (84, 52, 32), (160, 104, 52), (226, 190, 112), (176, 74, 40), (176, 176, 176)],
    "eyes": [(60, 36, 20), (130, 88, 40), (84, 128, 72), (90, 140, 190), (130, 140, 150)],
    "mouth": [(206, 118, 110), (170, 60, 66), (120, 60, 56)],
}


def person(rng):
    """The traits of somebody."""
    return {name: rng.uniform(*ends) for name, ends in TRAITS.items()}


def colour(name, place, shade=1.0):
    """A colour between those of a list, darker or lighter."""
    low = min(int(place), len(COLOURS[name]) - 2)
    one, other = np.array(COLOURS[name][low]), np.array(COLOURS[name][low + 1])
    return tuple(int(value) for value in np.clip((one + (place - low) * (other - one)) * shade, 0, 255))


def picture(traits, rng):
    """One picture of a person, SIZE x SIZE x 3 bytes: drawn three times as large, turned and moved, lit, made small."""
    side = 3 * SIZE
    background = tuple(int(value) for value in rng.integers(30, 226, 3))
    canvas = Image.new("RGB", (side, side), background)
    draw_face(ImageDraw.Draw(canvas), traits, rng, side / 2)
    if rng.random() < 1 / 3:
        occlude(ImageDraw.Draw(canvas), rng, side)
    angle, scale = np.radians(rng.normal(0, 5)), 1 + rng.normal(0, 0.05)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / scale
    shift = side / 2 - turn @ (side / 2 + rng.normal(0, 0.03 * side, 2))
    canvas = canvas.transform(
        canvas.size, Image.Transform.AFFINE, (*turn[0], shift[0], *turn[1], shift[1]), Image.Resampling.BILINEAR, fillcolor=background
    )
    pixels = np.asarray(canvas.reduce(3), dtype=np.float32)
    # a lamp of some colour and strength, from somewhere
    along = np.linspace(-1, 1, SIZE)
    towards = rng.normal(0, 0.18, 2)
    light = rng.uniform(0.7, 1.15) * (1 + towards[0] * along[:, None] + towards[1] * along)
    pixels = pixels * light[:, :, None] * (1 + rng.normal(0, 0.04, 3)) + rng.normal(0, rng.uniform(2, 10), pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8)


def draw_face(pen, t, rng, half):
    """A face with some expression, looking to some side."""
    yaw, lids = rng.normal(0, 0.04), rng.uniform(0.5, 1.1)
    smile, frown, gape = rng.uniform((-1, -1, -1), 1).clip((-1, -1, 0))
    skin, hair = colour("skin", t["skin"]), colour("hair", t["hair"])
    dark = colour("skin", t["skin"], 0.75)

    def box(x, y, width, height):
        return [half * (1 + x - width), half * (1 + y - height), half * (1 + x + width), half * (1 + y + height)]

    def line(points, fill, width):
        pen.line([(half * (1 + x), half * (1 + y)) for x, y in points], fill=fill, width=max(1, round(width * half)), joint="curve")

    wide, high, more = t["head width"], t["head height"], t["hair volume"]
    pen.ellipse(box(-yaw, -more, wide + more, high + more / 2), fill=hair)
    pen.rectangle(box(-yaw, t["hair length"] / 2 - 0.1, wide + more * 0.9, max(t["hair length"] / 2 + 0.1, 0.01)), fill=hair)
    pen.rectangle(box(0, 0.75, 0.18, 0.3), fill=dark)
    for end in (-1, 1):
        pen.ellipse(box(end * wide - yaw, t["eye height"] + 0.1, t["ears"], 1.6 * t["ears"]), fill=dark)
    pen.ellipse(box(0, 0, wide, high), fill=skin)
    pen.rounded_rectangle(box(0, high * 0.45, wide * t["jaw"], high * 0.5), radius=half * 0.15, fill=skin)
    pen.chord(box(0, -0.01, wide + 0.01, high + 0.01), 180 + t["hairline"], 360 - t["hairline"], fill=hair)

    for end in (-1, 1):
        x, y, width = end * t["eye distance"] + 1.5 * yaw, t["eye height"], t["eye width"]
        height = width * t["eye shape"] * lids
        pen.ellipse(box(x, y, width, height), fill=(244, 244, 240))
        pen.ellipse(box(x + yaw, y, min(height, width * 0.55), height), fill=colour("eyes", t["eyes"]))
        pen.ellipse(box(x + yaw, y, height * 0.4, height * 0.4), fill=(16, 16, 16))
        top, tilt = y - t["brow height"] + 0.02 * frown, t["brow tilt"] + 0.02 * frown
        brow = [(x - end * width * 1.2, top + tilt), (x, top - 0.02), (x + end * width * 1.3, top - tilt)]
        line(brow, colour("hair", t["hair"], 0.7), t["brow"])
    root, tip = (1.5 * yaw, t["eye height"] + 0.05), t["eye height"] + 0.05 + t["nose length"]
    line([root, (3 * yaw + 0.5 * t["nose width"], tip), (3 * yaw - t["nose width"], tip)], dark, 0.03)
    pen.ellipse(box(3 * yaw, tip, t["nose width"], 0.03), fill=dark)

    across = np.linspace(-1, 1, 9)
    curve = t["mouth height"] - 0.06 * smile * across**2
    upper, lower = curve - t["lips"] * (1 - across**2), curve + (t["lips"] + 0.1 * gape) * (1 - across**2)
    outline = [*zip(across, upper, strict=True), *zip(across[::-1], lower[::-1], strict=True)]
    lips = [(half * (1 + x * t["mouth width"] + 1.5 * yaw), half * (1 + y)) for x, y in outline]
    pen.polygon(lips, fill=colour("mouth", t["mouth"]))
    if gape > 0.2:
        pen.ellipse(box(1.5 * yaw, t["mouth height"] + 0.05 * gape, t["mouth width"] * 0.6, 0.05 * gape), fill=(60, 20, 24))


def occlude(pen, rng, side):
    """Something before the face: a bar that hides a part of it."""
    x, y, width, height = rng.uniform(0.1, 0.9), rng.uniform(0.2, 0.95), rng.uniform(0.08, 0.25), rng.uniform(0.05, 0.15)
    shade = tuple(int(value) for value in rng.integers(0, 256, 3))
    pen.rectangle([side * (x - width), side * (y - height), side * (x + width), side * (y + height)], fill=shade)


def faces(people, rng):
    """Pictures of so many people, and whose they are."""
    pictures = [picture(traits, rng) for traits in [person(rng) for _ in range(people)] for _ in range(PICTURES)]
    return np.stack(pictures), np.repeat(np.arange(people), PICTURES)


def split(names):
    """Which pictures are of the people to learn from, to choose a threshold on, to judge by: 70, 10 and 20 of a hundred people."""
    people = names.max() + 1
    learned, chosen = people * 7 // 10, people * 8 // 10
    return names < learned, (names >= learned) & (names < chosen), names >= chosen


def embedder():
    """Images of faces to vectors of 64 numbers."""
    return NetChain(
        [
            *[ConvolutionLayer(16, 3, PaddingSize=1), BatchNormalizationLayer(), Ramp, PoolingLayer(2, 2)],
            *[ConvolutionLayer(32, 3, PaddingSize=1), BatchNormalizationLayer(), Ramp, PoolingLayer(2, 2)],
            *[ConvolutionLayer(64, 3, PaddingSize=1), BatchNormalizationLayer(), Ramp, PoolingLayer(2, 2)],
            *[FlattenLayer(), 64],
        ],
        Input=NetEncoder(("Image", (SIZE, SIZE), {"MeanImage": 0.5, "VarianceImage": 0.06})),
    )


def pairs(names, rng):
    """All pairs of pictures of one person, and as many of two people: (first, second, same)."""
    first, second = np.triu_indices(len(names), 1)
    same = names[first] == names[second]
    kept = np.concatenate([np.flatnonzero(same), rng.choice(np.flatnonzero(~same), same.sum(), replace=False)])
    return first[kept], second[kept], same[kept]


def similarities(embeddings, first, second):
    """The cosines of pairs."""
    directions = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    return (directions[first] * directions[second]).sum(1)


def best_threshold(similarity, same):
    """The similarity from which on most pairs are told rightly as the same."""
    order = np.argsort(-similarity, kind="stable")
    right = np.concatenate([[0], np.cumsum(np.where(same[order], 1, -1))])
    place = int(right.argmax())
    edges = np.concatenate([[np.inf], similarity[order], [-np.inf]])
    return float(edges[place]) if place == len(order) else float(edges[place] + edges[place + 1]) / 2


def scores(chosen, judged):
    """Of (embeddings, names): accuracy at a threshold that the first part chose, area under the ROC curve, MAP@R, recall at 1."""
    first, second, same = pairs(chosen[1], np.random.default_rng(1))
    threshold = best_threshold(similarities(chosen[0], first, second), same)
    first, second, same = pairs(judged[1], np.random.default_rng(2))
    accuracy = np.mean((similarities(judged[0], first, second) >= threshold) == same)
    asked = ["VerificationAreaUnderROCCurve", "MAPAtR", ("RecallAt", 1)]
    return [float(accuracy), *embedding_measurements(*judged, asked, Distance="CosineSimilarity")]


def main(arguments=None):
    """Draw faces, train, judge, show."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--time", type=float, default=50, help="seconds to train (default 50)")
    parser.add_argument("--rounds", type=int, help="rounds to train in place of a time")
    parser.add_argument("--people", type=int, default=400, help="how many people there are, 20 or more (default 400)")
    parser.add_argument("--loss", choices=list(LOSSES), default="multi-similarity", help="the loss (default multi-similarity)")
    parser.add_argument("--picture", default="synthetic_faces.png", help="where the picture of nearest neighbours goes")
    options = parser.parse_args(arguments)

    images, names = faces(options.people, np.random.default_rng(1234))
    train, choose, judge = split(names)
    data = Sampled((images[train], names[train]), MPerClassSampler(4))
    net = net_initialize(embedder())
    loss = LOSSES[options.loss](names[train].max() + 1)
    goal = {"TimeGoal": options.time} if options.rounds is None else {"MaxTrainingRounds": options.rounds}
    result = net_train(net, data, All, LossFunction=loss, BatchSize=64, **goal)
    print(result)

    unseen = len(np.unique(names[judge]))
    print(f"\n{f'people never seen: {unseen}':34}  accuracy  ROC area   MAP@R  recall@1")
    known = result.trained_net
    ways = {"pixels": lambda some: some.reshape(len(some), -1) / 255.0 - 0.5, "the net, untrained": net, "the net, trained": known}
    for name, embed in ways.items():
        found = scores((embed(images[choose]), names[choose]), (embed(images[judge]), names[judge]))
        print("{:34}    {:.4f}    {:.4f}  {:.4f}    {:.4f}".format(name, *found))
    some = names < unseen
    found = scores((known(images[choose]), names[choose]), (known(images[some]), names[some]))
    print("{:34}    {:.4f}    {:.4f}  {:.4f}    {:.4f}".format("for comparison: people trained on", *found))

    strips = neighbor_plot(images[judge], known(images[judge]), names[judge], Queries=8, Count=10, Distance="CosineSimilarity")
    strips.savefig(options.picture, dpi=100)
    print(f"picture  {options.picture}")


if __name__ == "__main__":
    main()
