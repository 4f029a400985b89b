"""Mails: invitations by a real mail server, with STARTTLS and authentication, that is away and comes back; and into a folder."""
import datetime
import email
import email.policy
import ssl

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import DOMAIN, Api, Platform, eventually, free_port

USER, PASSWORD = "mezusphere", "the mail server's own secret"
NEW_PASSWORD = "a password for a new person"


class Box:
    """What the server has taken."""

    def __init__(self):
        self.mails, self.refuse = [], None

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope, email.message_from_bytes(envelope.content, policy=email.policy.default)))
        return "250 OK"


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=(data.login, data.password) == (USER.encode(), PASSWORD.encode()))


def make_certificate(folder):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.utcnow()
    certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
                   .not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
                   .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
                   .add_extension(x509.BasicConstraints(True, None), True).sign(key, hashes.SHA256()))
    (folder / "mail.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "mail.key").write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                                        serialization.NoEncryption()))
    return folder / "mail.pem", folder / "mail.key"


class MailServer:
    def __init__(self, folder, port):
        self.box, self.port = Box(), port
        self.certificate, key = make_certificate(folder)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, key)
        self.context, self.controller = context, None

    def start(self):
        self.controller = Controller(self.box, hostname="127.0.0.1", port=self.port, tls_context=self.context, require_starttls=True,
                                     authenticator=authenticate, auth_required=True, auth_require_tls=True, server_hostname="localhost")
        self.controller.start()

    def stop(self):
        if self.controller:
            self.controller.stop()
            self.controller = None


@pytest.fixture
def mail_server(tmp_path):
    server = MailServer(tmp_path, free_port())
    yield server
    server.stop()


def start(tmp_path, server, password=PASSWORD, ca=True, port=None):
    arguments = ["--mail", f"smtp://localhost:{server.port}", "--mail-from", "Mézusphère <noreply@example.com>"]
    if ca:
        arguments += ["--mail-ca-file", server.certificate]
    return Platform(tmp_path, port, arguments=arguments, env={"MEZUSPHERE_MAIL_USER": USER, "MEZUSPHERE_MAIL_PASSWORD": password})


def invite(platform, address, role="developer"):
    path = f"/v1/organizations/{platform.organization()['id']}/invitations"
    return platform.login().post(path, {"email": address, "role": role})


def delivery(platform, invitation):
    return platform.login().get(f"/v1/invitations/{invitation['id']}")


def test_a_mail_arrives_once_when_the_server_is_back(tmp_path, mail_server):
    platform = start(tmp_path, mail_server)
    try:
        platform.login().patch("/v1/me", {"name": "Zoë \"the\" Owner"})
        invitation = invite(platform, "ada@example.net")
        assert invitation["accept_url"] is None
        eventually(lambda: delivery(platform, invitation)["delivery_error"])
        assert delivery(platform, invitation)["delivery"] == "queued"
        waiting = platform.login().get("/v1/mails")["items"]
        assert [mail["recipient"] for mail in waiting] == ["ada@example.net"] and waiting[0]["attempts"] >= 1
        # It outlives the process.
        assert platform.stop() == 0
        mail_server.start()
        platform = start(tmp_path, mail_server, port=platform.port)
        eventually(lambda: delivery(platform, invitation)["delivery"] == "sent", timeout=60)
        platform.wait_line(r"mail\.sent")
        assert len(mail_server.box.mails) == 1
        envelope, mail = mail_server.box.mails[0]
        assert envelope.rcpt_tos == ["ada@example.net"] and envelope.mail_from == "noreply@example.com"
        assert mail["from"] == "Mézusphère <noreply@example.com>" and mail["to"] == "ada@example.net"
        assert mail["subject"] == "Invitation to Default on Mezusphere"
        text = mail.get_body(("plain",)).get_content()
        html = mail.get_body(("html",)).get_content()
        assert "Zoë \"the\" Owner invites you" in text and "Zoë &quot;the&quot; Owner" in html
        link = next(line for line in text.splitlines() if line.startswith("https://"))
        base, _, token = link.partition("#")
        assert base == f"https://console.{DOMAIN}:{platform.port}/invitations/accept" and link in html
        made = Api(platform).post("/v1/invitations/accept", {"token": token, "name": "Ada", "password": NEW_PASSWORD})
        assert made["role"] == "developer"
        assert Api(platform, made["session"]["token"]).get("/v1/me")["email"] == "ada@example.net"
        assert platform.login().get("/v1/mails")["items"] == []
        assert PASSWORD not in platform.output and token not in platform.output
    finally:
        platform.stop()


def test_whom_the_server_refuses_is_given_up(tmp_path, mail_server):
    mail_server.box.refuse = "550 5.1.1 nobody of that name here"
    mail_server.start()
    platform = start(tmp_path, mail_server)
    try:
        invitation = invite(platform, "nobody@example.net")
        eventually(lambda: delivery(platform, invitation)["delivery"] == "failed")
        assert "550" in delivery(platform, invitation)["delivery_error"]
        assert platform.login().get("/v1/mails")["items"][0]["status"] == "failed"
        assert mail_server.box.mails == []
    finally:
        platform.stop()


@pytest.mark.parametrize("password, ca", [("wrong", True), (PASSWORD, False)], ids=["wrong password", "unknown certificate"])
def test_nothing_is_told_to_a_wrong_server(tmp_path, mail_server, password, ca):
    mail_server.start()
    platform = start(tmp_path, mail_server, password, ca)
    try:
        invitation = invite(platform, "ada@example.net")
        eventually(lambda: delivery(platform, invitation)["delivery_error"])
        assert delivery(platform, invitation)["delivery"] == "queued" and mail_server.box.mails == []
    finally:
        platform.stop()


def test_into_a_folder(tmp_path):
    folder = tmp_path / "mails"
    folder.mkdir()
    platform = Platform(tmp_path, arguments=["--mail", f"file:{folder}"])
    try:
        invite(platform, "grace@example.net", "viewer")
        eventually(lambda: list(folder.glob("*.eml")))
        (path,) = folder.glob("*.eml")
        mail = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
        assert mail["to"] == "grace@example.net" and mail["from"] == f"noreply@{DOMAIN}"
        assert path.stat().st_mode & 0o777 == 0o600
    finally:
        platform.stop()
