"""Statements of provenance as the package index reads them: by `pypi-attestations`, but for the signature."""

import json
from base64 import b64encode
from pathlib import Path
from unittest.mock import patch

import pypi_attestations
from pypi_attestations import Attestation, Distribution
from sigstore.dsse import Envelope
from sigstore.dsse._predicate import SLSAPredicateV1_0
from sigstore.verify.policy import UnsafeNoOp

READER = "pypi_attestations._impl"


class Unsigned:
    """Stands for the verifier of signatures, and takes any: these statements have none."""

    @classmethod
    def production(cls, **_: object) -> "Unsigned":
        """Return it, as sigstore would return one that knows its roots of trust."""
        return cls()

    def verify_dsse(self, payload: bytes, _: object) -> tuple[str, bytes]:
        """Return the statement in the envelope, and its type."""
        return Envelope._TYPE, payload


def as_attestation(statement: bytes) -> Attestation:
    """Return the attestation (PEP 740) that a statement would be in, once it is signed."""
    nothing = b64encode(b"-").decode()
    envelope = {"statement": b64encode(statement).decode(), "signature": nothing}
    material = {"certificate": nothing, "transparency_entries": [{}]}
    document = {"version": 1, "verification_material": material, "envelope": envelope}
    return Attestation.model_validate_json(json.dumps(document))


def read_by_index(statement: bytes, wheel: Path) -> tuple[str, object]:
    """Return predicate type and predicate as the index reads them; raise its VerificationError if it does not."""
    attestation = as_attestation(statement)
    with patch(f"{READER}.Verifier", Unsigned), patch.object(Attestation, "to_bundle", lambda _: statement):
        return attestation.verify(UnsafeNoOp(), Distribution.from_file(wheel), offline=True)


def predicate_for_signing(statement: bytes) -> str:
    """Return the kind of build of a statement, as `sigstore attest` reads the predicate that it is to sign."""
    return SLSAPredicateV1_0.model_validate(json.loads(statement)["predicate"]).build_definition.build_type


VerificationError = pypi_attestations.VerificationError
