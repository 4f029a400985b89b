"""The chains that are compared: ours and its peers, one worker each, before the same upstream."""
import os
import shutil
import subprocess
import sys
import time

from bench_base import HOST, ROOT, SINK, STATUS, UPSTREAM, Chain, children, wait_port

sys.path.insert(0, str(ROOT / "tests" / "scenario"))
import harness  # noqa: E402 (found by the line above)


class Bench:
    def __init__(self, folder):
        self.folder, self.processes = folder, []

    def start(self, *command, **keywords):
        log = open(self.folder / "log", "ab")
        process = subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, stdin=subprocess.DEVNULL, **keywords)
        self.processes.append(process)
        return process

    def stop(self):
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return path

    def certificate(self):
        """One P-256 key for every peer, as we use ourselves."""
        self.key, self.cert = self.folder / "key.pem", self.folder / "cert.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}", "-keyout", self.key, "-out", self.cert],
                       check=True, capture_output=True)
        os.chmod(self.key, 0o600)
        (self.folder / "both.pem").write_text(self.cert.read_text() + self.key.read_text())

    def nginx(self, name, servers, upstreams=""):
        config = self.write(f"{name}.conf", f"""
daemon off; worker_processes 1; pid {self.folder}/{name}.pid; error_log {self.folder}/{name}.log crit;
worker_rlimit_nofile 8192;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 300s; sendfile on; tcp_nodelay on;
  client_body_temp_path {self.folder}/t1; proxy_temp_path {self.folder}/t2; fastcgi_temp_path {self.folder}/t3;
  uwsgi_temp_path {self.folder}/t4; scgi_temp_path {self.folder}/t5;
  ssl_certificate {self.cert}; ssl_certificate_key {self.key}; ssl_protocols TLSv1.3; ssl_session_cache off;
  proxy_ssl_protocols TLSv1.3; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host; proxy_max_temp_file_size 0; client_max_body_size 0; proxy_request_buffering off;
  {upstreams}
  {servers}
}}""")
        process = self.start(shutil.which("nginx") or "/usr/sbin/nginx", "-p", self.folder, "-c", config)
        return process

    def upstream(self):
        www = self.folder / "www"
        www.mkdir()
        (www / "1k").write_bytes(b"x" * 1024)
        (www / "1m").write_bytes(b"x" * (1 << 20))
        (www / "100m").write_bytes(b"x" * (100 << 20))
        os.chmod(self.folder, 0o755)
        self.nginx("upstream", f"""
  server {{ listen 127.0.0.1:{UPSTREAM} backlog=4096; root {www}; default_type text/plain; proxy_request_buffering on;
    location = /slow {{ alias {www}/1m; limit_rate 100k; }}
    location = /upload {{ client_body_buffer_size 2m; proxy_pass http://127.0.0.1:{SINK}; }} }}  # answers when it has read the body
  server {{ listen 127.0.0.1:{STATUS}; location /status {{ stub_status; }} }}""")
        self.nginx("sink", f"server {{ listen 127.0.0.1:{SINK} backlog=4096; location / {{ return 204; }} }}")  # not among those that are counted
        for port in (UPSTREAM, STATUS, SINK):
            wait_port(port)

    def worker_pids(self, process):
        deadline = time.monotonic() + 10
        while len(pids := children(process.pid)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        return pids

    def nginx_pair(self):
        agent = self.nginx("nn-agent", f"server {{ listen 127.0.0.1:18202 ssl backlog=4096; location / {{ proxy_pass http://up; }} }}",
                           f"upstream up {{ server 127.0.0.1:{UPSTREAM}; keepalive 512; keepalive_requests 1000000000; }}")
        edge = self.nginx("nn-edge", "server { listen 127.0.0.1:18201 ssl http2 backlog=4096; location / { proxy_pass https://agent; } }",
                          "upstream agent { server 127.0.0.1:18202; keepalive 512; keepalive_requests 1000000000; }")
        wait_port(18201)
        wait_port(18202)
        return Chain("nginx→nginx", 18201, {"edge": self.worker_pids(edge), "agent": self.worker_pids(agent)})

    def nginx_hop(self):
        edge = self.nginx("n1", "server { listen 127.0.0.1:18301 ssl http2 backlog=4096; location / { proxy_pass http://up; } }",
                          f"upstream up {{ server 127.0.0.1:{UPSTREAM}; keepalive 512; keepalive_requests 1000000000; }}")
        wait_port(18301)
        return Chain("one nginx hop", 18301, {"edge": self.worker_pids(edge)})

    def haproxy(self, name, listen, server):
        config = self.write(f"{name}.cfg", f"""
global
  nbthread 1
  maxconn 4096
  ssl-default-bind-options ssl-min-ver TLSv1.3
defaults
  mode http
  option http-keep-alive
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend in
  bind 127.0.0.1:{listen}
  default_backend out
backend out
  server s {server}
""")
        return self.start(shutil.which("haproxy") or "/usr/sbin/haproxy", "-db", "-f", config)

    def haproxy_pair(self):
        both = self.folder / "both.pem"
        agent = self.haproxy("hh-agent", f"18402 ssl crt {both} alpn h2", f"127.0.0.1:{UPSTREAM}")
        edge = self.haproxy("hh-edge", f"18401 ssl crt {both} alpn h2,http/1.1", "127.0.0.1:18402 ssl verify none alpn h2")
        wait_port(18401)
        wait_port(18402)
        return Chain("haproxy→haproxy (h2)", 18401, {"edge": [edge.pid], "agent": [agent.pid]})

    def nghttpx_pair(self):
        common = ["--workers=1", "--log-level=ERROR", "--accesslog-file=/dev/null", "--no-ocsp", "--single-process", "--conf=/dev/null"]
        agent = self.start("nghttpx", *common, "-f127.0.0.1,18502", f"-b127.0.0.1,{UPSTREAM}", self.key, self.cert)
        edge = self.start("nghttpx", *common, "-k", "-f127.0.0.1,18501", "-b127.0.0.1,18502;;tls;proto=h2", self.key, self.cert)
        wait_port(18501)
        wait_port(18502)
        return Chain("nghttpx→nghttpx", 18501, {"edge": [edge.pid], "agent": [agent.pid]})

    def ours(self):
        import harness
        harness.programs = lambda: harness.PLAIN
        (self.folder / "ours").mkdir()
        self.platform = harness.Platform(self.folder / "ours", level="info", arguments=("--workers", "1"))
        self.project = self.platform.project("bench")
        self.project.route("/")
        self.warpgate = self.project.start_warpgate(f"127.0.0.1:{UPSTREAM}", level="info")
        self.processes += [self.platform.process, self.warpgate.process]
        self.chain = Chain("mezusphere", self.platform.port, {"edge": [self.platform.process.pid], "agent": [self.warpgate.process.pid]})
        return self.chain
