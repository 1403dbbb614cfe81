"""Writes endpoints_botocore.json: where botocore sends and for which region it signs.

Run it with the Python of generate_sigv4.py, or see conformance/python/test_vectors.py, which compares what it
would write with what is there.
"""

import contextlib
import json
import os
import pathlib
import tempfile
import urllib.parse

import botocore
import botocore.session
from botocore.endpoint_provider import EndpointProvider
from botocore.exceptions import BotoCoreError

# service, operation, parameters: any call will do
SERVICES = {
    "bedrock-runtime": ("count_tokens", {"modelId": "m", "input": {"invokeModel": {"body": b"{}"}}}),
    "bedrock": ("list_foundation_models", {}),
    "bedrock-agent-runtime": ("list_sessions", {}),
    "sts": ("get_caller_identity", {}),
}
# Regions that no list has, and texts that look like one.
UNLISTED = ["us-moon-9", "us-gov-moon-7", "us-iso-new-3", "us-isob-new-3", "cn-new-12", "eusc-de-west-9", "eusc-fr-west-1",
            "eu-isoe-new-1", "us-isof-new-1", "xx-north-1", "us-gov-west", "cn", "local"]
VPCE = "https://vpce-0123456789abcdef0-abcdefgh.bedrock-runtime.us-west-2.vpce.amazonaws.com"
FIPS, DUALSTACK = "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"
ANY, IGNORE = "AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"
RUNTIME, CONTROL, AGENT, STS = (f"{ANY}_{name}" for name in ("BEDROCK_RUNTIME", "BEDROCK", "BEDROCK_AGENT_RUNTIME", "STS"))

SECTION = """[services local]
bedrock_runtime =
  endpoint_url = http://section-runtime:1/base
bedrock =
  endpoint_url = http://section-control:1
sts =
  endpoint_url = http://section-sts:1
"""
# environment, config file
SETTINGS = [
    ({}, ""),
    ({ANY: "http://any:1"}, ""),
    ({ANY: "http://any:1", RUNTIME: "http://runtime:2/base"}, ""),
    ({RUNTIME: "http://runtime:2", CONTROL: "http://control:3"}, ""),
    ({AGENT: "http://agent:4", STS: "http://sts:5"}, ""),
    ({ANY: "", RUNTIME: ""}, "[default]\nendpoint_url = http://profile:1\n"),
    ({ANY: "http://any:1", RUNTIME: "http://runtime:2", IGNORE: "true"}, ""),
    ({ANY: "http://any:1", IGNORE: "TRUE"}, "[default]\nendpoint_url = http://profile:1\n"),
    ({ANY: "http://any:1", IGNORE: "false"}, ""),
    ({ANY: "http://any:1"}, "[default]\nignore_configured_endpoint_urls = true\n"),
    ({ANY: "http://any:1", IGNORE: "false"}, "[default]\nignore_configured_endpoint_urls = true\n"),
    ({}, "[default]\nendpoint_url = http://profile:1\n"),
    ({}, f"[default]\nservices = local\n{SECTION}"),
    ({}, f"[default]\nservices = local\nendpoint_url = http://profile:1\n{SECTION}"),
    ({CONTROL: "http://control:3"}, f"[default]\nservices = local\n{SECTION}"),
    ({ANY: "http://any:1"}, f"[default]\nservices = local\nendpoint_url = http://profile:1\n{SECTION}"),
    ({}, f"[default]\nservices = local\nignore_configured_endpoint_urls = true\n{SECTION}"),
    ({}, "[default]\nservices = absent\n"),
    ({ANY: "http://any:1"}, "[default]\nservices = absent\n"),
    ({"AWS_PROFILE": "work"}, "[default]\nendpoint_url = http://profile:1\n[profile work]\nendpoint_url = http://work:1\n"),
    ({"AWS_PROFILE": "work"}, f"[profile work]\nservices = local\n{SECTION}"),
    ({"AWS_DEFAULT_REGION": None}, "[default]\nregion = eu-west-1\n"),
    ({"AWS_DEFAULT_REGION": None, "AWS_PROFILE": "work"}, "[default]\nregion = eu-west-1\n[profile work]\nregion = eu-west-2\n"),
    ({}, "[default]\nregion = eu-west-1\n"),
    ({"AWS_DEFAULT_REGION": None}, ""),
    ({FIPS: "true"}, ""),
    ({FIPS: "True", DUALSTACK: "TRUE"}, ""),
    ({DUALSTACK: "true"}, ""),
    ({}, "[default]\nuse_fips_endpoint = true\n"),
    ({}, "[default]\nuse_dualstack_endpoint = true\n"),
    ({FIPS: "false"}, "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n"),
    ({FIPS: "true", ANY: "http://any:1"}, ""),
    ({DUALSTACK: "true", ANY: "http://any:1"}, ""),
    ({FIPS: "true", ANY: "http://any:1", IGNORE: "true"}, ""),
    ({FIPS: "true"}, "[default]\nendpoint_url = http://profile:1\n"),
    ({RUNTIME: VPCE, "AWS_DEFAULT_REGION": "us-west-2"}, ""),
    ({RUNTIME: "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", "AWS_DEFAULT_REGION": "us-gov-west-1"}, ""),
]


