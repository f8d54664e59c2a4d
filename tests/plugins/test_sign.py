"""`zoo sign` and `zoo verify --key`: whose an export is, by keys at hand."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from onnx import numpy_helper
from warm import Result

Zoo = Callable[..., Result]
SAMPLE = Path(__file__).parents[2] / "exported" / "lenet5-digits"


def write_keys(folder: Path, name: str, *, curve: Any = None, password: bytes | None = None) -> None:
    """NAME.pem and NAME.pub, as openssl writes them."""
    key = ec.generate_private_key(curve or ec.SECP256R1())
    pem = serialization.Encoding.PEM
    kind = serialization.PrivateFormat.PKCS8
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (folder / f"{name}.pem").write_bytes(key.private_bytes(pem, kind, hidden))
    public = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{name}.pub").write_bytes(public)


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """A copy of the sample in `exported/`, with the keys `ours` and `other`."""
    shutil.copytree(SAMPLE, tmp_path / "exported" / "digits")
    for name in ("ours", "other"):
        write_keys(tmp_path, name)
    return tmp_path / "exported" / "digits"


def test_a_signature_is_of_these_files_and_of_this_key(export: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    done = zoo_here("sign", "digits", "--key", "ours.pem")
    assert done.code == 0, done.stderr
    assert "Next: zoo verify digits --key PUBLIC.pem" in done.stdout
    assert (tmp_path / "exported" / "digits.sig").is_file()
    assert zoo_here("verify", "digits", "--key", "ours.pub").code == 0
    wrong = zoo_here("verify", "digits", "--key", "other.pub")
    assert (wrong.code, "is not the signature of exported/digits by the owner of other.pub" in wrong.stderr) == (
        3,
        True,
    )
    again = zoo_here("sign", "digits", "--key", "ours.pem")
    assert (again.code, "exported/digits.sig is there already" in again.stderr) == (2, True), again.stderr

    # One that was made anew, and is verified in itself: report and hashes fit, and it is another file.
    report = json.loads((export / "report.json").read_text())
    report["name"] = "another"
    (export / "report.json").write_text(json.dumps(report))
    changed = zoo_here("verify", "digits", "--key", "ours.pub")
    assert (changed.code, "is not the signature of" in changed.stderr) == (3, True), changed.stderr


def test_the_program_of_model_signing_reads_it_and_the_reverse(export: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here("sign", "digits", "--key", "ours.pem", "--to", "ours.sig").code == 0
    theirs = [sys.executable, "-W", "ignore", "-m", "model_signing"]
    told = ("--signature", "ours.sig", "--public_key", "ours.pub")
    subprocess.run([*theirs, "verify", "key", export, *told], cwd=tmp_path, check=True, capture_output=True)
    told = ("--signature", "theirs.sig", "--private_key", "other.pem")
    subprocess.run([*theirs, "sign", "key", export, *told], cwd=tmp_path, check=True, capture_output=True)
    done = zoo_here("verify", "digits", "--key", "other.pub", "--signature", "theirs.sig")
    assert done.code == 0, done.stderr


def test_a_bare_file_and_a_key_with_a_password(zoo_here: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(SAMPLE / "model.onnx", tmp_path)
    write_keys(tmp_path, "ours", curve=ec.SECP384R1(), password=b"a secret")
    done = zoo_here("sign", "model.onnx", "--key", "ours.pem")
    assert (done.code, "ours.pem is no private key that can sign" in done.stderr) == (1, True), done.stderr
    monkeypatch.setenv("ZOO_SIGN_PASSWORD", "a secret")
    done = zoo_here("sign", "model.onnx", "--key", "ours.pem", "--json")
    assert (done.code, done.json["signature"]) == (0, "model.onnx.sig"), done.stderr
    assert zoo_here("verify", "model.onnx", "--key", "ours.pub").code == 0


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b"[" * 100_000, b'{"verificationMaterial":{},"dsseEnvelope":{}}']
)
def test_a_signature_that_is_none(content: bytes, export: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    (tmp_path / "exported" / "digits.sig").write_bytes(content)
    done = zoo_here("verify", "digits", "--key", "ours.pub")
    assert (done.code, "is not the signature of" in done.stderr) == (3, True), done.stderr
    assert not done.stdout


def test_what_is_missing_or_no_key(export: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    def told(*words: str) -> tuple[int, str]:
        done = zoo_here(*words)
        return done.code, done.stderr.partition("\n")[0]

    assert told("verify", "digits", "--key", "ours.pub") == (
        3,
        "Error: exported/digits is not signed: there is no signature exported/digits.sig",
    )
    assert told("verify", "digits", "--key", "none.pub") == (1, "Error: there is no public key none.pub")
    alone = "Error: --signature needs --key, the public key of who has signed"
    assert told("verify", "digits", "--signature", "x.sig") == (2, alone)
    (tmp_path / "exported" / "digits.sig").write_bytes(b"{}")
    assert told("verify", "digits", "--key", "exported/digits/README.md")[0] == 1
    assert told("sign", "digits", "--key", "ours.pub", "--to", "x.sig")[0] == 1
    assert told("sign", "digits", "--key", "ours.pem", "--to", "exported/digits/x.sig")[0] == 2
    (export / "README.md").write_text("changed")
    code, message = told("sign", "digits", "--key", "ours.pem", "--to", "x.sig")
    assert (code, "README.md in exported/digits has changed" in message) == (3, True)
    assert not (tmp_path / "x.sig").exists()


def test_a_file_that_computes_something_else_is_not_signed(zoo_here: Zoo, tmp_path: Path) -> None:
    write_keys(tmp_path, "ours")
    model = onnx.load(SAMPLE / "model.onnx")
    weight = max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))
    weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight) * 1.5, weight.name))
    onnx.save(model, tmp_path / "other.onnx")
    done = zoo_here("sign", "other.onnx", "--key", "ours.pem")
    assert (done.code, "other.onnx is not signed: its self-test says failed" in done.stderr) == (3, True), done.stderr


def test_what_is_wrong_with_a_key_is_told_and_no_hint_writes_over_one(
    zoo_here: Zoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(SAMPLE / "model.onnx", tmp_path)
    write_keys(tmp_path, "key", password=b"a secret")
    pem, kind = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    other = rsa.generate_private_key(65537, 2048).private_bytes(pem, kind, serialization.NoEncryption())
    (tmp_path / "rsa.pem").write_bytes(other)

    def told(key: str, password: str = "") -> list[str]:
        monkeypatch.setenv("ZOO_SIGN_PASSWORD", password)
        done = zoo_here("sign", "model.onnx", "--key", key)
        assert (done.code, done.stdout) == (1, "")
        return done.stderr.splitlines()

    faulty = "is no private key that can sign: "
    ask = "Hint: ZOO_SIGN_PASSWORD holds its password"
    assert told("key.pem") == [f"Error: key.pem {faulty}it has a password", ask]
    assert told("key.pem", "wrong") == [
        f"Error: key.pem {faulty}its password is another than ZOO_SIGN_PASSWORD says",
        ask,
    ]
    new = "Hint: a new one: openssl ecparam -name prime256v1 -genkey -noout -out key2.pem"
    assert told("rsa.pem") == [f"Error: rsa.pem {faulty}it is none of the elliptic curves P-256, P-384 and P-521", new]
    assert told("key.pub") == [f"Error: key.pub {faulty}there is no private key in PEM in it", new]
    assert told("none.pem") == ["Error: there is no private key none.pem", new]
    public = zoo_here("verify", "model.onnx", "--key", "none.pub")
    assert public.stderr.endswith("Hint: openssl ec -in PRIVATE.pem -pubout -out key2.pub\n")


def test_why_a_signature_does_not_fit(export: Path, zoo_here: Zoo, tmp_path: Path) -> None:
    assert zoo_here("sign", "digits", "--key", "ours.pem").code == 0
    signature = tmp_path / "exported" / "digits.sig"

    def why(key: str = "ours.pub") -> str:
        done = zoo_here("verify", "digits", "--key", key)
        assert done.code == 3
        return done.stderr.partition("\n")[0].rpartition(": ")[2]

    assert why("other.pub") == "another key has signed it"
    (export / "README.md").write_text("changed")
    assert why() == "README.md is not what was signed"
    shutil.copy(SAMPLE / "README.md", export)
    (export / "more.txt").write_text("more")
    assert why() == "it was made of other files"
    signature.write_text("{}")
    assert why() == "it is damaged, or no signature of this form"


def test_what_is_not_signed_says_what_to_do(export: Path, zoo_here: Zoo) -> None:
    (export / "notes.txt").write_text("mine")
    done = zoo_here("sign", "digits", "--key", "ours.pem")
    assert (done.code, "Hint: move it out of exported/digits if it is yours" in done.stderr) == (3, True), done.stderr
    (export / "report.json").unlink()
    done = zoo_here("sign", "digits", "--key", "ours.pem")
    assert (done.code, "exported/digits/report.json is missing: it says" in done.stderr) == (1, True), done.stderr
    assert "Hint: zoo verify exported/digits/model.onnx checks the file alone" in done.stderr
