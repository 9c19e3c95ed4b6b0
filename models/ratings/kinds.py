"""The rating models that a leaderboard's configuration may name, each by its `kind`."""

from models.ratings.matrix_factorisation import MatrixFactorisation
from models.ratings.means import ItemMean, UserMean
from models.ratings.rating_lstm import RatingLSTM

RatingModelConfig = UserMean | ItemMean | MatrixFactorisation | RatingLSTM
