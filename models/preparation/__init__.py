"""From a click log, whatever its format and size, to a data set that is ready to train on."""
