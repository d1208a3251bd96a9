"""The prompt names what can be booked and with whom, as the manifests do."""

from askproai_operator.api import Branch, ServiceOffering
from askproai_operator.controllers.agent_plan.catalogue import describe_catalogue, known_questions
from askproai_operator.services import active_offerings
from askproai_sandbox.example_tenant import load_manifests
from tests.worlds import salon_models


def catalogue_of(example: str, *branch_names: str, many: int = 0) -> str:
    """Return an example's catalogue for an agent of these branches, or of all, with `many` further services."""
    objects = load_manifests(example)
    branches = [Branch.from_raw(raw) for raw in objects["Branch"]]
    branches = [branch for branch in branches if not branch_names or branch.metadata.name in branch_names]
    services = list(objects["ServiceOffering"])
    for number in range(many):
        raw = services[0]
        metadata = {**raw["metadata"], "name": f"service-{number}"}
        services.append({**raw, "metadata": metadata, "spec": {**raw["spec"], "displayName": f"Leistung {number}"}})
    return describe_catalogue(branches, active_offerings(map(ServiceOffering.from_raw, services), branches))


def test_hotline_lists_each_service_once_with_its_branches() -> None:
    assert catalogue_of("hotline.yaml").splitlines() == [
        "## Buchbar",
        "- Bartpflege (30 Minuten; auch: Bart, Rasur), nur in Haarwerk Pankow",
        (
            "- Färben (90 Minuten, davon 45 Minuten Wartezeit; auch: Farbe, Strähnen), nur in Haarwerk Mitte und Haarwerk Potsdam, "
            "nur bei Anna und David"
        ),
        "- Haarschnitt (45 Minuten; auch: Schneiden, Herrenschnitt, Damenschnitt)",
        "",
        "## Team",
        "- Haarwerk Mitte: Anna, Mehmet",
        "- Haarwerk Pankow: Clara",
        "- Haarwerk Potsdam: David",
    ]


def test_agent_names_other_branches_without_their_details() -> None:
    objects = load_manifests("hotline.yaml")
    pankow, *others = sorted(map(Branch.from_raw, objects["Branch"]), key=lambda each: each.metadata.name != "pankow")
    offerings = active_offerings(map(ServiceOffering.from_raw, objects["ServiceOffering"]), [pankow])
    assert describe_catalogue([pankow], offerings, ["WLAN?"], "de-DE", others).splitlines()[4:] == [
        "## Team",
        "- Haarwerk Pankow: Clara",
        "",
        "## Weitere Filialen",
        "- Haarwerk Mitte",
        "- Haarwerk Potsdam",
        "",
        "## Häufige Fragen",
        "- WLAN?",
    ]
    assert "## Other branches\n- Haarwerk Mitte" in describe_catalogue([pankow], offerings, (), "en-GB", others)


def test_agent_of_one_branch_lists_no_other_branch() -> None:
    assert catalogue_of("hotline.yaml", "pankow").splitlines() == [
        "## Buchbar",
        "- Bartpflege (30 Minuten; auch: Bart, Rasur)",
        "- Haarschnitt (45 Minuten; auch: Schneiden, Herrenschnitt, Damenschnitt)",
        "",
        "## Team",
        "- Haarwerk Pankow: Clara",
    ]


def test_service_limited_to_some_staff_names_these_people() -> None:
    staff = [{"id": "anna", "displayName": "Anna", "skills": ["claws"]}, {"id": "ben", "displayName": "Ben"}]
    branch, other = salon_models.branch(staff=staff), salon_models.branch("west", staff=staff[:1])
    claws = salon_models.offering(displayName="Krallen", spokenNames=[], requiredSkills=["claws"])
    line = "- Krallen (45 Minuten)"
    assert describe_catalogue([branch], [claws]).splitlines()[1] == f"{line}, nur bei Anna"
    west = salon_models.offering(
        displayName="Krallen", spokenNames=[], requiredSkills=["claws"], branchRef={"name": "west"}
    )
    assert describe_catalogue([other], [west]).splitlines()[1] == line, "everybody there can"
    assert describe_catalogue([branch, other], [claws, west]).splitlines()[1] == f"{line}, nur bei Anna", "once"
    assert "nur bei" not in describe_catalogue([branch], [salon_models.offering(requiredSkills=["none"])])


def test_staff_names_are_omitted_for_whole_teams() -> None:
    """Only Ben in one branch and Anna in the other can do it: "nur bei Ben und Anna" would be wrong for Anna's own branch."""
    anna, ben = {"id": "anna", "displayName": "Anna"}, {"id": "ben", "displayName": "Ben", "skills": ["claws"]}
    branches = [
        salon_models.branch(staff=[anna, ben]),
        salon_models.branch("west", staff=[anna | {"skills": ["claws"]}]),
    ]
    claws = [
        salon_models.offering(
            displayName="Krallen", spokenNames=[], requiredSkills=["claws"], branchRef={"name": branch.metadata.name}
        )
        for branch in branches
    ]
    assert describe_catalogue(branches, claws).splitlines()[1] == "- Krallen (45 Minuten)"


