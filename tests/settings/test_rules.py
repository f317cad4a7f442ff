from pathlib import Path

import pytest

from actors.healer.settings import HealerSettings
from actors.settings import ConfigError, check_machine, load
from actors.settings.rules import OWN_PRIORITY, read_rules, shipped_rules

WHOLE = """rules:
  - rule: quick
    when: kind == "crash" and exit_code == 3
    do: [hook:repair, restart]
    priority: 200
  - {rule: told, escalate: a person has to look}
"""


def faults_of(text, tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as refused:
        read_rules(path, "rules.yaml")
    return [str(fault) for fault in refused.value.faults]


def test_rules_are_read_with_the_line_they_stand_on(tmp_path):
    (tmp_path / "mine.yaml").write_text(WHOLE)
    first, second = read_rules(tmp_path / "mine.yaml", "mine.yaml")
    assert (first.rule.do, first.rule.priority, first.at) == (["hook:repair", "restart"], 200, "mine.yaml:2")
    assert (second.rule.when, second.rule.priority, second.at) == (None, OWN_PRIORITY, "mine.yaml:6")


@pytest.mark.parametrize("text", ["", "rules:\n", "rules: []\n"])
def test_a_file_may_have_no_rules(text, tmp_path):
    (tmp_path / "mine.yaml").write_text(text)
    assert read_rules(tmp_path / "mine.yaml", "mine.yaml") == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a\n", "rules.yaml:1: this is a list"),
        ("rules: [\n", "not YAML"),
        (
            "rules:\n- rule: a\n  do: [restart]\n  wen: x\n",
            'rules.yaml:4: rules[0].wen: unknown key; did you mean "when"?',
        ),
        ("rules:\n- rule: A b\n  do: [restart]\n", 'rules.yaml:2: rules[0].rule: "A b" is no name'),
        ("rules:\n- rule: a\n", "exactly one of do and escalate is needed"),
        ("rules:\n- rule: a\n  do: [restart]\n  escalate: x\n", "exactly one of do and escalate is needed"),
        ("rules:\n- rule: a\n  escalate: ' '\n", "rules.yaml:3: rules[0].escalate: is empty"),
        (
            'rules:\n- rule: a\n  do: [restart]\n  when: kind == "crahs"\n',
            'rules.yaml:4: rules[0].when: kind is never "crahs"; did you mean "crash"?',
        ),
        ("rules:\n- rule: a\n  do: [restrat]\n", 'rules.yaml:3: rules[0].do: unknown remedy "restrat"; did you mean'),
        ("rules:\n- rule: a\n  do: [hook]\n", '"hook" needs a name'),
        ("rules:\n- rule: a\n  do: ['signal:NOPE']\n", "rules.yaml:3: rules[0].do: "),
        (
            "rules:\n- {rule: a, do: [restart]}\n- {rule: a, do: [restart]}\n",
            'rules.yaml:3: rules[1].rule: "a" is the name of a rule above; allowed: another name',
        ),
    ],
)
def test_a_fault_is_one_line_with_its_place(text, says, tmp_path):
    (found,) = faults_of(text, tmp_path)
    assert says in found


def test_every_fault_is_told_at_once(tmp_path):
    text = "rules:\n- {rule: a, do: [restart], when: knd}\n- {rule: b, do: [restrat]}\n- {rule: c}\n"
    assert len(faults_of(text, tmp_path)) >= 2


def test_what_is_no_text_is_told(tmp_path):
    path = tmp_path / "rules.yaml"
    path.write_bytes(b"rules: \xff\n")
    with pytest.raises(ConfigError, match=r"rules.yaml:1: is not UTF-8"):
        read_rules(path, "rules.yaml")


def test_the_shipped_rules_have_no_fault_and_end_with_one_that_always_holds():
    rules = shipped_rules()
    assert min(rules, key=lambda placed: placed.rule.priority).rule.when is None
    assert all(placed.rule.priority < OWN_PRIORITY for placed in rules)


def settings_of(tmp_path, healer):
    path = tmp_path / "gyrostat.yaml"
    path.write_text(f"actors:\n  healer:\n    {healer}\n")
    return load(path, actor_types={"healer": HealerSettings}, resolve=None, environ={})


def test_a_file_of_rules_is_found_beside_the_config_and_checked_with_it(tmp_path):
    (tmp_path / "mine.yaml").write_text("rules:\n- {rule: a, do: [restrat]}\n")
    settings = settings_of(tmp_path, "rules: mine.yaml")
    assert Path(settings.actors["healer"].settings.rules) == tmp_path / "mine.yaml"
    (fault,) = check_machine(settings)
    assert str(fault).startswith('mine.yaml:2: rules[0].do: unknown remedy "restrat"')
    (tmp_path / "mine.yaml").write_text(WHOLE)
    assert check_machine(settings) == []


def test_a_file_of_rules_that_is_not_there_is_a_fault_of_the_key(tmp_path):
    (fault,) = check_machine(settings_of(tmp_path, "rules: none.yaml"))
    assert str(fault).endswith(
        f"gyrostat.yaml:3: actors.healer.rules: no file {tmp_path}/none.yaml; allowed: a file of rules"
    )
