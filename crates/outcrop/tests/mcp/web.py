"""An MCP server on streamable HTTP behind OAuth's code flow with PKCE; nothing but the standard library.

Prints its address.
"""

import base64
import hashlib
import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

codes: dict[str, str] = {}
tokens: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=None, **headers):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"content-type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path.startswith("/.well-known/oauth-protected-resource"):
            self.reply(200, {"resource": f"{base}/mcp", "authorization_servers": [base]})
        elif url.path.startswith("/.well-known/oauth-authorization-server"):
            self.reply(200, {
                "issuer": base,
                "authorization_endpoint": f"{base}/authorize",
                "token_endpoint": f"{base}/token",
                "registration_endpoint": f"{base}/register",
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            })
        elif url.path == "/authorize":
            asked = {name: values[0] for name, values in parse_qs(url.query).items()}
            assert asked["code_challenge_method"] == "S256"
            code = f"code-{len(codes)}"
            codes[code] = asked["code_challenge"]
            back = asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"]})
            self.reply(302, location=back)
        else:
            self.reply(405)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        if self.path == "/register":
            asked = json.loads(body)
            self.reply(201, {"client_id": "us", "redirect_uris": asked["redirect_uris"]})
        elif self.path == "/token":
            self.token({name: values[0] for name, values in parse_qs(body.decode()).items()})
        elif self.path == "/mcp":
            self.mcp(json.loads(body))
        else:
            self.reply(404)

    def token(self, asked):
        if asked["grant_type"] == "refresh_token":
            assert asked["refresh_token"] == "again"
        else:
            digest = hashlib.sha256(asked["code_verifier"].encode()).digest()
            challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
            if codes.pop(asked["code"], None) != challenge:
                return self.reply(400, {"error": "invalid_grant"})
        token = f"token-{len(tokens)}"
        tokens.add(token)
        # It has expired as soon as it is given, so each command renews it.
        self.reply(200, {"access_token": token, "token_type": "bearer", "expires_in": 0,
                         "refresh_token": "again"})

    def mcp(self, message):
        bearer = self.headers.get("authorization", "").removeprefix("Bearer ")
        if bearer not in tokens:
            challenge = f'Bearer resource_metadata="{base}/.well-known/oauth-protected-resource/mcp"'
            return self.reply(401, {}, www_authenticate=challenge)
        if message["method"] == "tools/call" and message["params"]["name"] == "expire":
            tokens.clear()
            return self.reply(401, {}, www_authenticate="Bearer")
        if "id" not in message:
            return self.reply(202)
        results = {
            "initialize": lambda p: {"protocolVersion": p["protocolVersion"], "capabilities": {"tools": {}},
                                     "serverInfo": {"name": "web", "version": "1"}},
            "tools/list": lambda p: {"tools": [{"name": name, "inputSchema": {"type": "object"}}
                                               for name in ["whoami", "expire"]]},
            "tools/call": lambda p: {"content": [{"type": "text", "text": f"you hold {bearer}"}]},
        }
        result = results[message["method"]](message.get("params") or {})
        self.reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": result})


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
base = f"http://127.0.0.1:{server.server_port}"
print(base, flush=True)
server.serve_forever()
