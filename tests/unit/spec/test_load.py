"""From a file or text to a `Spec`: defaults, overrides, and every way a file cannot be read."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from rowmill.spec.load import Overrides, load_spec
from rowmill.spec.problems import InvalidManifest

HERE = Path(__file__).parent

BASE = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - {name: people, rows: 100, columns: [{name: id, type: bigint}]}
    - {name: fixed, rows: 7, scales: false, columns: [{name: id, type: bigint}]}
  destinations:
    parquet: {bucket: lake}
    postgres: {}
"""


def _refusal(text: str, overrides: Overrides | None = None) -> list[str]:
    with pytest.raises(InvalidManifest) as caught:
        load_spec("shop.yaml", text=text, overrides=overrides or Overrides())
    return [str(problem) for problem in caught.value.problems]


def _paths(text: str) -> list[str]:
    return [problem.split(":")[0] for problem in _refusal(text)]


def _unreadable(path: Path | str) -> str:
    with pytest.raises(InvalidManifest) as caught:
        load_spec(path)
    return str(caught.value)


def test_a_file_and_its_text_are_one_spec(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_text(BASE, encoding="utf-8")
    assert load_spec(path) == load_spec(str(path)) == load_spec("any name", text=BASE)


def test_defaults_that_the_experiment_gives() -> None:
    spec = load_spec("", text=BASE)
    assert spec.parquet is not None
    assert spec.postgres is not None
    assert (spec.name, spec.namespace, spec.rerun) == ("shop", "local", "")
    assert (spec.parquet.prefix, spec.parquet.compression) == ("shop/", "zstd")
    assert (spec.postgres.schema, spec.postgres.ledger_schema) == ("shop", "rowmill")
    assert spec.postgres.constraints == "all"
    assert spec.parquet.embedded
    assert spec.postgres.embedded
    assert not spec.parquet.replace
    assert (spec.parallelism, spec.batch_rows, spec.memory_limit) == (None, None, None)
    assert spec.retries_per_shard == 6
    assert not spec.verify_after_run


def test_every_field_arrives() -> None:
    spec = load_spec(HERE / "valid" / "as-kubectl-gives-it.yaml")
    assert spec.parquet is not None
    assert spec.postgres is None
    assert (spec.parallelism, spec.batch_rows) == (8, 20_000)
    assert spec.memory_limit == 2**30
    assert spec.retries_per_shard == 3
    assert spec.verify_after_run
    assert (spec.parquet.prefix, spec.parquet.region) == ("", "eu-west-1")
    assert spec.parquet.secret_name == "lake.credentials"
    assert not spec.parquet.embedded


def test_prefixes_are_verbatim_with_a_slash() -> None:
    for written, meant in [
        ("a", "a/"),
        ("a/", "a/"),
        ("a//", "a//"),
        ("/", "/"),
        ("../ä", "../ä/"),
    ]:
        spec = load_spec("", text=BASE.replace("bucket: lake", f"bucket: lake, prefix: {written}"))
        assert spec.parquet is not None
        assert spec.parquet.prefix == meant


def test_overrides_win() -> None:
    for scale in ("0.5", 0.5, Decimal("0.5")):
        spec = load_spec("", text=BASE, overrides=Overrides(scale=scale, seed=-3))
        assert [table.rows for table in spec.dataset.tables] == [50, 7]
        assert spec.dataset.seed == -3


def test_a_scale_is_its_decimal_text_not_its_binary_value() -> None:
    text = BASE.replace("rows: 100", "rows: 1000000000000")
    spec = load_spec("", text=text, overrides=Overrides(scale=0.1))
    assert spec.dataset.table("people").rows == 100_000_000_000


@pytest.mark.parametrize("scale", ["0", "-1", "many", "nan", "inf", "", 0.0])
def test_bad_scales(scale: str | float) -> None:
    (message,) = _refusal(BASE, Overrides(scale=scale))
    assert message == f"the scale {scale} is no number above 0; give, say, 0.1"


def test_bad_seed() -> None:
    (message,) = _refusal(BASE, Overrides(seed=2**63))
    assert message.startswith("the seed 9223372036854775808 is out of range; ")


def test_a_bad_scale_is_told_beside_what_is_wrong_in_the_manifest() -> None:
    text = BASE.replace("rows: 7, ", "").replace("rows: 100", "rows: many")
    messages = _refusal(text, Overrides(scale="many", seed=2**63))
    assert [message.split(":")[0].split(" ")[:2] for message in messages] == [
        ["the", "scale"],
        ["the", "seed"],
        ["spec.tables[0].rows"],
        ["spec.tables[1]"],
    ]


def test_a_scale_from_outside_is_known_whatever_the_manifest_has() -> None:
    text = BASE.replace("  tables:", "  scale: much\n  tables:")
    text = text.replace(
        "rows: 100, columns: [{name: id, type: bigint",
        "rows: 100, columns: [{"
        "name: id, type: bigint, unique: true, generate: {integer: {min: 1, max: 50}}",
    )
    assert _paths(text) == ["spec.scale"]
    found = _refusal(text, Overrides(scale="1"))
    assert [m.split(":")[0] for m in found] == ["spec.scale", "spec.tables[0].columns[0].unique"]


def test_keys_that_cannot_be_read_hide_only_what_they_may_be() -> None:
    text = BASE.replace("rows: 100", "rows: 100, rows: 5, 5: x, y: z").replace("rows: 7, ", "")
    assert sorted(_paths(text)) == [
        "spec.tables[0]",
        "spec.tables[0]",
        "spec.tables[0].rows",
        "spec.tables[1]",
    ]


def test_of_an_unknown_type_that_is_told_which_is_wrong_by_every_type() -> None:
    columns = (
        "{name: a, type: string, generate: {integer: {min: 100000, max: 5}}}, "
        "{name: b, type: string, generate: {template: '{gone}'}}, "
        "{name: c, type: string, generate: {choice: {values: [x], weights: [1, 2]}}}, "
        # By a wide enough type these are right.
        "{name: d, type: string, generate: {integer: {min: 1, max: 100000}}}, "
        "{name: e, type: string, generate: {constant: 2020-13-45}}"
    )
    text = BASE.replace("{name: id, type: bigint}", columns, 1)
    assert [path for path in _paths(text) if not path.endswith(".type")] == [
        "spec.tables[0].columns[0].generate.integer.min",
        "spec.tables[0].columns[1].generate.template",
        "spec.tables[0].columns[2].generate.choice.weights",
    ]


def test_a_cycle_hides_nothing_else() -> None:
    loop = "{name: a, type: text, generate: {template: '{b}'}}, "
    loop += "{name: b, type: text, generate: {template: '{a}'}}, "
    loop += "{name: c, type: varchar(3), generate: {template: '{a}'}}, "
    loop += "{name: d, type: text, unique: true, generate: {constant: x}}"
    text = BASE.replace(
        "{name: id, type: bigint}]}\n    - {name: fixed", f"{loop}]}}\n    - {{name: fixed"
    )
    assert _paths(text) == [
        "spec.tables[0].columns[0].generate",
        "spec.tables[0].columns[3].unique",
    ]


def test_what_is_wrong_with_fields_together_is_told_beside_what_is_wrong_in_them() -> None:
    both = BASE.replace(
        "postgres: {}", "postgres: {secretName: s, auth: ambient, schema: pg_x, x: 1}"
    )
    assert _paths(both) == [
        "spec.destinations.postgres",
        "spec.destinations.postgres.schema",
        "spec.destinations.postgres.x",
    ]
    two = BASE.replace(
        "name: id, type: bigint",
        "name: id, type: bigint, generate: {sequence: {start: x}, uuid: {version: 5}}",
        1,
    )
    column = "spec.tables[0].columns[0].generate"
    assert sorted(_paths(two)) == [column, f"{column}.sequence.start", f"{column}.uuid.version"]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    assert _unreadable(tmp_path / "no.yaml") == f"{tmp_path}/no.yaml: no such file or directory"
    assert _unreadable(tmp_path) == f"{tmp_path}: is a directory"
    assert "NUL character" in _unreadable("a\0b")
    path = tmp_path / "shop.yaml"
    for data, message in [
        (b"", "the manifest is empty; expected one Experiment"),
        (b"# only a comment\n---\n", "the manifest is empty; expected one Experiment"),
        (BASE.encode("utf-16"), f"{path}: is UTF-16; save it as UTF-8"),
        (b"a: 1\nb: \xe4\n", f"{path}: is not UTF-8 (line 2); save it as UTF-8"),
        (b"#" * (2**20 + 1), f"{path}: is larger than 1 MiB, the most that is read"),
        (b"\x80" * (2**20 + 9), f"{path}: is larger than 1 MiB, the most that is read"),
    ]:
        path.write_bytes(data)
        assert _unreadable(path) == message


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_spec(path) == load_spec("", text=BASE)


def test_an_unfinished_character_at_the_limit_is_no_encoding_problem(tmp_path: Path) -> None:
    path = tmp_path / "shop.yaml"
    path.write_bytes("é".encode() * 2**20)
    assert "larger than 1 MiB" in _unreadable(path)


def test_structure_and_rules_are_told_in_document_order() -> None:
    text = BASE.replace("rows: 7, scales", "scales").replace(
        "  tables:", "  colour: red\n  tables:"
    )
    text = text.replace("postgres: {}", "postgres: {schema: pg_x}\n  sead: 3")
    assert [problem.split(":")[0] for problem in _refusal(text)] == [
        "spec.colour",
        "spec.tables[1]",
        "spec.destinations.postgres.schema",
        "spec.sead",
    ]


def test_rules_say_nothing_of_what_hangs_on_a_broken_part() -> None:
    broken = BASE.replace("rows: 100", "rows: many")
    assert _paths(broken) == ["spec.tables[0].rows"]
    no_name = BASE.replace("name: shop", "name: Shop").replace("postgres: {}", "postgres: {x: 1}")
    assert _paths(no_name) == ["metadata.name", "spec.destinations.postgres.x"]


def test_without_a_scale_what_does_not_hang_on_it_is_judged() -> None:
    no_scale = BASE.replace("  tables:", "  scale: much\n  tables:").replace("rows: 7, ", "")
    assert _paths(no_scale) == ["spec.scale", "spec.tables[1]"]


def test_of_very_many_problems_the_first_are_told() -> None:
    many = "".join(f"  field{i}: {{}}\n" for i in range(3_000))
    for text in (BASE + many, BASE + "  seed: 1\n" * 3_000, BASE + many.replace("{}", "")):
        messages = _refusal(text)
        assert len(messages) == 1_001
        assert messages[0] == "there are too many problems to tell; these are 1000 of them"


def test_what_leads_to_a_broken_table_is_judged_as_far_as_it_is_known() -> None:
    text = """
apiVersion: rowmill.dev/v1alpha1
kind: Experiment
metadata: {name: shop}
spec:
  tables:
    - name: far
      rowsPer: {table: near, mean: 2, max: 3}
      columns: [{name: near_id, type: bigint, references: {table: near, column: gone}}]
    - name: near
      rows: 5
      foreignKeys: [{columns: [a, b], references: {table: broken, columns: [a, b]}}]
      columns: [{name: a, type: bigint}, {name: b, type: bigint}]
    - name: broken
      rows: 5
      columns: [{name: a, type: bigint, uniq: true}]
    - name: apart
      rows: 5
      primaryKey: [gone]
      columns: [{name: a, type: bigint}]
  destinations: {postgres: {}}
"""
    assert _paths(text) == [
        "spec.tables[0].columns[0].references.column",
        "spec.tables[1].foreignKeys[0].references.columns[1]",
        "spec.tables[2].columns[0].uniq",
        "spec.tables[3].primaryKey[0]",
    ]


def test_a_misspelt_field_is_one_problem_and_hides_only_its_own() -> None:
    text = BASE.replace("name: people", "nam: people").replace("rows: 7, ", "")
    assert _paths(text) == ["spec.tables[0].nam", "spec.tables[1]"]


def test_a_document_that_cannot_be_read_at_all_says_why() -> None:
    assert _refusal("!!python/name:os.system x") == [
        "has the tag !!python/name:os.system; leave it out"
    ]
    assert _refusal("9" * 30)[0].startswith("999999999999999999999999999999 is outside")


def test_importing_the_package_imports_nothing() -> None:
    code = (
        "import sys, rowmill.spec; print(*sorted({'pydantic', 'yaml', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_loading_needs_neither_numpy_nor_arrow() -> None:
    code = (
        "import sys, rowmill.spec.load; print(*({'numpy', 'pyarrow', 'faker'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
