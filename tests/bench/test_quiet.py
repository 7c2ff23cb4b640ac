"""How busy others keep the machine, from a file of our own in the kernel's form."""

from medlms.bench import quiet


def test_share_of_time_used(tmp_path, monkeypatch):
    stat = tmp_path / "stat"
    stat.write_text("cpu  100 0 100 700 100 0 0 0 0 0\ncpu0 1 1 1 1\n", encoding="utf-8")

    def later(_seconds):
        # 100 more ticks: 25 used (one of them stolen by another guest), 75 idle or waiting for the disk.
        stat.write_text("cpu  114 0 110 765 110 0 0 1 0 0\ncpu0 1 1 1 1\n", encoding="utf-8")

    monkeypatch.setattr(quiet.time, "sleep", later)
    assert quiet.busy_share(stat=stat) == 0.25


def test_where_the_system_does_not_tell(tmp_path):
    assert quiet.busy_share(0, stat=tmp_path / "none") is None
    (tmp_path / "stat").write_text("intr 1 2\n", encoding="utf-8")
    assert quiet.busy_share(0, stat=tmp_path / "stat") is None
