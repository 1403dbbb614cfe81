"""Writes sigv4_botocore.json: what botocore signs, for the Rust signer to agree with.

Not run by the tests. To bless again, from the root of the repository:

    python3 -m venv target/sigv4-venv
    target/sigv4-venv/bin/pip install botocore==1.44.5
    target/sigv4-venv/bin/python crates/outcrop-aws/tests/data/generate_sigv4.py
"""

import datetime
import json
import pathlib

import botocore
import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEBYaDExample/Session+Token=="
JSON = {"content-type": "application/json"}
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fab12cd34ef56"
RAW_ARN = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fab12cd34ef56"
BODY = '{"messages":[{"role":"user","content":[{"text":"hello"}]}]}'
UNICODE = '{"messages":[{"role":"user","content":[{"text":"żółw 🐢 \\u00e9"}]}]}'

# Queries are percent-encoded, as botocore writes them: its signer copies what it finds, where AWS's rule (and ours)
# encodes what is not.
# name, method, base url, path and query, headers, body or the rule that makes it, session token, region, time
CASES = [
    ("plain", "POST", RUNTIME, "/model/amazon.nova-lite/converse", JSON, BODY, None, "us-east-1", 1795219200),
    ("encoded colon", "POST", RUNTIME, "/model/anthropic.claude-v2%3A0/converse", JSON, BODY, None, "us-east-1", 1795219200),
    ("raw colon", "POST", RUNTIME, "/model/anthropic.claude-v2:0/invoke", JSON, BODY, None, "us-east-1", 1795219200),
    ("encoded arn", "POST", RUNTIME, f"/model/{ARN}/converse-stream", JSON, BODY, None, "us-east-1", 1795219200),
    ("raw arn with encoded slash", "POST", RUNTIME, f"/model/{RAW_ARN}/invoke", JSON, BODY, None, "us-east-1", 1795219200),
    ("session token", "POST", RUNTIME, "/model/m%3A0/invoke", JSON, BODY, TOKEN, "us-east-1", 1795219200),
    ("bedrock headers", "POST", RUNTIME, "/model/m%3A0/invoke",
     {**JSON, "x-amzn-bedrock-guardrailidentifier": "gr-1", "x-amzn-bedrock-guardrailversion": "DRAFT",
      "x-amzn-bedrock-request-metadata": '{"team": "a  b"}'}, BODY, TOKEN, "us-east-1", 1795219200),
    ("no content type", "POST", RUNTIME, "/model/m/invoke", {}, BODY, None, "us-east-1", 1795219200),
    ("empty body", "POST", RUNTIME, "/model/m/converse", JSON, "", None, "us-east-1", 1795219200),
    ("unicode body", "POST", RUNTIME, "/model/m/converse", JSON, UNICODE, None, "us-east-1", 1795219200),
    ("port in host", "POST", "http://127.0.0.1:8443", "/model/m/converse", JSON, BODY, None, "us-east-1", 1795219200),
    ("base path", "POST", "https://proxy.example/bedrock", "/model/m%3A0/converse", JSON, BODY, None, "us-east-1", 1795219200),
    ("list with query", "GET", "https://bedrock.eu-west-1.amazonaws.com",
     "/foundation-models?byProvider=Anthropic&byInferenceType=ON_DEMAND", {}, "", None, "eu-west-1", 1795219200),
    ("query out of order with token", "GET", "https://bedrock.eu-west-1.amazonaws.com",
     "/inference-profiles?type=SYSTEM_DEFINED&maxResults=1000&nextToken=a%2Fb%3D%3D", {}, "", TOKEN, "eu-west-1", 1795219200),
    ("query with empty, repeated and unreserved", "GET", "https://bedrock.eu-west-1.amazonaws.com",
     "/inference-profiles?b=&a=2&a=1&A=x~y-._&c=%20%2B&typeEquals=APPLICATION", {}, "", None, "eu-west-1", 1795219200),
    ("arn with its slash raw", "POST", RUNTIME, f"/model/{ARN.replace('%2F', '/')}/converse", JSON, BODY, None, "us-east-1", 1795219200),
    ("vpc endpoint", "POST", "https://vpce-0123456789abcdef0-abcdefgh.bedrock-runtime.us-west-2.vpce.amazonaws.com",
     "/model/m%3A0/converse", JSON, BODY, None, "us-west-2", 1795219200),
    ("five megabytes", "POST", RUNTIME, "/model/m%3A0/invoke", JSON, {"repeat": "0123456789", "times": 524288}, None, "us-east-1", 1795219200),
    ("no body, get, session token", "GET", "https://bedrock.eu-west-1.amazonaws.com", "/foundation-models", {}, "", TOKEN, "eu-west-1",
     1795219200),
    ("arn as a get path", "GET", "https://bedrock.eu-west-1.amazonaws.com", f"/inference-profiles/{ARN}", {}, "",
     None, "eu-west-1", 1795219200),
    ("tilde, dots and plus", "POST", RUNTIME, "/model/a~b.c_d-e+f/invoke", JSON, BODY, None, "us-east-1", 1795219200),
    ("another day and region", "POST", "https://bedrock-runtime.us-gov-west-1.amazonaws.com", "/model/m/converse",
     JSON, BODY, None, "us-gov-west-1", 1709251199),
]


def vector(name, method, base, path, headers, body, token, region, time):
    moment = datetime.datetime.fromtimestamp(time, datetime.timezone.utc)
    botocore.auth.get_current_datetime = lambda *_, **__: moment.replace(tzinfo=None)
    text = body if isinstance(body, str) else body["repeat"] * body["times"]
    request = AWSRequest(method=method, url=base + path, headers=dict(headers), data=text.encode())
    botocore.auth.SigV4Auth(Credentials(KEY, SECRET, token), "bedrock", region).add_auth(request)
    signed = {key.lower(): value for key, value in request.headers.items()}
    expected = {key: signed[key] for key in ("authorization", "x-amz-date", "x-amz-security-token") if key in signed}
    return {
        "name": name, "method": method, "base_url": base, "path_and_query": path, "headers": headers, "body": body,
        "session_token": token, "region": region, "time": time, "expected": expected,
    }


def vectors():
    out = {
        "source": f"botocore {botocore.__version__}", "access_key_id": KEY, "secret_access_key": SECRET,
        "vectors": [vector(*case) for case in CASES],
    }
    return json.dumps(out, indent=1, ensure_ascii=False) + "\n"


PATH = pathlib.Path(__file__).with_name("sigv4_botocore.json")

if __name__ == "__main__":
    PATH.write_text(vectors())
