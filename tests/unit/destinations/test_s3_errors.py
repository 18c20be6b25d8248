from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import ProtocolError

from rowmill.destinations.s3.errors import code, is_credentials, passes, problem_of, refusal

URL = "https://s3.example"


def answer(status: int, found: str) -> ClientError:
    said: Any = {
        "Error": {"Code": found, "Message": "so"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(said, "PutObject")


@pytest.mark.parametrize(
    "error",
    [
        answer(503, "SlowDown"),
        answer(503, "ServiceUnavailable"),
        answer(500, "InternalError"),
        answer(502, "502"),
        answer(429, "TooManyRequests"),
        answer(400, "RequestTimeout"),
        answer(409, "ConditionalRequestConflict"),
        answer(409, "OperationAborted"),
        answer(200, "InternalError"),
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
        SSLError(endpoint_url=URL, error=OSError("EOF occurred in violation of protocol")),
        ProtocolError("broken"),
        ConnectionResetError(),
    ],
)
def test_these_pass(error: Exception) -> None:
    assert passes(error)
    assert problem_of(error)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (answer(403, "InvalidAccessKeyId"), "CredentialsRefused"),
        (answer(403, "SignatureDoesNotMatch"), "CredentialsRefused"),
        (answer(400, "InvalidToken"), "CredentialsRefused"),
        (answer(403, "AccessDenied"), "PermissionDenied"),
        (answer(403, "403"), "PermissionDenied"),
        (answer(404, "NoSuchBucket"), "BucketMissing"),
        (answer(301, "301"), "WrongRegion"),
        (answer(400, "AuthorizationHeaderMalformed"), "WrongRegion"),
        (answer(403, "RequestTimeTooSkewed"), "ClockSkewed"),
        (answer(507, "507"), "DiskFull"),
        (answer(500, "StorageFull"), "DiskFull"),
        (answer(501, "NotImplemented"), "S3Refused"),
        (answer(400, "KeyTooLongError"), "S3Refused"),
        (NoCredentialsError(), "CredentialsMissing"),
        (PartialCredentialsError(provider="env", cred_var="x"), "CredentialsMissing"),
        (ParamValidationError(report="Invalid bucket name"), "NameInvalid"),
        (
            SSLError(endpoint_url=URL, error=OSError("CERTIFICATE_VERIFY_FAILED")),
            "CertificateRefused",
        ),
        (ValueError("odd"), "S3Refused"),
    ],
)
def test_these_need_a_person(error: Exception, reason: str) -> None:
    assert not passes(error)

    refused = refusal(error, "write s3://lake/x", "lake", URL)

    assert refused.reason == reason
    assert "write s3://lake/x" in str(refused) or "'lake'" in str(refused)


def test_the_right_region_is_named_where_the_server_says_it() -> None:
    error = answer(400, "AuthorizationHeaderMalformed")
    error.response["Error"]["Region"] = "eu-west-3"  # type: ignore[typeddict-unknown-key] # S3 adds it, boto3's types do not

    assert "region: eu-west-3" in str(refusal(error, "read", "lake", "AWS"))


@pytest.mark.parametrize(
    ("found", "same"),
    [("404", "NoSuchKey"), ("NoSuchKey", "NoSuchKey"), ("412", "PreconditionFailed")],
)
def test_an_answer_without_a_body_has_the_same_code(found: str, same: str) -> None:
    assert code(answer(int(found) if found.isdigit() else 404, found)) == same
    assert code(ValueError()) == ""


def test_only_refused_keys_are_read_again() -> None:
    assert is_credentials(answer(403, "ExpiredToken"))
    assert not is_credentials(answer(403, "AccessDenied"))


def test_a_connection_that_was_not_made_is_told_in_the_systems_words() -> None:
    made = "<AWSHTTPConnection at 0x7f>: Failed to establish a new connection: [Errno 111] "
    error = EndpointConnectionError(endpoint_url=URL, error=f"{made}Connection refused")
    assert problem_of(error) == "cannot be reached (connection refused)"
    unknown = "Failed to resolve 's3.example' ([Errno -2] Name or service not known)"
    error = EndpointConnectionError(endpoint_url=URL, error=unknown)
    assert problem_of(error) == "cannot be reached (name or service not known)"
