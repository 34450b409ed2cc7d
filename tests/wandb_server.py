"""A small server on the loopback that speaks as much of Weights & Biases' protocol as runs and workspaces need.

GraphQL under /graphql, the rows of a run under /files/<entity>/<project>/<run>/file_stream, its files under /upload.
What a client sent is kept as it came; `Server.run(id)` gives it back as a user of W&B would see it.
"""

import gzip
import json
import re
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

ENTITY = "somebody"
HISTORY = "wandb-history.jsonl"
LONG, LATE = 30.0, 2.0  # seconds


@dataclass
class Run:
    """What the server was told of one run.

    Attributes:
        fields: The last value of each field of the run, such as displayName, groupName and tags.
        config: The configuration, values only.
        lines: Of each streamed file, by their place in it.
        files: Uploaded files by name.
        exit_code: None while it goes on.
    """

    fields: dict[str, Any] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    lines: dict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    files: dict[str, bytes] = field(default_factory=dict)
    exit_code: int | None = None

    @property
    def history(self) -> list[dict[str, Any]]:
        """Return the logged rows in their order."""
        return [json.loads(line) for _, line in sorted(self.lines[HISTORY].items())]

    def state(self) -> dict[str, Any]:
        """Return what a client needs to go on with it; without telemetry ("t") it would take it for not begun."""
        rows = [line for _, line in sorted(self.lines[HISTORY].items())]
        told = {"id": self.fields["name"], "name": self.fields["name"], "tags": [], "wandbConfig": json.dumps({"t": 1})}
        counts = {"historyLineCount": len(rows), "eventsLineCount": 0, "logLineCount": 0}
        config = json.dumps({key: {"value": value} for key, value in self.config.items()})
        tails = {"historyTail": json.dumps(rows[-1:]), "eventsTail": "[]", "summaryMetrics": "{}"}
        return told | counts | tails | {"config": config}


class Server(ThreadingHTTPServer):
    """Keeps what it is told. `seen` has the name of each GraphQL operation, `views` the saved workspaces."""

    daemon_threads = True

    def __init__(self) -> None:
        self.trouble: Callable[[Handler], bool] | None = None  # of each request; whether it is answered nevertheless
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.runs: dict[str, Run] = defaultdict(Run)
        self.alerts: list[dict[str, Any]] = []
        self.views: list[dict[str, Any]] = []
        self.seen: list[str] = []

    def answer(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a GraphQL operation; null for those that nobody needs an answer to."""
        self.seen.append(operation)
        return ANSWERS[operation](self, variables) if operation in ANSWERS else {}


class Handler(BaseHTTPRequestHandler):
    """Reads a request of any method, and answers in JSON."""

    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read, answer."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.server.trouble is not None and not self.server.trouble(self):
            return
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        answer = json.dumps(self.answered(body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_PUT = do_POST

    def answered(self, body: bytes) -> dict[str, Any]:
        """Return what is answered at this path."""
        if self.path == "/graphql":
            asked = json.loads(body)
            name = re.search(r"(query|mutation)\s+(\w+)", asked["query"])
            return {"data": self.server.answer(name[2] if name else "", asked.get("variables") or {})}
        kind, *where = self.path.strip("/").split("/")
        if kind == "files" and where[-1] == "file_stream":
            stream(self.server.runs[where[-2]], json.loads(body))
        elif kind == "upload":
            self.server.runs[where[0]].files["/".join(where[1:])] = body
        return {}

    def handle(self) -> None:
        """Answer until the client goes away, however it does."""
        with suppress(ConnectionError):
            super().handle()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


def refusing_the_key(request: Handler) -> bool:
    """Answer that nobody has this key."""
    answer = b'{"errors": [{"message": "user is not logged in"}]}'
    request.send_response(401)
    request.send_header("Content-Length", str(len(answer)))
    request.end_headers()
    request.wfile.write(answer)
    return False


def silent(request: Handler) -> bool:
    """Take the request and say nothing for long."""
    time.sleep(LONG)
    return False


def slow(request: Handler) -> bool:
    """Answer late."""
    time.sleep(LATE)
    return True


def stream(run: Run, told: dict[str, Any]) -> None:
    """Keep the lines of a run's files at the places where they belong."""
    for name, chunk in (told.get("files") or {}).items():
        for place, line in enumerate(chunk["content"], chunk["offset"]):
            run.lines[name][place] = line
    if told.get("complete"):
        run.exit_code = told["exitcode"]


def upsert_run(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Make a run, or change one."""
    run = server.runs[told["name"]]
    inserted = not run.fields
    run.fields |= {name: value for name, value in told.items() if value is not None}
    config = json.loads(told["config"] or "{}")
    run.config |= {key: entry["value"] for key, entry in config.items()}
    project = {"id": "p", "name": told["project"], "entity": {"id": "e", "name": ENTITY}}
    names = {"id": told["name"], "name": told["name"], "displayName": run.fields.get("displayName")}
    bucket = {**names, "config": json.dumps(config), "project": project, "historyLineCount": len(run.lines[HISTORY])}
    return {"upsertBucket": {"bucket": bucket, "inserted": inserted}}


def resume_status(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Say how far a run is, if it is known."""
    bucket = server.runs[told["name"]].state() if told["name"] in server.runs else None
    return {"model": {"id": "p", "name": told["project"], "entity": {"id": "e", "name": ENTITY}, "bucket": bucket}}


def create_files(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Say where files are to be sent."""
    files = [{"name": name, "uploadUrl": f"{server.url}/upload/{told['run']}/{name}"} for name in told["files"]]
    return {"createRunFiles": {"runID": told["run"], "uploadHeaders": [], "files": files}}


def alert(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Keep an alert."""
    server.alerts.append(told)
    return {"notifyScriptableRunAlert": {"success": True}}


def save_view(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Keep a workspace or a report."""
    server.views.append(told)
    view = {"id": "Vmlldzox", "type": told["type"], "name": told["name"], "displayName": told["displayName"]}
    project = {"id": "p", "name": told["projectName"], "entityName": told["entityName"]}
    rest = {"description": "", "createdAt": None, "updatedAt": None, "spec": told["spec"], "project": project}
    return {"upsertView": {"view": view | rest, "inserted": True}}


def no_projects(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Say that nobody has a project yet."""
    return {"models": {"pageInfo": {"endCursor": None, "hasNextPage": False}, "edges": []}}


def viewer(server: Server, told: dict[str, Any]) -> dict[str, Any]:
    """Say who is logged in."""
    person = {
        "id": "u",
        "username": ENTITY,
        "entity": ENTITY,
        "name": ENTITY,
        "email": "",
        "flags": "{}",
        "admin": False,
    }
    return {"viewer": {**person, "teams": {"edges": []}, "apiKeys": {"edges": []}}}


ANSWERS = {
    "UpsertBucket": upsert_run,
    "RunResumeStatus": resume_status,
    "CreateRunFiles": create_files,
    "NotifyScriptableRunAlert": alert,
    "GetProjects": no_projects,
    "UpsertView2": save_view,
    "upsertView": save_view,
    "Viewer": viewer,
}


@contextmanager
def serving():
    """Serve in the block."""
    with Server() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
