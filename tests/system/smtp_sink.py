#!/usr/bin/python3
"""smtp_sink.py FOLDER CERTIFICATE KEY USER PASSWORD: an SMTP server that takes nothing without STARTTLS and a password, and keeps each message as
FOLDER/N.eml with its envelope in X-MailFrom and X-RcptTo. Prints its port."""
import asyncio
import ssl
import sys
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, folder):
        self.folder, self.count = Path(folder), 0

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        head = "".join(f"X-RcptTo: {address}\r\n" for address in envelope.rcpt_tos) + f"X-MailFrom: {envelope.mail_from}\r\n"
        unfinished = self.folder / f".{self.count}"
        unfinished.write_bytes(head.encode() + envelope.original_content)
        unfinished.rename(self.folder / f"{self.count}.eml")
        return f"250 kept as {self.count}"


async def main(folder, certificate, key, user, password):
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)

    def authenticate(server, session, envelope, mechanism, data):
        right = data is not None and data.login == user.encode() and data.password == password.encode()
        return AuthResult(success=right, handled=right or False)

    handler = Keep(folder)

    def make():
        return SMTP(handler, tls_context=tls, require_starttls=True, auth_required=True, auth_require_tls=True, authenticator=authenticate,
                    hostname="localhost", enable_SMTPUTF8=True)

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