class Caught(Exception):
    """The request that would have gone out."""

    def __init__(self, request):
        self.request = request


def catch(request, **_):
    raise Caught(request)


def sent(session, service):
    """URL without its path, base path kept, and the region of the signature; or the name of an error."""
    operation, parameters = SERVICES[service]
    try:
        client = session.create_client(service)
        client.meta.events.register("before-send", catch)
        getattr(client, operation)(**parameters)
    except Caught as caught:
        url = urllib.parse.urlsplit(caught.request.url)
        scope = caught.request.headers["Authorization"].decode().split("Credential=")[1].split("/")
        base = "/base" if url.path.startswith("/base/") else ""
        return [f"{url.scheme}://{url.netloc}{base}", scope[2], scope[3]]
    except BotoCoreError as error:
        return type(error).__name__
    raise AssertionError("nothing was sent")


@contextlib.contextmanager
def surroundings(variables, config):
    """An environment that holds no more than this."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as home:
        path = pathlib.Path(home, "config")
        path.write_text(config)
        given = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret",
                 "AWS_CONFIG_FILE": str(path), "AWS_SHARED_CREDENTIALS_FILE": str(path.with_name("none")), **variables}
        os.environ.clear()
        os.environ.update({name: value for name, value in given.items() if value is not None})
        try:
            yield botocore.session.Session()
        finally:
            os.environ.clear()
            os.environ.update(before)


def regions(partitions):
    for partition in partitions["partitions"]:
        # `aws-global` and its like are no regions of Bedrock's.
        yield from (region for region in partition["regions"] if not region.endswith("-global"))


def by_rule():
    """Region → variant → host of each service, in their order, by the rules themselves: a client of botocore's asks
    an older list first, which knows no dual stack in some partitions."""
    with surroundings({}, "") as session:
        loader = session.get_component("data_loader")
        partitions = loader.load_data("partitions")
        rules = [EndpointProvider(loader.load_service_model(service, "endpoint-rule-set-1"), partitions) for service in SERVICES]
    variants = {"": (False, False), "fips": (True, False), "dualstack": (False, True), "fips,dualstack": (True, True)}
    return {
        region: {
            variant: [rule.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dualstack).url for rule in rules]
            for variant, (fips, dualstack) in variants.items()
        }
        for region in [*sorted(regions(partitions)), *UNLISTED]
    }


def by_setting():
    cases = []
    for variables, config in SETTINGS:
        with surroundings(variables, config) as session:
            expected = {service: sent(session, service) for service in SERVICES}
        cases.append({"environment": variables, "config": config, "expected": expected})
    return cases


def vectors():
    out = {"source": f"botocore {botocore.__version__}", "services": list(SERVICES), "rules": by_rule(), "settings": by_setting()}
    return json.dumps(out, indent=1) + "\n"


PATH = pathlib.Path(__file__).with_name("endpoints_botocore.json")

if __name__ == "__main__":
    PATH.write_text(vectors())
