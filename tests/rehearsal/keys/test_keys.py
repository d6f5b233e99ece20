from __future__ import annotations

import stat
import subprocess
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_ssh_private_key, load_ssh_public_key, pkcs12
from cryptography.x509.verification import PolicyBuilder, Store

from console import ExpectedError
from rehearsal.base.settings import Settings
from rehearsal.keys import authority as authorities
from rehearsal.keys import ensure

NAMES = ["ambulant.mobil.livegang.test", "pep.mobil.livegang.test"]


def write_stack(folder: Path, names: list[str]) -> Path:
    lines = ["config:", "  livegang:topology:", "    endpoints:"]
    lines += [f"      {name.split('.')[0]}: {{host_name: {name}}}" for name in names]
    path = folder / "Pulumi.rehearsal.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "state")


@pytest.fixture
def stack_file(tmp_path: Path) -> Path:
    return write_stack(tmp_path, NAMES)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_first_run_makes_everything_and_only_the_owner_may_read_it(settings: Settings, stack_file: Path) -> None:
    keys = ensure(settings, stack_file)
    assert keys.made == ["operator", "vantage", "old-hoster", "authority", "gateway", "vault"]
    assert stat.S_IMODE(keys.folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.folder.iterdir()} == {0o600}


def test_second_run_changes_nothing(settings: Settings, stack_file: Path) -> None:
    before = contents(ensure(settings, stack_file).folder)
    again = ensure(settings, stack_file)
    assert again.made == []
    assert contents(again.folder) == before


def test_ssh_keys_are_pairs(settings: Settings, stack_file: Path) -> None:
    folder = ensure(settings, stack_file).folder
    for name in ("operator", "vantage", "old-hoster"):
        private = load_ssh_private_key((folder / name).read_bytes(), password=None)
        public = load_ssh_public_key((folder / f"{name}.pub").read_bytes())
        assert private.public_key() == public


def test_pfx_loads_without_password_and_its_chain_verifies_for_each_endpoint(
    settings: Settings, stack_file: Path
) -> None:
    keys = ensure(settings, stack_file)
    key, certificate, chain = pkcs12.load_key_and_certificates(keys.gateway_pfx.read_bytes(), password=None)
    assert key is not None
    assert certificate is not None
    assert chain == [x509.load_pem_x509_certificate(keys.authority.read_bytes())]
    verifying = PolicyBuilder().store(Store(chain))
    for name in NAMES:
        assert verifying.build_server_verifier(x509.DNSName(name)).verify(certificate, [])
    with pytest.raises(x509.verification.VerificationError):
        verifying.build_server_verifier(x509.DNSName("other.livegang.test")).verify(certificate, [])


def test_openssl_verifies_the_vault_certificate_for_any_vault(settings: Settings, stack_file: Path) -> None:
    keys = ensure(settings, stack_file)
    result = subprocess.run(
        ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-verify_hostname", "kv-any.vault.azure.net",
         "-CAfile", str(keys.authority), str(keys.folder / "vault.pem")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stderr


def test_changed_endpoint_names_renew_the_gateway_certificate_only(
    settings: Settings, stack_file: Path, tmp_path: Path
) -> None:
    ensure(settings, stack_file)
    write_stack(tmp_path, [*NAMES, "kita.mobil.livegang.test"])
    keys = ensure(settings, stack_file)
    assert keys.made == ["gateway"]
    certificate = authorities.certificate_in_pfx(keys.gateway_pfx.read_bytes())
    assert certificate is not None
    alternative = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert len(alternative.get_values_for_type(x509.DNSName)) == 3


def test_certificates_that_end_soon_are_renewed(
    settings: Settings, stack_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short:
        short.setattr(authorities, "LEAF_LIFETIME", authorities.RENEW_BEFORE / 2)
        ensure(settings, stack_file)
    assert ensure(settings, stack_file).made == ["gateway", "vault"]


def test_a_lost_authority_takes_its_certificates_with_it(settings: Settings, stack_file: Path) -> None:
    ensure(settings, stack_file).authority.unlink()
    assert ensure(settings, stack_file).made == ["authority", "gateway", "vault"]


@pytest.mark.parametrize("name", ["gateway.pfx", "vault.pem", "authority.pem"])
def test_a_damaged_file_is_made_anew(settings: Settings, stack_file: Path, name: str) -> None:
    path = ensure(settings, stack_file).folder / name
    path.write_bytes(b"half a fi")
    assert name.split(".")[0] in ensure(settings, stack_file).made
    assert ensure(settings, stack_file).made == []


def test_the_gateway_s_certificate_covers_the_sites_of_all_stacks(settings: Settings, tmp_path: Path) -> None:
    """Else bringing up a second stack would change the certificate of the first."""
    (tmp_path / "other").mkdir()
    files = [write_stack(tmp_path, NAMES), write_stack(tmp_path / "other", ["heime.app.sozialwerk.test"])]
    keys = ensure(settings, *files)
    certificate = authorities.certificate_in_pfx(keys.gateway_pfx.read_bytes())
    assert certificate is not None
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert sorted(names.get_values_for_type(x509.DNSName)) == sorted([*NAMES, "heime.app.sozialwerk.test"])
    # One that cannot be read does not stand in another's way.
    files[1].write_bytes(b"config: \xff")
    assert ensure(settings, *files).made == ["gateway"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("config: {}", "must name at least one endpoint"),
        ("config: {'livegang:topology': {endpoints: {kita: {}}}}", "each with a host_name"),
        ("config: [", "is not valid YAML"),
    ],
)
def test_a_stack_file_without_endpoints_is_refused_by_name(
    settings: Settings, tmp_path: Path, text: str, reason: str
) -> None:
    path = tmp_path / "Pulumi.rehearsal.yaml"
    path.write_text(text)
    with pytest.raises(ExpectedError, match=reason) as caught:
        ensure(settings, path)
    assert str(path) in str(caught.value)


def test_a_missing_stack_file_is_refused_by_name(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(ExpectedError, match=r"Pulumi\.absent\.yaml cannot be read"):
        ensure(settings, tmp_path / "Pulumi.absent.yaml")
