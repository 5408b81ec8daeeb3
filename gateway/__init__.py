"""The client that a gateway uses to have its calls paid from prepaid credits.

It needs boto3 and the standard library, and nothing else of this project: copy the folder, or
depend on it. docs/gateway.md tells how to use it; examples/gateway is a gateway that does.
"""

from gateway.call import Call, Estimate
from gateway.credits_client import ClientSettings, CreditsClient
from gateway.errors import CallRefusedError, CreditsBlockedError, CreditsUnavailableError
from gateway.journal_files import JournalFolder
from gateway.leases import LeasePolicy
from gateway.metrics import Metric
from gateway.money import format_usd, usd
from gateway.sending import sqs_client
from gateway.service import Access, HttpService
from gateway.usage import Amount, ModelCall, Traces, Usage

__all__ = [
    "Access",
    "Amount",
    "Call",
    "CallRefusedError",
    "ClientSettings",
    "CreditsBlockedError",
    "CreditsClient",
    "CreditsUnavailableError",
    "Estimate",
    "HttpService",
    "JournalFolder",
    "LeasePolicy",
    "Metric",
    "ModelCall",
    "Traces",
    "Usage",
    "format_usd",
    "sqs_client",
    "usd",
]
