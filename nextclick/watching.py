"""The output topic as a stream of lists."""

from collections.abc import Iterator

from nextclick.published_lists import PublishedList, decode_list
from nextclick.topic_reading import TopicReader


def published_lists(
    reader: TopicReader, user_id: str | None = None, *, from_beginning: bool = False, limit: int | None = None
) -> Iterator[tuple[PublishedList, bytes]]:
    """Yield lists and their bytes as they arrive; without a limit, for ever.

    Args:
        reader: Of the output topic.
        user_id: Only this user's.
        from_beginning: Begin with the oldest one instead of the next.
        limit: End after so many.

    Raises:
        BrokerError: If the broker stops answering.
        TopicError: If something else writes to the topic.
    """
    if from_beginning:
        reader.seek_to_beginning()
    else:
        reader.seek_to_end()
    wanted = None if user_id is None else user_id.encode()
    count = 0
    while limit is None or count < limit:
        for record in reader.poll():
            if wanted is None or record.key == wanted:
                yield decode_list(record), record.value
                count += 1
                if count == limit:
                    return
