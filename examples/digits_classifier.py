"""Handwritten digits: a small convolutional net, stopped when the validation set no longer gains, and what it confuses.

    python examples/digits_classifier.py [--rounds N] [--examples N] [--picture FILE]

The 1,797 images of 8 x 8 points that come with scikit-learn. A fifth is kept for the test and seen by no part of the training; a fifth of
the rest validates it. The net with the best validation accuracy comes back.
"""

import argparse

import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from netgraph import *


def digits(count, rng):
    """(training data, test data) of `count` images: pairs of columns, images of one channel with values from 0 to 1 and digits."""
    images, labels = load_digits(return_X_y=True)
    rows = rng.permutation(len(labels))[:count]
    images, labels = (images[rows] / 16).astype(np.float32).reshape(-1, 1, 8, 8), labels[rows]
    held = count // 5
    return (images[held:], labels[held:]), (images[:held], labels[:held])


def classifier():
    """Two convolutions, each normalised, and a hidden layer with dropout."""
    return NetChain(
        {
            "features": NetChain(
                [
                    *[ConvolutionLayer(32, 3, PaddingSize="Same"), BatchNormalizationLayer(), Ramp, PoolingLayer(2, 2)],
                    *[ConvolutionLayer(64, 3, PaddingSize="Same"), BatchNormalizationLayer(), Ramp, PoolingLayer(2, 2)],
                ]
            ),
            "flat": FlattenLayer(),
            "hidden": NetChain([64, Ramp, DropoutLayer(0.3)]),
            "digit": 10,
            "probabilities": SoftmaxLayer(),
        },
        Input=(1, 8, 8),
    )


def straight(train, test):
    """The share that logistic regression on the points gets right."""
    (images, labels), (others, answers) = train, test
    model = LogisticRegression(max_iter=200).fit(images.reshape(len(images), -1), labels)
    return float((model.predict(others.reshape(len(others), -1)) == answers).mean())


def main(arguments=None):
    """Train, measure, draw."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="rounds at most (default 100)")
    parser.add_argument("--examples", type=int, default=1797, help="how many images are used (default all)")
    parser.add_argument("--picture", default="digits_classifier.png", help="where the picture goes")
    options = parser.parse_args(arguments)

    train, test = digits(options.examples, np.random.default_rng(1234))
    result = net_train(
        classifier(),
        train,
        All,
        ValidationSet=Scaled(0.2),
        TrainingProgressMeasurements="Accuracy",
        TrainingStoppingCriterion={"Criterion": "Accuracy", "Patience": 10},
        BatchSize=32,
        MaxTrainingRounds=options.rounds,
    )
    net = result.trained_net
    accuracy, errors, recall, figure = net_measurements(net, test, ["Accuracy", "ErrorRate", "Recall", "ConfusionMatrixPlot"])
    print(result)
    print(f"best round         {result.best_validation_round} of {result.total_rounds}")
    print(f"test accuracy      {accuracy:.4f}  ({round(errors * len(test[1]))} of {len(test[1])} wrong)")
    print(f"hardest digit      {min(recall, key=recall.get)}")
    print(f"straight accuracy  {straight(train, test):.4f}  (logistic regression)")
    figure.savefig(options.picture, dpi=110)
    print(f"picture            {options.picture}")


if __name__ == "__main__":
    main()