def test_staff_names_never_displace_services_in_the_prompt() -> None:
    able = [{"id": f"able-{n}", "displayName": f"Frau Doktor Ableson-{n}", "skills": ["claws"]} for n in range(40)]
    branch = salon_models.branch(staff=[*able, {"id": "ben", "displayName": "Ben"}])
    services = [
        salon_models.offering(displayName=f"Krallen {n}", spokenNames=[], requiredSkills=["claws"]) for n in range(20)
    ]
    lines = describe_catalogue([branch], services).splitlines()
    assert lines[:3] == ["## Buchbar", "- Krallen 0 (45 Minuten)", "- Krallen 1 (45 Minuten)"]
    assert "nur bei" not in "\n".join(lines), "and not of some of them"


def test_service_list_too_long_for_prompts_is_omitted() -> None:
    """A model takes half a list for the whole list. The functions still name all services."""
    assert catalogue_of("hotline.yaml", "pankow", many=400).splitlines() == ["## Team", "- Haarwerk Pankow: Clara"]


def test_catalogue_without_services_or_staff_is_empty() -> None:
    assert describe_catalogue([], []) == ""


def test_questions_are_listed_only_for_answering_agents() -> None:
    """The model recognizes a question by its meaning and passes its words to a function. The answer may change daily."""
    own = {"question": "Gibt es\nWLAN?", "answer": "Ja, geheim123."}
    branch, tenant = salon_models.branch(knowledge=[own]), salon_models.tenant()
    questions = known_questions(salon_models.agent(), tenant, [branch, branch])
    section = describe_catalogue([branch], [], questions).split("\n\n")[-1]
    assert section.splitlines() == [
        "## Häufige Fragen", "- Gibt es WLAN?", "- Kann ich mit Karte zahlen?", "- Verkaufen Sie Gutscheine?",
    ]  # fmt: skip
    assert known_questions(salon_models.agent(functions=["CheckAvailability"]), tenant, [branch]) == ()


def test_prices_hours_and_address_are_in_no_prompt() -> None:
    """Each change of a prompt publishes a version of the agent."""
    text = catalogue_of("salon.yaml")
    assert "Haarschnitt" in text
    assert not [word for word in ("39", "09:00", "Torstraße", "Rosenthaler") if word in text]


def test_service_is_named_with_customers_waiting_time() -> None:
    parts = [{"kind": "Work", "minutes": 30}, {"kind": "Wait", "minutes": 30}, {"kind": "Work", "minutes": 45}]
    colour = salon_models.offering(displayName="Farbe", spokenNames=["Färben"], durationMinutes=105, segments=parts)
    named = describe_catalogue([salon_models.branch()], [colour])
    assert "- Farbe (105 Minuten, davon 30 Minuten Wartezeit; auch: Färben)" in named


def test_catalogue_names_staff_needing_another_length() -> None:
    """A person with another price is not named: prices are in no prompt."""
    own = [{"staff": "anna", "durationMinutes": 60}, {"staff": "mehmet", "price": {"amount": "20"}}]
    staff = [{"id": "anna", "displayName": "Anna"}, {"id": "mehmet", "displayName": "Mehmet"}]
    cut = salon_models.offering(displayName="Schnitt", durationMinutes=45, requiredSkills=[], staffOverrides=own)
    named = describe_catalogue([salon_models.branch(staff=staff)], [cut])
    assert "- Schnitt (45 Minuten, bei Anna 60 Minuten" in named
    assert "Mehmet 45" not in named


def test_catalogue_omits_length_that_no_staff_needs() -> None:
    own = [{"staff": each, "durationMinutes": 60} for each in ("anna", "mehmet")]
    staff = [{"id": "anna", "displayName": "Anna"}, {"id": "mehmet", "displayName": "Mehmet"}]
    cut = salon_models.offering(displayName="Schnitt", durationMinutes=45, requiredSkills=[], staffOverrides=own)
    assert "- Schnitt (60 Minuten;" in describe_catalogue([salon_models.branch(staff=staff)], [cut])


def test_an_english_agent_reads_the_catalogue_in_english() -> None:
    objects = load_manifests("hotline.yaml")
    branches = [Branch.from_raw(raw) for raw in objects["Branch"]]
    offerings = active_offerings(map(ServiceOffering.from_raw, objects["ServiceOffering"]), branches)
    lines = describe_catalogue(branches, offerings, ["Is there parking?"], "en-GB").splitlines()
    assert lines[:2] == ["## Bookable", "- Bartpflege (30 minutes; also: Bart, Rasur), only at Haarwerk Pankow"]
    assert lines[-2:] == ["## Frequent questions", "- Is there parking?"]
