from medlms.data import duplicates


def test_only_equal_question_and_answer_are_dropped(qa) -> None:
    rows = [
        qa("1", "What is a cold?", "An infection."),
        qa("2", "what is a  COLD", "An infection"),
        qa("3", "What is a cold?", "Another answer."),
        qa("4", "What is flu?", "An infection."),
    ]
    kept, dropped = duplicates.drop(rows)
    assert [row.id for row in kept] == ["set/1", "set/3", "set/4"]
    assert [(name, fault.place, fault.detail) for name, fault in dropped] == [
        ("set", "set.jsonl:2", "as in set.jsonl:1")
    ]


def test_other_scripts_are_told_apart(qa) -> None:
    rows = [qa("1", "Что такое грипп?", "Болезнь."), qa("2", "Что такое кашель?", "Симптом.")]
    assert len(duplicates.drop(rows)[0]) == 2
