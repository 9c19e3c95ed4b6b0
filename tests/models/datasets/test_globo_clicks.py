from pathlib import Path

from models.datasets.globo_clicks import load

HEADER = "user_id,session_id,session_start,session_size,click_article_id,click_timestamp,click_environment\n"


def test_hours_are_read_in_order(tmp_path: Path) -> None:
    """All files that are there make one log, with the users and sessions of the source."""
    (tmp_path / "clicks_hour_001.csv").write_text(HEADER + "0,70,1506826800000,2,313504,1506830400001,4\n", "utf-8")
    (tmp_path / "clicks_hour_000.csv").write_text(HEADER + "0,70,1506826800000,2,235132,1506826800026,4\n", "utf-8")
    source = load(tmp_path)
    assert source.log.clicks.rows() == [
        ("0", "70", "235132", 1506826800026, None, None),
        ("0", "70", "313504", 1506830400001, None, None),
    ]
    assert source.catalogue is None
