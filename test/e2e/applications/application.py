# A small WSGI application (PEP 3333) on the standard library, started as `python3 application.py PORT`.

import json
import sys
from wsgiref.simple_server import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass


def application(environ, start_response):
    """Answers with what CGI-like applications see of a request."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    body = environ["wsgi.input"].read(length)
    seen = {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    seen["path"] = environ["PATH_INFO"]
    seen["query"] = environ["QUERY_STRING"]
    seen["body"] = body.decode("latin1")
    text = json.dumps(seen).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(text)))])
    return [text]


make_server("127.0.0.1", int(sys.argv[1]), application, handler_class=Quiet).serve_forever()
