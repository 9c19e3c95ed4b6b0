"""Synthetic articles: made up from lists of words, so that text tells the topic and nobody takes it for news.

Every article belongs to a topic, a topic to a category. A topic prefers a few of its category's subjects; title and
summary are sentences put together from them, so that two articles on a topic share words and two of different
categories hardly any.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# The subjects of each category, and what is said of them.
SUBJECTS = {
    "economy": "bank budget market tariff harbour factory wage loan currency export merger strike inflation pension",
    "politics": "parliament minister election coalition treaty senate reform veto mayor campaign ballot embassy decree",
    "sport": "striker marathon stadium coach relay keeper derby regatta sprinter league penalty transfer medal",
    "science": "telescope fossil comet genome reactor glacier enzyme satellite neuron laser vaccine volcano microbe",
    "culture": "orchestra novel gallery festival sculptor opera museum poet premiere ballet painter archive choir",
    "travel": "island railway ferry hostel canyon airport lighthouse vineyard castle lagoon tunnel passport trail",
    "health": "clinic nurse allergy surgeon vitamin pharmacy sleep therapy diet hospital virus heart posture dentist",
    "technology": "robot compiler battery drone chip browser sensor startup encryption server firmware network",
}
VERBS = (
    "outshines",
    "delays",
    "rescues",
    "surprises",
    "divides",
    "follows",
    "reopens",
    "questions",
    "unites",
    "misses",
)
ADJECTIVES = ("quiet", "record", "northern", "forgotten", "early", "costly", "gentle", "restless", "second", "hidden")
PLACES = (
    "Aldermoor",
    "Brinkwater",
    "Castellon Bay",
    "Dunmarrow",
    "Eastholm",
    "Farrowgate",
    "Glenwick",
    "Holloway Point",
)
FIRST_NAMES = ("Ada", "Bruno", "Clara", "Dorian", "Edda", "Felix", "Greta", "Hugo", "Ines", "Jonas", "Karla", "Leo")
LAST_NAMES = ("Abel", "Birk", "Corvin", "Dahl", "Ember", "Falk", "Grell", "Hasel", "Imhof", "Jarn")
# A topic's own subjects, and how often it uses these and not another of its category.
SUBJECTS_OF_TOPIC = 4
FAITHFULNESS = 0.8
AUTHORS_OF_CATEGORY = 6


@dataclass(frozen=True)
class Topics:
    """What articles are about: T topics.

    Attributes:
        category: The name of each topic's category, (T,).
        subjects: Each topic's own subjects.
    """

    category: tuple[str, ...]
    subjects: tuple[tuple[str, ...], ...]

    def __len__(self) -> int:
        return len(self.category)


@dataclass(frozen=True)
class Article:
    """What a reader sees of an article before he clicks."""

    title: str
    summary: str
    author: str


def make_topics(count: int, generator: np.random.Generator) -> Topics:
    """Deal topics to categories in turn, each with subjects of its own choice."""
    categories = tuple(SUBJECTS)
    names = tuple(categories[number % len(categories)] for number in range(count))
    chosen = [generator.choice(SUBJECTS[name].split(), SUBJECTS_OF_TOPIC, replace=False).tolist() for name in names]
    return Topics(names, tuple(tuple(subjects) for subjects in chosen))


def write_article(topics: Topics, topic: int, generator: np.random.Generator) -> Article:
    """Make an article up."""
    category = topics.category[topic]
    first, second, third, fourth = _subjects(topics, topic, generator)
    verbs = generator.choice(VERBS, 3)
    adjectives = generator.choice(ADJECTIVES, 3)
    place = generator.choice(PLACES)
    title = f"{adjectives[0].capitalize()} {first} {verbs[0]} {second}"
    summary = (
        f"In {place}, the {adjectives[1]} {first} {verbs[1]} the {third}. "
        f"Observers of {category} say that a {adjectives[2]} {fourth} {verbs[2]} the {second}."
    )
    return Article(title, summary, _author(category, int(generator.integers(AUTHORS_OF_CATEGORY))))


def _subjects(topics: Topics, topic: int, generator: np.random.Generator) -> list[str]:
    """Choose four: each the topic's own, or now and then any of its category."""
    own = generator.permutation(topics.subjects[topic])
    others: NDArray[np.str_] = generator.permutation(SUBJECTS[topics.category[topic]].split())
    is_own = generator.random(SUBJECTS_OF_TOPIC) < FAITHFULNESS
    return [str(subject) for subject in np.where(is_own, own, others[:SUBJECTS_OF_TOPIC])]


def _author(category: str, number: int) -> str:
    """Name one of a category's authors; nobody writes for two."""
    person = list(SUBJECTS).index(category) * AUTHORS_OF_CATEGORY + number
    return f"{FIRST_NAMES[person % len(FIRST_NAMES)]} {LAST_NAMES[person // len(FIRST_NAMES) % len(LAST_NAMES)]}"
