"""An MCP server on stdio that behaves as badly as it is told to; nothing but the standard library.

Arguments: how it misbehaves (see the branches), at start, in its list of tools, or in its calls.
"""

import json
import os
import sys
import threading
import time

how = sys.argv[1] if len(sys.argv) > 1 else "well"
lock = threading.Lock()
# What we asked the client, until it answers; tools that came later.
asked = {}
grown = []


def say(message):
    with lock:
        sys.stdout.write(json.dumps(message) + "\n")
        sys.stdout.flush()


def tool(name, schema=None, **more):
    properties = {"text": {"type": "string"}}
    schema = schema or {"type": "object", "properties": properties}
    return {"name": name, "description": "Does " + name, "inputSchema": schema, **more}


TOOLS = {
    "duplicates": [tool("echo"), tool("echo"), tool("last")],
    "many": [tool(f"tool_{n}") for n in range(300)],
    "odd": [tool("päck ümläut/✓"), tool("x" * 100), tool("a.b"), tool("a b"), tool("esc\x1b[31m")],
    "schema": [
        {"name": "text", "inputSchema": "no schema"},
        {"name": "array", "inputSchema": {"type": "array"}},
        {"inputSchema": {"type": "object"}},
        tool("untyped", {"properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "integer"}}}),
        tool("empty", {"type": "object"}),
        tool("last"),
    ],
}


def pages(params):
    tools = TOOLS.get(how, [tool("echo"), tool("wait"), tool("die"), tool("huge"), tool("fail"),
                            tool("image"), tool("flood"), tool("env"), tool("odd_answer"),
                            tool("refuse"), tool("progress"), tool("ask"), tool("grow")] + grown)
    if how == "endless":
        n = int(params.get("cursor", "0"))
        return {"tools": [tool(f"tool_{n}")], "nextCursor": str(n + 1)}
    half = len(tools) // 2
    if params.get("cursor"):
        return {"tools": tools[half:]}
    return {"tools": tools[:half], "nextCursor": "second"}


def ask(method):
    """What the client says to a request of ours."""
    params = {"roots/list": {}, "sampling/createMessage": {"messages": [], "maxTokens": 1},
              "elicitation/create": {"message": "Who?", "requestedSchema": {"type": "object", "properties": {}}}}
    asked[method] = answered = threading.Event()
    say({"jsonrpc": "2.0", "id": method, "method": method, "params": params[method]})
    answered.wait()
    return str(asked[method].get("error", {}).get("code"))


def call(name, arguments, request, token):
    text = arguments.get("text", "")
    answer = lambda content, **more: {"content": content, **more}
    words = lambda said: [{"type": "text", "text": said}]
    if name == "wait":
        time.sleep(float(text or 3600))
        return answer(words("waited"))
    if name == "die":
        sys.stderr.write("Traceback: I am \x1b[31mdying\n")
        sys.stderr.flush()
        os._exit(3)
    if name == "huge":
        return answer(words("start " + "x" * (int(text or 50) * 1_000_000) + " end"))
    if name == "fail":
        return answer(words("no such file"), isError=True)
    if name == "image":
        pixel = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
                 "YPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==")
        return answer(words("a picture:") + [{"type": "image", "data": pixel, "mimeType": "image/png"}])
    if name == "flood":
        for n in range(20_000):
            say({"jsonrpc": "2.0", "method": "notifications/progress",
                 "params": {"progressToken": request, "progress": n}})
        return answer(words("after the flood"))
    if name == "progress":
        for n in range(30):
            time.sleep(0.1)
            say({"jsonrpc": "2.0", "method": "notifications/progress",
                 "params": {"progressToken": token, "progress": n}})
            say({"jsonrpc": "2.0", "method": "notifications/message",
                 "params": {"level": "info", "data": f"{n} of 30"}})
        return answer(words("got on"))
    if name == "ask":
        return answer(words(" ".join(ask(method) for method in (
            "roots/list", "sampling/createMessage", "elicitation/create"))))
    if name == "grow":
        grown.append(tool("grown"))
        say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
        return answer(words("grew"))
    if name == "env":
        return answer(words(os.environ.get(text, "not set")))
    if name == "odd_answer":
        return {"neither": "content", "nor": ["anything"]}
    return answer(words(f"{name} says {text}"), structuredContent={"said": text})


def answer(message):
    method, params = message.get("method"), message.get("params") or {}
    if message.get("id") in asked and not method:
        answered = asked[message["id"]]
        asked[message["id"]] = message
        answered.set()
    if "id" not in message or not method:
        return
    reply = {"jsonrpc": "2.0", "id": message["id"]}
    if method == "initialize":
        if how == "hang":
            return
        if how == "refuse":
            say({**reply, "error": {"code": -32000, "message": "not today"}})
            return
        say({**reply, "result": {"protocolVersion": params["protocolVersion"],
                                 "capabilities": {"tools": {}},
                                 "serverInfo": {"name": "hostile", "version": "1"}}})
    elif method == "tools/list":
        if how == "hang-list":
            return
        say({**reply, "result": {"tools": "none"} if how == "no-list" else pages(params)})
    elif method == "tools/call":
        if params["name"] == "refuse":
            say({**reply, "error": {"code": -32602, "message": "wrong arguments"}})
        else:
            say({**reply, "result": call(params["name"], params.get("arguments") or {}, message["id"],
                                           (params.get("_meta") or {}).get("progressToken"))})
    else:
        say({**reply, "error": {"code": -32601, "message": "no such method"}})


if os.environ.get("PIDS"):
    with open(os.environ["PIDS"], "a") as pids:
        pids.write(f"{os.getpid()}\n")
if how == "crash":
    sys.exit("cannot find my files")
if how == "garbage":
    sys.stdout.write("Starting up…\n{\"json\": \"but no message\"}\n[1, 2\n\n\x00\xff\n")
    sys.stdout.flush()
if how == "line":
    # Longer than any client should hold, and no end.
    while True:
        sys.stdout.write("x" * 1_000_000)
if how == "stubborn":
    import signal

    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for line in sys.stdin:
    message = json.loads(line)
    if os.environ.get("LOG"):
        with open(os.environ["LOG"], "a") as log:
            log.write(line)
    threading.Thread(target=answer, args=(message,), daemon=True).start()
if how == "stubborn":
    time.sleep(3600)
