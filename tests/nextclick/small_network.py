"""The configuration that tests of the training commands share: an LSTM that learns a made log in seconds."""

# Ends in the section [validation].
SMALL_NETWORK = """[network]
kind = "lstm"
embedding_size = 8
hidden_size = 8
embedding_dropout = 0.0
output_dropout = 0.0
[batches]
lanes = 4
loss_divisor = 4.0
[optimiser]
name = "adam"
learning_rate = 0.03
[validation]
share = 0.0
"""
