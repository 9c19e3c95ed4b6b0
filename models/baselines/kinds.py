"""The baselines that a leaderboard's configuration may name, each by its `kind`."""

from models.baselines.item_knn import ItemKNN
from models.baselines.popularity import Popularity
from models.baselines.recency import Recency
from models.baselines.session_knn import SessionKNN
from models.baselines.user_knn import UserKNN

BaselineConfig = Popularity | Recency | ItemKNN | UserKNN | SessionKNN
