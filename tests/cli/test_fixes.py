import json

import msgspec

from actors.healer.learning import Tally
from actors.healer.lore import Fix, Lore, LoreFile, Outcomes
from bus.errors import Refused
from bus.message import Done
from bus.messages import (
    ExplainDecision,
    ExportLore,
    FixesReport,
    FixIssue,
    FixRow,
    GetNode,
    ImportLore,
    LessonRow,
    ListFixes,
    LorePart,
    OmenRow,
    RemedyRow,
    RuleDecision,
    RuleRow,
    TallyRow,
)
from tests.cli import samples

TALLY = TallyRow(name="total", verified=3, returned=1, failed=1, mean_s=1.25)
REPORT = FixesReport(
    total=TALLY,
    success_rate=0.6,
    by_failure=[msgspec.structs.replace(TALLY, name="disk")],
    by_kind=[msgspec.structs.replace(TALLY, name="crash_loop", mean_s=None)],
    by_remedy=[msgspec.structs.replace(TALLY, name="hook:mend")],
    fixes=[
        FixRow(
            time=1.0,
            issue="i1",
            subject="web",
            issue_kind="crash",
            failure="disk",
            text="made room",
            remedy="",
            how="told",
        )
    ],
    omens=[
        OmenRow(
            subject="web", sign="log: a", before="crash, disk", seen=4, preceded=3, prevented=1, missed=0, lead_s=12.0
        )
    ],
    lessons=[LessonRow(time=2.0, subject="web", text="hook:mend is tried first")],
)
NOTHING = FixesReport(
    total=TallyRow(name="total", verified=0, returned=0, failed=0),
    success_rate=None,
    by_failure=[],
    by_kind=[],
    by_remedy=[],
    fixes=[],
    omens=[],
    lessons=[],
)
ROW = Outcomes(
    origin="alpha", subject="web", fingerprint="f", kind="crash", failure="disk", remedy="restart", tally=Tally()
)
FIX = Fix(
    fix="alpha:i1",
    origin="alpha",
    time=1.0,
    issue="i1",
    subject="web",
    fingerprint="f",
    kind="crash",
    failure="disk",
    text="x",
)


def test_a_person_says_what_fixed_an_issue(fake, gyrostat):
    fake.answers(FixIssue, Done(detail="crash of web was fixed by: restart; restart is tried first the next time"))
    assert gyrostat("fixed", "i1", "--by", "restart")[:2] == (
        0,
        "crash of web was fixed by: restart; restart is tried first the next time\n",
    )
    assert fake.asked[-1] == FixIssue(issue="i1", by="restart")
    assert json.loads(gyrostat("fixed", "i1", "--by", "x", "--json")[1])["detail"].startswith("crash of web")


def test_a_fix_without_words_is_refused(gyrostat, fake):
    code, _, err = gyrostat("fixed", "i1")
    assert code == 2
    assert "--by" in err
    fake.answers(FixIssue, Refused("no issue begins with 'i9'"))
    assert gyrostat("fixed", "i9", "--by", "x") == (1, "", "gyrostat: no issue begins with 'i9'\n")


def test_fixes_sums_up_what_was_learnt(fake, gyrostat):
    fake.answers(ListFixes, REPORT)
    code, out, _ = gyrostat("fixes", "-n", "7")
    assert code == 0
    assert fake.asked[-1] == ListFixes(limit=7)
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[0] == "5 attempts; 60% helped, in 1.25 s in the mean"
    assert "disk 3 1 1 60% 1.25 s" in lines
    assert "crash_loop 3 1 1 60% -" in lines
    assert any("web crash, disk told - made room" in line for line in lines)
    assert "log: a web crash, disk 4 3 1 0 12 s" in lines
    assert any(line.endswith("web hook:mend is tried first") for line in lines)
    assert json.loads(gyrostat("fixes", "--json")[1])["success_rate"] == 0.6


