#!/usr/bin/env python3
"""Verifies the webhooks of an ODS node and posts a message to a chat (Slack, Mattermost, Teams: anything with an incoming
webhook that takes {"text": …}). Only the standard library is used.

    ODS_WEBHOOK_SECRET=whsec_… CHAT_URL=https://hooks.slack.com/… ./receiver.py [PORT]

and on the node:

    ods webhook add http://127.0.0.1:8080/ --allow-private --name chat --type 'package.*' --type node.alarm
"""

import base64
import collections
import hashlib
import hmac
import http.server
import json
import os
import sys
import time
import urllib.error
import urllib.request

BODY_BYTES_MAX = 1 << 20
TOLERANCE_S = 300
SEEN_MAX = 10_000
# 401, 403 and 404 are an address that somebody will mend, 408 and 429 pass.
REFUSED_FOR_GOOD = (400, 413, 422)


def is_signed(secrets, headers, body, now):
    """Whether one of the secrets signed this lately (Standard Webhooks 1.0)."""
    message, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12) or abs(now - int(timestamp)) > TOLERANCE_S:
        return False
    signed = f"{message}.{timestamp}.".encode() + body
    given = [part.partition(",")[2] for part in headers.get("webhook-signature", "").split() if part.startswith("v1,")]
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        if any(hmac.compare_digest(expected.encode(), signature.encode()) for signature in given):
            return True
    return False


def escaped(text):
    """So that a name in it mentions nobody and links nowhere (Slack: "Escaping text"; Mattermost: `@channel`)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("@", "@\u200b")


def message_of(event):
    """An event in a line for people; None for those that nobody wants to read."""
    kind, data, node = event["type"], event["data"], event.get("node", {}).get("name", "ODS")
    package = data.get("package") or {}
    what = " ".join(part for part in (data.get("path"), package.get("version") and f"({package['version']})") if part)
    by = (package.get("published_by") or {}).get("by")
    texts = {
        "package.published": f"{what} was published by {by}",
        "package.replaced": f"{what} was replaced by {by}",
        "package.removed": f"{what} was removed",
        "package.conflict": f"{what} was published differently in two places; decide which one stays",
        "package.replicated": f"{what} is on every node",
        "node.alarm": f"alarm {data.get('code')}: {data.get('detail')}",
        "watch.refused": f"{data.get('file')} was not published: {data.get('reason')}",
        "webhook.test": "a test: webhooks work",
    }
    return escaped(f"[{node}] {texts[kind]}") if kind in texts else None


def post(chat_url, text):
    body = json.dumps({"text": text}).encode()
    request = urllib.request.Request(chat_url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10):
        pass


class Receiver(http.server.BaseHTTPRequestHandler):
    """Takes deliveries. One that can't be posted is refused, so that the node sends it again."""

    secrets, chat_url = [], ""
    # Seconds that a client may say nothing: they are served one at a time.
    timeout = 10
    seen = collections.OrderedDict()

    def do_POST(self):
        length = self.headers.get("content-length") or "0"
        if not (length.isascii() and length.isdigit()):
            return self.answer(400)
        if len(length) > 10 or int(length) > BODY_BYTES_MAX:
            return self.answer(413)
        length = int(length)
        body = self.rfile.read(length)
        if not is_signed(self.secrets, self.headers, body, time.time()):
            return self.answer(401)
        identity = self.headers["webhook-id"]
        # The node sends at least once: what was posted already isn't posted again.
        if identity not in self.seen:
            text = message_of(json.loads(body))
            try:
                if text:
                    post(self.chat_url, text)
            except urllib.error.HTTPError as error:
                print(f"the chat answered {error.code} to: {text}", file=sys.stderr)
                # What it will never take mustn't hold up what comes after it.
                if error.code not in REFUSED_FOR_GOOD:
                    return self.answer(503)
            except OSError as error:
                print(f"the chat can't be reached: {error}", file=sys.stderr)
                return self.answer(503)
            self.seen[identity] = None
            while len(self.seen) > SEEN_MAX:
                self.seen.popitem(last=False)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


def setting(name):
    """What the environment says; without it nothing would work."""
    return os.environ.get(name) or sys.exit(f"set {name}; the head of {os.path.basename(__file__)} shows how")


def main():
    Receiver.secrets = setting("ODS_WEBHOOK_SECRET").split(",")
    for secret in Receiver.secrets:
        if not secret.startswith("whsec_"):
            sys.exit("ODS_WEBHOOK_SECRET is what `ods webhook add` printed, whsec_…; several have commas between, without blanks")
    Receiver.chat_url = setting("CHAT_URL")
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    # One at a time: the node sends in order, and the chat shall show it so.
    http.server.HTTPServer(("127.0.0.1", port), Receiver).serve_forever()


if __name__ == "__main__":
    main()
