// Checks on this page, in this browser, that the event shown stands in the log: the hash of its stored bytes, the way from there to the
// root (RFC 9162 2.1.3.2) and the signature on the checkpoint (C2SP signed-note, Ed25519). It writes text, never markup.
(() => {
  "use strict";

  const section = document.getElementById("proof");
  if (!section) return;
  const data = section.dataset;

  const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
  const same = (a, b) => a.length === b.length && a.every((byte, i) => byte === b[i]);
  const join = (...parts) => {
    const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
    let at = 0;
    for (const part of parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  };
  const sha256 = async (...parts) => new Uint8Array(await crypto.subtle.digest("SHA-256", join(...parts)));
  const utf8 = (text) => new TextEncoder().encode(text);

  class Wrong extends Error {}
  const demand = (holds, what) => {
    if (!holds) throw new Wrong(what);
  };
  const number = (text) => {
    demand(/^(0|[1-9][0-9]{0,18})$/.test(text), `no number: ${text}`);
    return BigInt(text);
  };
  const hash = (text) => {
    const bytes = bytesOf(text);
    demand(bytes.length === 32 && base64Of(bytes) === text, "no hash");
    return bytes;
  };

  const parseProof = (text) => {
    const end = text.indexOf("\n\n");
    demand(end > 0, "no proof");
    const lines = text.slice(0, end).split("\n");
    demand(lines.shift() === "c2sp.org/tlog-proof@v1", "no proof");
    if (lines[0]?.startsWith("extra ")) lines.shift();
    demand(lines[0]?.startsWith("index "), "no index");
    const index = number(lines.shift().slice(6));
    const path = lines.map(hash);

    const note = text.slice(end + 2);
    const split = note.indexOf("\n\n");
    demand(split > 0, "no checkpoint");
    const signed = note.slice(0, split + 1);
    const [origin, size, root] = signed.split("\n");
    const signatures = note.slice(split + 2).split("\n").filter(Boolean).map((line) => {
      const found = /^\u2014 (\S+) (\S+)$/.exec(line);
      demand(found, "no signature");
      return { name: found[1], bytes: bytesOf(found[2]) };
    });
    return { index, path, signed, origin, size: number(size), root: hash(root), signatures };
  };

  // RFC 9162 2.1.3.2: "If fn is equal to sn or LSB(fn) is set ..."
  const rootOf = async (leaf, { index, size, path }) => {
    demand(index < size, "the index lies outside the tree");
    let fn = index;
    let sn = size - 1n;
    let at = leaf;
    for (const sibling of path) {
      demand(sn !== 0n, "the way is too long");
      if ((fn & 1n) === 1n || fn === sn) {
        at = await sha256(Uint8Array.of(1), sibling, at);
        while ((fn & 1n) === 0n && fn !== 0n) {
          fn >>= 1n;
          sn >>= 1n;
        }
      } else {
        at = await sha256(Uint8Array.of(1), at, sibling);
      }
      fn >>= 1n;
      sn >>= 1n;
    }
    demand(sn === 0n, "the way is too short");
    return at;
  };

  // True or false, or null when this browser has no Ed25519 or nobody named a key.
  const signedBy = async (vkey, proof) => {
    if (!vkey) return null;
    const found = /^([^+\s]+)\+([0-9a-f]{8})\+(\S+)$/.exec(vkey);
    demand(found, "no key");
    const [, name, , encoded] = found;
    const key = bytesOf(encoded);
    demand(key.length === 33 && key[0] === 1, "no Ed25519 key");
    const id = (await sha256(utf8(`${name}\n`), key)).slice(0, 4);
    demand(name === proof.origin, "the key is another log's");
    const signature = proof.signatures.find((one) => one.name === name && one.bytes.length === 68 && same(one.bytes.slice(0, 4), id));
    demand(signature, "not signed with this key");
    let imported;
    try {
      imported = await crypto.subtle.importKey("raw", key.slice(1), { name: "Ed25519" }, false, ["verify"]);
    } catch {
      return null;
    }
    return crypto.subtle.verify({ name: "Ed25519" }, imported, signature.bytes.slice(4), utf8(proof.signed));
  };

  // What is proved must be what the page shows.
  const saysTheSame = (stored) => {
    const event = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(stored));
    const details = (object) => JSON.stringify(Object.entries(object ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)));
    return event.id === data.event && event.code === data.code && event.outcome === data.outcome && event.time === data.time &&
      (event.reason ?? "") === data.reason && (event.request_id ?? "") === data.request && (event.session_ref ?? "") === data.session &&
      details(event.details) === details(JSON.parse(data.details));
  };

  const tell = (state) => {
    for (const element of section.querySelectorAll("[data-state]")) element.hidden = element.dataset.state !== state;
    section.dataset.result = state;
  };
  const fact = (name, text) => {
    document.getElementById(`proof-${name}`).textContent = text;
  };

  const check = async () => {
    if (!globalThis.crypto?.subtle) return "unable";
    let response;
    try {
      response = await fetch(data.proofUrl, { headers: { Accept: "text/plain" }, credentials: "same-origin" });
    } catch {
      return "unreachable";
    }
    if (!response.ok) return "unreachable";
    try {
      const stored = bytesOf(data.stored);
      const proof = parseProof(await response.text());
      fact("index", proof.index.toString());
      fact("size", proof.size.toString());
      fact("root", base64Of(proof.root));
      fact("origin", proof.origin);
      document.getElementById("proof-facts").hidden = false;
      demand(saysTheSame(stored), "the stored event is another");
      demand(same(await rootOf(await sha256(Uint8Array.of(0), stored), proof), proof.root), "the hashes lead to another root");
      const signed = await signedBy(data.vkey, proof);
      demand(signed !== false, "the signature is wrong");
      return signed === null ? "unsigned" : "proved";
    } catch (error) {
      fact("why", error instanceof Wrong ? error.message : "unreadable");
      return "wrong";
    }
  };

  tell("checking");
  check().then(tell);
})();
