"""origins.py: web servers as people run them (nginx, Python, Node), each serving the same small tree:

/public/…       what a route covers
/private/…      what no route covers; every file of it says SECRET
A path that one of them reads as a way from the one into the other is what an attacker looks for.
"""
import shutil
import socket
import textwrap

from harness import Program, eventually, free_port

SECRET = b"SECRET-canary"

NODE = """
const http = require('http'), fs = require('fs'), path = require('path'), root = process.argv[2];
const answer = (request, response) => {
  let name = request.url.split('?')[0].split('#')[0];
  for (let i = 0; i < 2; i++) { try { name = decodeURIComponent(name); } catch (error) { name = unescape(name); } }  // careless on purpose
  name = name.replace(/\\\\/g, '/').replace(/;[^/]*/g, '').replace(/\\0.*/, '').toLowerCase();
  fs.readFile(path.join(root, path.normalize('/' + name)), (error, data) => {
    response.writeHead(error ? 404 : 200); response.end(error ? 'nothing' : data);
  });
};
http.createServer((request, response) => {
  try { answer(request, response); } catch (error) { response.writeHead(400); response.end('no'); }
}).listen(+process.argv[3], '127.0.0.1');
"""

PYTHON = """
import http.server, os, sys
os.chdir(sys.argv[1])
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer.request_queue_size = 256
http.server.ThreadingHTTPServer(('127.0.0.1', int(sys.argv[2])), Handler).serve_forever()
"""

NGINX = """
daemon off; master_process off; error_log stderr crit; pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
    access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port}; merge_slashes on; root {root};
        location /private/ {{ return 200 {secret}; }}
    }}
}}
"""


class Origin(Program):
    def __init__(self, arguments, port):
        self.port, self.address = port, f"127.0.0.1:{port}"
        super().__init__(arguments)
        eventually(self.is_open, what=arguments[0])

    def is_open(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False


def tree(folder):
    for name, text in (("public", b"public"), ("private", SECRET)):
        (folder / "tree" / name).mkdir(parents=True)
        for file in ("index.html", "page", "secret"):
            (folder / "tree" / name / file).write_bytes(text)
    return folder / "tree"


def start(kind, folder):
    root, port = tree(folder), free_port()
    if kind == "nginx":
        (folder / "nginx.conf").write_text(textwrap.dedent(NGINX).format(folder=folder, port=port, root=root, secret=SECRET.decode()))
        return Origin([shutil.which("nginx") or "/usr/sbin/nginx", "-p", folder, "-c", folder / "nginx.conf"], port)
    if kind == "node":
        (folder / "serve.js").write_text(NODE)
        return Origin(["/usr/bin/node", folder / "serve.js", root, port], port)
    return Origin(["/usr/bin/python3", "-c", PYTHON, root, port], port)
