"""How large records may be, by topic, in bytes."""

# Largest batch of the click topic. Kafka's default is 12 bytes more, the overhead of one record of an older format.
CLICK_BYTES = 1 << 20
# A dead letter is the record itself and headers that say why: a limit no larger than the click topic's would make the
# largest records impossible to set aside. The same bound holds for a producer's `max_request_size`.
DEAD_LETTER_BYTES = CLICK_BYTES + (64 << 10)
# Largest record that can be set aside, uncompressed and with its headers; a compressed batch may hold larger ones, and
# so may a click topic of other making. The rest is for the batch around it and for the headers that say why.
RECORD_BYTES = DEAD_LETTER_BYTES - (4 << 10)
