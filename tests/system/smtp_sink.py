#!/usr/bin/python3
"""smtp_sink.py FOLDER CERTIFICATE KEY USER PASSWORD: an SMTP server that takes nothing without STARTTLS and a password, and keeps each
message as FOLDER/N.eml with its envelope in X-MailFrom and X-RcptTo. Prints its port.

A line on standard input is what becomes of the next message instead, and is answered "ok": `slow` (kept, and never answered), `deaf`
(neither kept nor answered), `die` (kept, and the connection cut), `garbage` (kept, and the answer is none), else the answer itself, such as
`451 4.3.0 later`. A message that is left without an answer is told of by a file N.begun."""
import asyncio
import logging
import ssl
import sys
import threading
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult


class Keep:
    def __init__(self, folder):
        self.folder, self.count, self.faults = Path(folder), 0, []

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        number, fault = self.count, self.faults.pop(0) if self.faults else ""
        if fault and fault not in ("slow", "deaf", "die", "garbage"):
            return fault
        if fault != "deaf":
            head = "".join(f"X-RcptTo: {address}\r\n" for address in envelope.rcpt_tos) + f"X-MailFrom: {envelope.mail_from}\r\n"
            unfinished = self.folder / f".{number}"
            unfinished.write_bytes(head.encode() + envelope.original_content)
            unfinished.rename(self.folder / f"{number}.eml")
        if fault == "garbage":
            return "\x16\x03 what is this"
        if fault == "die":
            server.transport.abort()
        elif fault:
            (self.folder / f"{number}.begun").touch()
            await asyncio.sleep(3600)
        return f"250 kept as {number}"


def read_faults(faults):
    for line in sys.stdin:
        faults.append(line.strip())
        print("ok", flush=True)


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
    threading.Thread(target=read_faults, args=(handler.faults,), daemon=True).start()
    await server.serve_forever()


if __name__ == "__main__":
    logging.disable(logging.WARNING)  # the library of its own deprecations
    asyncio.run(main(*sys.argv[1:]))