def test_fixes_of_a_node_that_learnt_nothing_says_so(fake, gyrostat):
    fake.answers(ListFixes, NOTHING)
    assert gyrostat("fixes")[:2] == (0, "nothing was learnt yet\n")


def test_what_was_exported_can_be_imported(fake, gyrostat, tmp_path):
    parts = [Lore(outcomes=[ROW]), Lore(fixes=[FIX])]
    fake.answers(GetNode, samples.node())
    fake.answers(
        ExportLore, lambda command: LorePart(text=msgspec.json.encode(parts[command.part]).decode(), parts=len(parts))
    )
    code, out, _ = gyrostat("fixes", "export", "lore.json")
    assert (code, out) == (0, "lore.json: 1 outcome, 1 fix by people, 0 signs\n")
    whole = msgspec.json.decode((tmp_path / "lore.json").read_bytes(), type=LoreFile)
    assert (whole.node, whole.lore) == ("alpha", Lore(outcomes=[ROW], fixes=[FIX]))
    fake.answers(ImportLore, Done(detail="new here: 1 of 1 outcomes"))
    assert gyrostat("fixes", "import", "lore.json")[:2] == (0, "new here: 1 of 1 outcomes\n")
    assert msgspec.json.decode(fake.asked[-1].text, type=Lore) == whole.lore


def test_what_is_no_export_is_one_line(fake, gyrostat, tmp_path):
    code, _, err = gyrostat("fixes", "import", "none.json")
    assert (code, err) == (1, "gyrostat: none.json: No such file or directory\n")
    (tmp_path / "bad.json").write_text("{}")
    code, _, err = gyrostat("fixes", "import", "bad.json")
    assert code == 1
    assert err.startswith("gyrostat: bad.json: is not what gyrostat fixes export writes: ")
    assert len(err.splitlines()) == 1
    fake.answers(GetNode, samples.node())
    fake.answers(ExportLore, LorePart(text="{}", parts=1))
    assert gyrostat("fixes", "export", "no/dir.json")[0] == 1


DECISION = RuleDecision(
    issue="i1",
    summary="exited with code 1",
    rule="paths",
    told_only="",
    remedies=[RemedyRow(remedy="make_directory", why="2 times helped")],
    left_out=[RemedyRow(remedy="hook:repair", why="it declares no hook repair")],
    looked=[
        RuleRow(rule="import", at="rules.yaml:38", priority=70, why="failure == 'import' does not hold"),
        RuleRow(rule="paths", at="rules.yaml:53", priority=70, why=""),
    ],
    names={"kind": '"crash"'},
    known="made room (i0)",
)


def test_explain_says_which_rule_decides_and_why_the_others_did_not(fake, gyrostat):
    fake.answers(ExplainDecision, DECISION)
    code, out, _ = gyrostat("explain", "i1", "--all")
    assert code == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert "decided by rule paths" in lines
    assert "a person fixed it before: made room (i0)" in lines
    assert "make_directory 2 times helped" in lines
    assert "hook:repair it declares no hook repair" in lines
    assert "import 70 rules.yaml:38 failure == 'import' does not hold" in lines
    assert "paths 70 rules.yaml:53 decides" in lines
    assert 'kind "crash"' in lines
    assert json.loads(gyrostat("explain", "i1", "--json")[1])["rule"] == "paths"


def test_explain_says_when_no_rule_decides_and_why_nothing_is_tried(fake, gyrostat):
    empty = msgspec.structs.replace(DECISION, remedies=[], left_out=[], looked=[], known="")
    fake.answers(ExplainDecision, msgspec.structs.replace(empty, rule="", told_only="no rule says what to do"))
    out = gyrostat("explain", "i1")[1]
    assert "decided by no rule" in out
    assert "nothing is tried: no rule says what to do" in out
    fake.answers(ExplainDecision, msgspec.structs.replace(empty, rule="heal"))
    assert "decided by heal in the workload's config" in gyrostat("explain", "i1")[1]
