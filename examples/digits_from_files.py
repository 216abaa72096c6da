"""Digits in image files: a net that takes paths and answers with words, trained from the disk, saved, loaded, asked.

    python examples/digits_from_files.py [--rounds N] [--examples N] [--folder DIR]

The 1,797 images that come with scikit-learn, as PNG files of 32 x 32 points in a folder for each class. The net's encoder reads, scales and
normalises them, several threads some batches ahead of the training; its decoder names the class. The same images as arrays in memory give
the same net, bit for bit, which is shown with the time that each takes.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from netgraph import *

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


def write_files(folder, count):
    """Write `count` images as folder/name/number.png; their paths and names, in one order."""
    images, labels = load_digits(return_X_y=True)
    paths, names = [], []
    for number, (pixels, label) in enumerate(zip(images[:count], labels[:count], strict=True)):
        path = folder / NAMES[label] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((pixels.reshape(8, 8) * 15.9).astype(np.uint8)).resize((32, 32), Image.Resampling.NEAREST).save(path)
        paths.append(path)
        names.append(NAMES[label])
    return paths, names


def classifier():
    """Paths, or images, to the names of digits."""
    return NetChain(
        [
            *[ConvolutionLayer(16, 3), Ramp, PoolingLayer(2, 2)],
            *[ConvolutionLayer(32, 3), Ramp, PoolingLayer(2, 2)],
            *[FlattenLayer(), 64, Ramp, 10, SoftmaxLayer()],
        ],
        Input=NetEncoder(("Image", (16, 16), {"ColorSpace": "Grayscale", "MeanImage": 0.3, "VarianceImage": 0.14})),
        Output=NetDecoder(("Class", NAMES)),
    )


def main(arguments=None):
    """Write the files, train on them, save, load, ask."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10, help="rounds of training (default 10)")
    parser.add_argument("--examples", type=int, default=1797, help="how many images are used (default all)")
    parser.add_argument("--folder", help="where the files go (default a temporary folder)")
    options = parser.parse_args(arguments)

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(options.folder or scratch)
        paths, names = write_files(folder / "digits", options.examples)
        held = len(paths) // 5
        train, test = {"Input": paths[held:], "Output": names[held:]}, {"Input": paths[:held], "Output": names[:held]}
        words = {"MaxTrainingRounds": options.rounds, "BatchSize": 64, "Plan": "Reference", "RandomSeeding": 1}

        net = classifier()
        result = net_train(net, train, All, **words)
        trained = result["TrainedNet"]
        memory = {**train, "Input": net["Input"](train["Input"])}
        again = net_train(net, memory, All, TrainingProgressReporting=None, **words)
        print(f"from files         {result['TotalTrainingTime']:.1f} s for {result['TotalRounds']} rounds of {len(train['Input'])} files")
        same = "the same net" if again["TrainedNet"] == trained else "another net"
        print(f"from memory        {again['TotalTrainingTime']:.1f} s, {same}")

        loaded = net_load(net_save(trained, folder / "digits.safetensors"))
        measured = net_measurements(loaded, test, ["Accuracy", "F1Score"])
        worst = min(measured[1], key=measured[1].get)
        print(f"test accuracy      {measured[0]:.4f}  (worst class: {worst}, F1 {measured[1][worst]:.2f})")
        print(f"{Path(paths[0]).parent.name}/{paths[0].name}         {loaded(paths[0])}, {loaded(paths[0], ('TopProbabilities', 2))}")


if __name__ == "__main__":
    main()
