"""apart.py: the platform as programs apart: control planes, edges, and a port of its own for each."""
from pathlib import Path

from harness import DOMAIN, Api, Program, Project, Visitor, free_port, programs


class Control(Program):
    """mezusphere control; what Api and Project need of a platform."""

    def __init__(self, folder, arguments=(), env=None, level="debug", port=None):
        self.folder = Path(folder)
        self.ca = self.folder / "ca.pem"
        self.password = "a long enough password"
        self.env = env or {}
        self.port = port or free_port()
        super().__init__([programs() / "mezusphere", "control", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}",
                          "--log-level", level, *arguments],
                         env={"MEZUSPHERE_ADMIN_PASSWORD": self.password, **self.env})
        self.wait_line(r"API\s+https://api\.[\w.]+:(\d+)/v1")
        self.api = None

    def login(self):
        if self.api is None:
            token = Api(self).post("/v1/sessions", {"email": f"admin@{DOMAIN}", "password": self.password})["token"]
            self.api = Api(self, token)
        return self.api

    def organization(self):
        return self.login().get("/v1/organizations")["items"][0]

    def project(self, name):
        return Project(self, name)

    def join_token(self, **members):
        return self.login().post("/v1/edges/join-tokens", members)["token"]

    def edges(self):
        return self.login().get("/v1/edges")["items"]


class Edge(Program):
    """mezusphere edge; visitors come to its own port."""

    def __init__(self, folder, ca, token=None, arguments=(), env=None, level="debug", port=None, wait=True):
        self.folder = Path(folder)
        self.ca = ca
        self.port = port or free_port()
        names = {"MEZUSPHERE_JOIN": token} if token else {}
        super().__init__([programs() / "mezusphere", "edge", "--data", self.folder, "--listen", f"127.0.0.1:{self.port}",
                          "--log-level", level, *arguments], env={**names, **(env or {})})
        if wait:
            self.wait_line(r"mezusphere\.serving")

    @property
    def id(self):
        return self.wait_line(r"mezusphere\.serving edge=(edg_\w+)").group(1)

    def visit(self, host, method="GET", path="/", headers=(), body=b""):
        with Visitor(self.port, host, self.ca) as visitor:
            return visitor.request(method, path, headers, body)


def join(control, folder, **options):
    """An edge that joins now, on a port of its own."""
    return Edge(folder, control.ca, control.join_token(), **options)
