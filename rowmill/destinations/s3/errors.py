"""What an S3's answer means: it passes, it is an answer to expect, or somebody must act."""

from __future__ import annotations

import re

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ResponseStreamingError,
    SSLError,
)
from urllib3.exceptions import HTTPError as Urllib3Error

from rowmill.destinations.errors import DestinationRefused

# Everything a call can fail with: botocore's own, and what a body's stream raises while it is read.
S3_ERRORS = (BotoCoreError, ClientError, Urllib3Error, OSError)

_PASSING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "ConditionalRequestConflict",
        "InternalError",
        "OperationAborted",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestTimeout",
        "ServerBusy",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    }
)
# Of a connection that was not made, the system's own words.
_REASON = re.compile(r"\[Errno -?\d+\] ([^)'\"]+)")
_PASSING_STATUS = frozenset({408, 429, 500, 502, 503, 504})
# The answer to a HEAD has no body, so botocore gives the bare status as its code.
_STATUS_CODES = {
    "301": "PermanentRedirect",
    "403": "AccessDenied",
    "404": "NoSuchKey",
    "409": "ConditionalRequestConflict",
    "412": "PreconditionFailed",
    "NotFound": "NoSuchKey",
}
_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidToken",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden"})
_FULL = frozenset(
    {
        "InsufficientStorage",
        "QuotaExceeded",
        "ServiceQuotaExceeded",
        "StorageFull",
        "XMinioStorageFull",
    }
)
_ELSEWHERE = frozenset(
    {
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
        "TemporaryRedirect",
    }
)


def passes(error: BaseException) -> bool:
    """Whether the same call may well succeed a little later."""
    if isinstance(error, ClientError):
        return _code(error) in _PASSING_CODES or (
            _status(error) in _PASSING_STATUS and code(error) not in _FULL
        )
    if isinstance(error, SSLError):
        return "certificate" not in str(error).lower()
    return isinstance(
        error,
        ConnectionError
        | HTTPClientError
        | IncompleteReadError
        | ResponseStreamingError
        | Urllib3Error
        | OSError,
    )


def code(error: BaseException) -> str:
    """The error's S3 code, the same whether the answer had a body or not; "" for other errors."""
    return _code(error) if isinstance(error, ClientError) else ""


def is_credentials(error: BaseException) -> bool:
    """Whether the keys are refused, so that reading the secret again may help."""
    return code(error) in _CREDENTIALS


def refusal(error: BaseException, doing: str, bucket: str, where: str) -> DestinationRefused:
    """The reader's words for an error that does not pass.

    Args:
        error: what botocore raised.
        doing: what was tried, as in "write s3://lake/shop/x".
        bucket: the bucket's name.
        where: the server, as the reader knows it.
    """
    if isinstance(error, ClientError):
        return _answered(error, doing, bucket, where)
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return DestinationRefused(
            "CredentialsMissing",
            f"cannot {doing}: this machine has no cloud identity that S3 would know; "
            "name a secret with `secretName`, or give the machine or pod a role",
        )
    if isinstance(error, ParamValidationError):
        return DestinationRefused(
            "NameInvalid", f"cannot {doing}: S3 takes no such name: {_first_line(error)}"
        )
    if isinstance(error, SSLError):
        return DestinationRefused(
            "CertificateRefused",
            f"cannot {doing}: the certificate of {where} is not trusted here "
            f"({_first_line(error)}); set AWS_CA_BUNDLE to its authority's file",
        )
    return DestinationRefused(
        "S3Refused", f"cannot {doing} at {where}: {type(error).__name__}: {_first_line(error)}"
    )


def problem_of(error: BaseException) -> str:
    """What is wrong in a few words, of an error that passes."""
    if isinstance(error, ClientError):
        return f"answers {_status(error)} {_code(error)}"
    if isinstance(error, EndpointConnectionError):
        why = _REASON.search(str(error.kwargs.get("error", "")))
        return f"cannot be reached ({why[1].lower() if why else 'is it running?'})"
    return f"{type(error).__name__}: {_first_line(error)}"


def bucket_missing(bucket: str, where: str) -> DestinationRefused:
    """The refusal of a bucket that is not there, with how to make it."""
    endpoint = "" if where == "AWS" else f" --endpoint-url {where}"
    return DestinationRefused(
        "BucketMissing",
        f"{where} has no bucket {bucket!r}; make it, for example with "
        f"`aws s3 mb s3://{bucket}{endpoint}`, or correct spec.destinations.parquet.bucket",
    )


def no_conditions(where: str) -> DestinationRefused:
    """The refusal of a server that cannot decide races."""
    return DestinationRefused(
        "ConditionalPutMissing",
        f"{where} does not honour conditional PUTs (If-None-Match, If-Match), without which two "
        "runs could publish over each other; use a server that does: AWS S3, MinIO, Ceph, "
        "SeaweedFS 4 and others, in a recent version",
    )


def _answered(error: ClientError, doing: str, bucket: str, where: str) -> DestinationRefused:
    found = _code(error)
    if found in _CREDENTIALS:
        return DestinationRefused(
            "CredentialsRefused",
            f"cannot {doing}: {where} refuses the credentials ({found}); "
            f"{_CREDENTIAL_CURES.get(found, 'check the secret')}",
        )
    if found in _DENIED:
        return DestinationRefused(
            "PermissionDenied",
            f"cannot {doing}: {where} denies it to these credentials; they need s3:GetObject, "
            "s3:PutObject, s3:DeleteObject and s3:AbortMultipartUpload on "
            f"arn:aws:s3:::{bucket}/*, and s3:ListBucket and s3:ListBucketMultipartUploads on "
            f"arn:aws:s3:::{bucket}",
        )
    if found == "NoSuchBucket":
        return bucket_missing(bucket, where)
    if found == "RequestTimeTooSkewed":
        return DestinationRefused(
            "ClockSkewed",
            f"cannot {doing}: the clocks of this machine and of {where} differ too much; "
            "set the clock (NTP)",
        )
    if found in _FULL or _status(error) == 507:
        return DestinationRefused(
            "DiskFull", f"cannot {doing}: {where} has no space left ({found}); free some"
        )
    if found in _ELSEWHERE:
        return DestinationRefused("WrongRegion", _elsewhere(error, doing, bucket))
    message = error.response.get("Error", {}).get("Message", "")
    return DestinationRefused(
        "S3Refused", f"cannot {doing}: {where} answers {_status(error)} {found}: {message}"
    )


_CREDENTIAL_CURES = {
    "SignatureDoesNotMatch": "AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID",
    "InvalidAccessKeyId": "it does not know this AWS_ACCESS_KEY_ID",
    "ExpiredToken": "AWS_SESSION_TOKEN has expired: renew the secret",
}


def _elsewhere(error: ClientError, doing: str, bucket: str) -> str:
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = headers.get("x-amz-bucket-region") or error.response.get("Error", {}).get("Region")
    right = f"region: {region}" if region else "the bucket's region"
    return (
        f"cannot {doing}: bucket {bucket!r} is in another region; "
        f"set spec.destinations.parquet.region ({right})"
    )


def _code(error: ClientError) -> str:
    found = str(error.response.get("Error", {}).get("Code", ""))
    return _STATUS_CODES.get(found, found)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__
