// npm jose signing and verifying the ES256 token of jose_bench, one after the other as a server would: jose_npm.mjs [SECONDS]
// Prints {"sign": per second, "verify": per second}, seconds of CPU time of all its threads, as jose_bench counts.
import { SignJWT, generateKeyPair, jwtVerify } from "jose";

const seconds = Number(process.argv[2] ?? 1);
const { publicKey, privateKey } = await generateKeyPair("ES256");
const expected = { issuer: "https://id.example.com", audience: "https://api.example.com", typ: "at+jwt", algorithms: ["ES256"] };

const sign = () =>
  new SignJWT({
    iss: expected.issuer,
    sub: "01934f2e-7b1c-7d3a-9f00-0a1b2c3d4e5f",
    aud: expected.audience,
    iat: 1764000000,
    exp: 4102444800,
    jti: "pZ1xLq3o9sYk2mVbT7uWcA",
    sid: "01934f2e-7b1c-7d3a-9f00-112233445566",
    amr: ["pwd", "otp"],
    acr: "urn:zephyr:mfa",
  })
    .setProtectedHeader({ alg: "ES256", kid: "2026-11-es256-1", typ: "at+jwt" })
    .sign(privateKey);

async function perSecond(once) {
  for (let i = 0; i < 500; ++i) await once(); // until the engine has compiled it
  const used = (since) => process.cpuUsage(since).user + process.cpuUsage(since).system;
  const start = process.cpuUsage();
  let count = 0;
  while (used(start) < seconds * 1e6) {
    for (let i = 0; i < 20; ++i) await once();
    count += 20;
  }
  return count / (used(start) / 1e6);
}

const token = await sign();
const result = { sign: await perSecond(sign), verify: await perSecond(() => jwtVerify(token, publicKey, expected)) };
console.log(JSON.stringify(result));
