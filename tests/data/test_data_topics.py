from medlms.data import topics


def test_questions_get_the_longest_topic_that_they_name(qa) -> None:
    rows = [
        qa("1", "x", "y", topic="Diabetes"),
        qa("2", "x", "y", topic="Type 2 Diabetes"),
        qa("3", "How is type 2 diabetes treated?", "y"),
        qa("4", "Which foods help in diabetes?", "y"),
        qa("5", "When to call a doctor?", "y"),
        qa("6", "What helps against corns?", "y"),
    ]
    named, count = topics.name(rows, ["Corn", "Doctor, who"])
    assert [row.topic for row in named] == ["Diabetes", "Type 2 Diabetes", "type 2 diabetes", "diabetes", "", "corn"]
    assert count == 3
    assert named[2].links == ("topic:type 2 diabetes",)


def test_plurals_are_linked_and_everyday_words_are_no_topics(qa) -> None:
    rows = [
        qa("1", "x", "y", topic="Allergies"),
        qa("2", "x", "y", topic="Allergy"),
        qa("3", "x", "y", topic="Surgery"),
        qa("4", "What to expect from surgery?", "y"),
        qa("5", "x", "y", topic="Wart"),
        qa("6", "x", "y", topic="Warts"),
    ]
    named, _ = topics.name(rows)
    assert named[3].topic == ""
    assert named[5].links == ("topic:wart",)
    assert named[5].topic == "Warts"
