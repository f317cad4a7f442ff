from actors.faults.catalogue import FAULTS


def test_the_list_names_every_fault_and_what_is_right(gyrostat):
    code, out, _ = gyrostat("faults", "--list")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == [fault.name for fault in FAULTS]


def test_an_unknown_fault_is_answered_with_the_nearest(gyrostat):
    code, out, err = gyrostat("faults", "--only", "hang,memory_leek")
    assert (code, out) == (2, "")
    assert 'no fault "memory_leek"; did you mean "memory_leak"?' in err
