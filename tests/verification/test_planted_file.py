from crossvad.store.store import Store
from crossvad.studies.planted_rows import COLUMNS
from crossvad.verification.reproduction import verify_csv


def test_rows_of_planted_anomalies_are_held_to_their_schema(bench, tmp_path):
    line = "apn,1.1,ped2,d,quick,finetune,10,10,0,1,0,ped2,1,2,3,4,5,{square}"
    path = tmp_path / "results" / "planted.csv"
    path.parent.mkdir()
    path.write_text("\n".join([",".join(COLUMNS), line.format(square=6)]) + "\n")
    assert verify_csv(path, Store(path.parent)) == ("1 row of planted anomalies fit their schema", [])
    assert bench("verify", "--quiet").code == 0
    path.write_text("\n".join([",".join(COLUMNS), line.format(square=106)]) + "\n")
    done = bench("verify", "--quiet")
    assert done.code == 1 and "has an AUC that is not from 0 to 100" in done.out + done.err
