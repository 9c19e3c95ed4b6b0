"""Every error that nextclick raises on purpose.

    NextclickError              what is wrong, where, and what to do: printed as one line, exit code 1
    ├── DataError               a click log or data set cannot be read as what it claims to be
    │   └── RecordingError      a recording or its golden lists are cut short, damaged or of another version
    ├── TrainingError           training cannot go on (a loss that is not finite, an empty training set)
    │   └── TrainingInterrupted it was asked to stop, and has left a state to go on with
    ├── CheckpointError         a checkpoint is missing, incomplete or of another version
    ├── ArtifactError           an artifact is missing, half-written, tampered with or too new
    │   ├── VocabularyError     its items disagree with its manifest, or two items share a hash
    │   └── ParityError         the exported graphs do not compute what the network computes
    ├── CatalogueError          no item, or more than one, goes by the name that a person gave
    ├── SettingsError           a setting is unknown, malformed or contradicts another
    ├── BrokerError             Kafka cannot be reached or used as configured
    │   └── TopicError          a topic is missing or has the wrong partitions
    └── StateRecordError        a state record does not decode; carried as a value, never ends a worker

A click that cannot be used is not an error: it is a `workers.events.Rejection`, a value with its reason and its bytes.
"""


class NextclickError(Exception):
    """What is wrong, where, and what to do, in one sentence or two for a person."""


class DataError(NextclickError):
    """A click log or data set cannot be read as what it claims to be."""


class RecordingError(DataError):
    """A recording or its golden lists are cut short, damaged or of another version."""


class TrainingError(NextclickError):
    """Training cannot go on."""


class TrainingInterrupted(TrainingError):  # noqa: N818 - somebody stopped it: nothing is wrong
    """Training was asked to stop, and has left a state to go on with."""


class CheckpointError(NextclickError):
    """A checkpoint is missing, incomplete or of another version."""


class ArtifactError(NextclickError):
    """An artifact is missing, half-written, tampered with or too new."""


class VocabularyError(ArtifactError):
    """An artifact's items disagree with its manifest, or two items share a hash."""


class ParityError(ArtifactError):
    """The exported graphs do not compute what the network computes."""


class CatalogueError(NextclickError):
    """No item, or more than one, goes by the name that a person gave."""


class SettingsError(NextclickError):
    """A setting is unknown, malformed or contradicts another."""


class BrokerError(NextclickError):
    """Kafka cannot be reached or used as configured."""


class TopicError(BrokerError):
    """A topic is missing or has the wrong partitions."""


class StateRecordError(NextclickError):
    """A state record does not decode."""


class CountsRecordError(NextclickError):
    """A record of the counts topic does not decode."""
