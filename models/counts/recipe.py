"""How clicks are counted and how the counts enter a ranking: fitted once, kept with the model."""

from pathlib import Path

import msgspec

from models.bounds import AtLeastOne, AtLeastZero, NotNegative, Positive, ProperFraction
from models.errors import SettingsError


class CountsRecipe(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that counting and ranking by counts need to know; see `models.counts.ranking_rule` for the rule.

    Half lives are whole numbers of buckets, so that what a bucket weighs is the same number on every machine.

    Attributes:
        useless: Whether the counts did not improve the model's lists on the validation period: nothing is counted then.
        bucket_ms: Event time of a bucket.
        popularity_half_life: Buckets after which a click of an item counts half.
        transition_half_life: The same of a transition, an item clicked right after another in a session.
        cooccurrence_half_life: The same of a pair of items clicked in one session.
        popularity_weight: Of an item's share of all clicks; the share of the last item's transitions has 1.
        cooccurrence_weight: Of an item's share of what was clicked together with the last item.
        history_items: How many of a user's last items the shares are taken of.
        history_decay: What an item's shares weigh less than those of the item after it.
        smoothing: Clicks that each row is thought to have more than it has: what was seen once is no certainty.
        unseen: The share of an item of which nothing was counted.
        strength: What the logarithm of the mixed shares is multiplied by before the network's scores are added.
        demotion: What the share of an item is multiplied by that the user clicked lately.
        demoted_clicks: How many of the last clicks are lately.
        session_reach: Earlier clicks of a session that a click makes pairs with.
        row_length: Entries that are kept and read of each item's transitions and pairs, the largest.
        boost_length: Items of a user's list that counts of his last items may raise, and demote: A of rank.onnx.
        floor: Decayed counts below it are dropped.
        clicks_per_user: How often a user counts at most for an item in a bucket.
        trending_users: Decayed number of users, each once a bucket, that an item needs before its popularity counts.
    """

    useless: bool = False
    bucket_ms: AtLeastOne = 10_000
    popularity_half_life: AtLeastOne = 36
    transition_half_life: AtLeastOne = 180
    cooccurrence_half_life: AtLeastOne = 1_080
    popularity_weight: Positive = 0.1
    cooccurrence_weight: NotNegative = 0.3
    history_items: AtLeastOne = 2
    history_decay: ProperFraction = 0.2
    smoothing: Positive = 0.1
    unseen: Positive = 1e-4
    strength: Positive = 100.0
    demotion: Positive = 0.01
    demoted_clicks: AtLeastZero = 4
    session_reach: AtLeastOne = 10
    row_length: AtLeastOne = 32
    boost_length: AtLeastOne = 64
    floor: Positive = 1e-3
    clicks_per_user: AtLeastOne = 1
    trending_users: NotNegative = 0.0

    def __post_init__(self) -> None:
        if self.boost_length <= self.demoted_clicks:
            raise ValueError(f"{self.boost_length} boosts leave no room beside {self.demoted_clicks} demoted clicks")


def load_recipe(path: Path) -> CountsRecipe:
    """Read a recipe from JSON.

    Raises:
        SettingsError: If there is none, or it holds a key or a value that it must not.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=CountsRecipe)
    except (OSError, msgspec.DecodeError) as error:
        raise SettingsError(
            f"{path} is no recipe for live counts ({error}): make one with `nextclick fit-counts`."
        ) from error
