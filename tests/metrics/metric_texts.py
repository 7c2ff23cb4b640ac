"""Texts that metrics are tried on: ordinary, empty, identical, in other scripts, very long; written for these tests."""

import numpy as np

from medlms.types import Prediction

WORDS = (
    "the a an fever cough lungs breathing doctor doctors treated treatment often may cause causes of in children "
    "adults, pain; swelling. infection (viral) 10 mg/kg 2.5 x-ray non-smoker's \"aura\" Crohn's naïve β-blocker"
).split()

PAIRS = (
    ("", ("A fever is a raised body temperature.",)),
    ("   ", ("Rest.", "Drink water.")),
    ("A fever.", ("",)),
    ("", ("",)),
    ("Rest and fluids.", ("Rest and fluids.",)),
    ("The rest, and fluids!", ("rest and fluids", "A doctor.")),
    ("rest", ("Call a doctor at once.", "Rest")),
    ("a an the", ("the",)),
    ("Die Lunge schmerzt. 肺が痛い、咳が出る。", ("Die Lunge tut weh. 肺が痛い。", "Легкие болят")),
    ("e\u0301 é ﬁbre ½ µg İstanbul ẞ", ("é e\u0301 fibre 1/2 μg istanbul ss",)),
    ("Line one.\nLine two.\n\n- item\t1", ("Line one. Line two. - item 1", "Line one.\nLine 2.")),
    ("ha ha ha ha ha ha ha ha ha ha", ("ha ha ha", "ha")),
    ("Running runners ran easily to the hospitals", ("The runner runs to a hospital with ease",)),
    ("Dose: 2.5 mg (twice daily), max. 10,000 IU &amp; rest.", ("Dose is 2.5 mg twice daily; maximum 10000 IU.",)),
)


def prediction(said, golds, number=0, **more):
    return Prediction(
        id=f"p{number}", group=f"g{number}", prompt="", said=said, golds=tuple(golds), finish_reason="stop", **more
    )


def random_text(generator, words):
    return " ".join(generator.choice(WORDS, size=words))


def varied(seed=0, items=40, longest=300):
    """Predictions over the pairs above and random texts of up to ``longest`` words with one to three references."""
    generator = np.random.default_rng(seed)
    pairs = list(PAIRS)
    for _ in range(items):
        said = random_text(generator, int(generator.integers(0, longest)))
        golds = [random_text(generator, int(generator.integers(1, longest))) for _ in range(generator.integers(1, 4))]
        if generator.random() < 0.3:
            golds.append(said[: len(said) // 2] or "x")
        pairs.append((said, tuple(golds)))
    pairs.append((random_text(generator, 4000), (random_text(generator, 2500),)))
    return [prediction(said, golds, number) for number, (said, golds) in enumerate(pairs)]
