"""Languages are told where a text shows them, and left open where it does not."""

from __future__ import annotations

import pytest

from medlms.data.language import NOT_DETERMINED, account, language
from medlms.types import QA, Dialogue

TEXTS = {
    "English": "The doctor will ask about your symptoms and may do a blood test to find out what is causing them.",
    "German": "Der Arzt fragt nach den Beschwerden und kann eine Blutuntersuchung machen, um die Ursache zu finden.",
    "French": "Le médecin pose des questions sur les symptômes et peut faire une prise de sang pour en trouver la cause.",
    "Spanish": "El médico pregunta por los síntomas y puede hacer un análisis de sangre para encontrar la causa.",
    "Portuguese": "O médico pergunta pelos sintomas e pode pedir uma análise ao sangue para saber qual é a causa.",
    "Italian": "Il medico chiede dei sintomi e può fare un esame del sangue per capire qual è la causa della malattia.",
    "Dutch": "De arts vraagt naar de klachten en kan een bloedonderzoek doen om te weten wat de oorzaak is.",
    "Swedish": "Läkaren frågar om besvären och kan ta ett blodprov för att se vad det är som är orsaken till dem.",
    "Finnish": "Lääkäri kysyy oireista ja voi ottaa verikokeen, mutta se ei aina ole tarpeen kun oire on lievä.",
    "Polish": "Lekarz pyta o objawy i może zlecić badanie krwi, aby ustalić, co jest przyczyną i jak się to leczy.",
    "Czech": "Lékař se ptá na obtíže a může dát udělat krevní test, aby bylo jasné, co je příčinou a jak se to léčí.",
    "Hungarian": "Az orvos megkérdezi, hogy mi a panasz, és ha kell, vért is vesz, hogy kiderüljön, mi az ok.",
    "Turkish": "Doktor şikayetleri sorar ve nedeni bulmak için bir kan testi isteyebilir, bu çok kolay ve hızlı bir test.",
    "Indonesian": "Dokter akan bertanya tentang gejala dan dapat melakukan tes darah untuk mencari penyebab yang tidak jelas.",
    "Vietnamese": "Bác sĩ hỏi về các triệu chứng và có thể làm xét nghiệm máu để biết bệnh là gì khi không rõ.",
    "Greek": "Ο γιατρός ρωτά για τα συμπτώματα και κάνει εξετάσεις αίματος.",
    "Korean": "의사는 증상에 대해 묻고 혈액 검사를 할 수 있습니다.",
    "Japanese": "医師は症状について尋ね、血液検査を行うことがあります。",
    "Chinese": "医生会询问症状，并可能进行血液检查以查明原因。",
    "Hebrew": "הרופא שואל על התסמינים ועשוי לבצע בדיקת דם.",
    "Thai": "แพทย์จะถามเกี่ยวกับอาการและอาจตรวจเลือด",
    "Arabic script": "يسأل الطبيب عن الأعراض وقد يجري فحص دم.",
    "Cyrillic script": "Врач спрашивает о симптомах и может назначить анализ крови.",
    "Devanagari script": "डॉक्टर लक्षणों के बारे में पूछते हैं और रक्त परीक्षण कर सकते हैं।",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_sentence_shows_its_language(name: str) -> None:
    assert language(TEXTS[name]) == name
    assert language(TEXTS[name].upper()) == name


@pytest.mark.parametrize(
    "text",
    ["", "Yes.", "12.5 mg / 3 x 2", "Aspirin Ibuprofen Naproxen Diclofenac Celecoxib Ketorolac", "💧💧💧 ?!", "de la",
     "\x00\ud800 \ufffd",
     "Carcinoma in situ, Diabetes mellitus, Herpes zoster, Angina pectoris, Delirium tremens"],
)  # fmt: skip
def test_it_says_nothing_where_it_is_not_sure(text: str) -> None:
    assert language(text) == NOT_DETERMINED


def row(number: int, answer: str, source: str = "s") -> QA:
    return QA(f"{source}/{number}", source, "", f"f:{number}", "Why?", answer)


def test_rows_in_another_language_are_named() -> None:
    rows = [row(n, TEXTS["English"]) for n in range(5)] + [row(5, TEXTS["German"], "t"), row(6, "Yes.")]
    found = account(rows)
    assert found["main"] == "English"
    assert found["all"] == {"English": 5, "German": 1, NOT_DETERMINED: 1}
    assert found["sources"] == {"s": {"English": 5, NOT_DETERMINED: 1}, "t": {"German": 1}}
    assert found["others"] == 1
    assert found["first_others"] == [{"place": "f:5", "language": "German"}]


def test_no_language_is_the_main_one_unless_half_the_rows_are_in_it() -> None:
    found = account([row(1, TEXTS["English"]), row(2, TEXTS["German"])])
    assert (found["main"], found["others"]) == (NOT_DETERMINED, 0)
    assert account([])["main"] == NOT_DETERMINED


def test_of_a_dialogue_the_first_answer_is_looked_at() -> None:
    talk = Dialogue("a", "s", "", "f:1", "Why?", "Yes.", between=(TEXTS["Dutch"], "And?"))
    assert account([talk])["main"] == "Dutch"
