// Every second factor in a real browser against the built server: an authenticator app by a QR code that is decoded independently, a code by
// e-mail through an SMTP server with STARTTLS and AUTH, a code by SMS through a gateway that speaks Twilio's API, backup codes; choosing among
// them; trusted browsers; the forced choice; everything by keyboard, without JavaScript, at three widths, light and dark, under axe-core.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { binary, code, count, done, follow, freePort, look, password, pathOf, readQr, root, signIn, startChild, stopChild, submit, until } from './kit.mjs';

const number = '+49 151 23456789';
const address = 'ada@example.test';
const twilio = { sid: `AC${'0'.repeat(31)}1`, token: 'twilio-token-of-a-test' };
const mailPassword = 'mail-password-of-a-test';

// --- Where codes arrive ---

async function startGateway() {
  const sent = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => { body += chunk; });
    request.on('end', () => {
      const right = request.headers.authorization === `Basic ${Buffer.from(`${twilio.sid}:${twilio.token}`).toString('base64')}`;
      if (!right || request.url !== `/2010-04-01/Accounts/${twilio.sid}/Messages.json`) {
        response.writeHead(right ? 404 : 401, { 'Content-Type': 'application/json' }).end('{"code":20003,"message":"Authenticate","status":401}');
        return;
      }
      const fields = new URLSearchParams(body);
      sent.push({ to: fields.get('To'), body: fields.get('Body'), taken: false });
      response.writeHead(201, { 'Content-Type': 'application/json' })
        .end(JSON.stringify({ sid: `SM${String(sent.length).padStart(32, '0')}`, status: 'queued', to: fields.get('To') }));
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const next = () => until('an SMS', () => {
    const message = sent.find((one) => !one.taken);
    if (message) message.taken = true;
    return message;
  });
  return { server, sent, url: `http://127.0.0.1:${server.address().port}`, code: async () => /\b\d{6}\b/.exec((await next()).body)[0] };
}

function certificate(folder) {
  const file = (name) => join(folder, name);
  const run = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });
  run('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('ca.key'), '-out', file('ca.pem'), '-days', '30',
    '-subj', '/CN=Test CA', '-addext', 'basicConstraints=critical,CA:TRUE', '-addext', 'keyUsage=critical,keyCertSign,cRLSign');
  run('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file('mail.key'), '-out', file('mail.csr'), '-subj', '/CN=localhost');
  writeFileSync(file('mail.ext'), 'subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n');
  run('x509', '-req', '-in', file('mail.csr'), '-CA', file('ca.pem'), '-CAkey', file('ca.key'), '-CAcreateserial', '-out', file('mail.pem'), '-days', '30',
    '-extfile', file('mail.ext'));
  return { ca: file('ca.pem'), cert: file('mail.pem'), key: file('mail.key') };
}

async function startMail(folder) {
  const { ca, cert, key } = certificate(folder);
  const box = join(folder, 'mail');
  mkdirSync(box);
  const { child, what } = await startChild('/usr/bin/python3', [join(root, 'tests/system/smtp_sink.py'), box, cert, key, 'zephyr', mailPassword],
    (text) => /^(\d+)\n/.exec(text)?.[1]);
  const taken = new Set();
  const plain = (file) => execFileSync('/usr/bin/python3', ['-c',
    'import email, email.policy, sys; m = email.message_from_binary_file(sys.stdin.buffer, policy=email.policy.default); '
    + 'print(m["X-RcptTo"], m.get_body(("plain",)).get_content(), sep="\\n")'], { input: readFileSync(file), encoding: 'utf8' });
  const next = (pattern, to) => until('a mail', () => {
    for (const name of readdirSync(box).filter((one) => one.endsWith('.eml')).sort((a, b) => parseInt(a, 10) - parseInt(b, 10))) {
      if (taken.has(name)) continue;
      const text = plain(join(box, name));
      const found = pattern.exec(text);
      if (!found || !text.startsWith(`${to}\n`)) continue;
      taken.add(name);
      return found[0];
    }
    return null;
  });
  return { child, port: what, ca, code: (to = address) => next(/^\d{6}$/m, to), link: (to = address) => next(/https?:\/\/\S+/, to) };
}

async function startServer(folder, gateway, mail) {
  const secret = (name, text) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const { child, what } = await startChild(binary, ['serve', '--data', join(folder, 'data'), '--listen', `127.0.0.1:${port}`, '--server-public-url', url,
    '--log-level', 'warning', '--signup-open', '--mfa-trusted-devices', '--mfa-required-for', 'role:auditor',
    '--mfa-sms-provider', 'twilio', '--mfa-sms-prefixes', '+49', '--mfa-sms-per-number-per-hour', '20', '--mfa-sms-per-person-per-hour', '20',
    '--twilio-url', gateway.url, '--twilio-account-sid', twilio.sid, '--twilio-auth-token-file', secret('twilio-token', twilio.token), '--twilio-from', '+4915100000000',
    '--mfa-email-provider', 'smtp', '--mail-from', 'login@example.test', '--smtp-host', 'localhost', '--smtp-port', mail.port, '--smtp-username', 'zephyr',
    '--smtp-password-file', secret('mail-password', mailPassword), '--smtp-ca-file', mail.ca,
    '--limits-sign-in-per-minute', '0', '--limits-factor-per-minute', '0', '--limits-register-per-hour', '0'],
  (text) => /http:\/\/\S+\/setup\/\S+/.exec(text)?.[0]);
  return { child, url, link: what };
}

// --- Watching the browser ---

function watched(page, url, problems) {
  page.on('console', (message) => { if (message.type() === 'error' && !/status of (4|5)\d\d/.test(message.text())) problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => { if (!/^(data|blob):/.test(request.url()) && !request.url().startsWith(url)) problems.push(`asked ${request.url()}`); });
  return page;
}

// --- The jobs ---

async function keepBackupCodes(page) {
  await look(page, 'backup-codes');
  await submit(page, 'Make backup codes');
  const codes = await page.locator('#backup-codes code').allTextContents();
  assert.equal(new Set(codes).size, 10);
  await look(page, 'backup-codes-shown');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download as text' }).click()]);
  assert.equal(download.suggestedFilename(), 'backup-codes.txt');
  const text = readFileSync(await download.path(), 'utf8');
  for (const one of codes) assert.ok(text.includes(`${one}\r\n`), 'the file holds every code');
  await page.evaluate(() => { window.printed = 0; window.print = () => { window.printed += 1; }; });
  await page.getByRole('button', { name: 'Print' }).click();
  assert.equal(await page.evaluate(() => window.printed), 1);
  const sheet = (await page.pdf({ format: 'A4' })).toString('latin1');
  assert.equal(sheet.match(/\/Type\s*\/Page\b/g).length, 1, 'backup codes print on one sheet');
  await page.getByRole('button', { name: 'Copy' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), `${codes.join('\n')}\n`);
  done('backup codes are shown once, download as text, print on one sheet and can be copied');
  return codes;
}

async function setUp(browser, { url, link }, folder, problems) {
  const context = await browser.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
  const page = watched(await context.newPage(), url, problems);
  await page.goto(link);
  for (const [name, text] of [['username', 'ada'], ['email', address], ['display_name', 'Ada Lovelace'], ['password', password]]) {
    await page.fill(`input[name=${name}]`, text);
  }
  await submit(page);
  assert.equal(pathOf(page), '/account/factors');
  await look(page, 'choose-factor');
  assert.ok(await page.getByText('Text messages can be intercepted; an app is safer.').isVisible());
  done('whoever needs a second factor chooses which');

  await submit(page, 'Add Authenticator app');
  assert.equal(pathOf(page), '/account/factors/totp');
  const uri = await readQr(page, folder);
  const secret = new URL(uri).searchParams.get('secret');
  assert.equal(secret.length, 32);
  assert.equal((await page.locator('#secret code').allTextContents()).join(''), secret);
  assert.ok((await page.locator('#secret code').allTextContents()).every((group) => group.length === 4));
  await page.fill('input[name=code]', code(secret));
  await submit(page);
  assert.equal(pathOf(page), '/account/factors/backup-codes');
  done('the QR code is read by an independent decoder, and its code enrols the app');

  const codes = await keepBackupCodes(page);
  await follow(page, 'I have kept them');
  assert.equal(pathOf(page), '/admin');
  return { context, page, secret, codes };
}

async function enrolSms(page, url, gateway) {
  await page.goto(`${url}/account/factors/sms`);
  await look(page, 'enrol-sms');
  await page.fill('input[name=phone]', 'call me');
  await submit(page);
  assert.equal(await page.inputValue('input[name=phone]'), 'call me');
  await look(page, 'enrol-sms-error');
  await page.fill('input[name=phone]', number);
  await submit(page);
  await look(page, 'enrol-sms-sent');
  await page.fill('input[name=code]', '000000');
  await submit(page);
  assert.ok(await page.locator('[role=alert]').isVisible());
  await page.fill('input[name=code]', await gateway.code());
  await submit(page, 'Add this number');
  assert.equal(pathOf(page), '/account');
  assert.equal(gateway.sent[0].to, '+4915123456789');
  done('a number is enrolled by a code that came through the gateway');
}

async function enrolEmail(page, url, mail) {
  await page.goto(`${url}/account/factors/email`);
  assert.ok(await page.getByText('Confirm yours first').isVisible());
  await look(page, 'enrol-email-unverified');
  await page.goto(`${url}/account/email`);
  await submit(page);
  await page.goto(url + new URL(await mail.link()).pathname);
  await submit(page);
  await page.goto(`${url}/account/factors/email`);
  await look(page, 'enrol-email');
  await submit(page, 'Send the code');
  await look(page, 'enrol-email-sent');
  await page.fill('input[name=code]', await mail.code());
  await submit(page, 'Add email');
  assert.equal(pathOf(page), '/account');
  await look(page, 'account-factors');
  done('an address is enrolled by a code that came by SMTP with STARTTLS and a password');
}

async function inNewBrowser(browser, url, problems, job, options = {}) {
  const context = await browser.newContext(options);
  const page = watched(await context.newPage(), url, problems);
  await job(page);
  await context.close();
}

async function chooseAtSignIn(browser, url, { gateway, secret, codes }, problems) {
  await inNewBrowser(browser, url, problems, async (page) => {
    await signIn(page, url, 'ada');
    assert.equal(pathOf(page), '/sign-in/factor');
    assert.deepEqual(await page.locator('.choices a span').allTextContents(), ['Get a code by text message', 'Use a backup code'],
      'no code by email beside what counts');
    assert.equal(await page.locator('input[name=trust_device]').count(), 0, 'no trust for whoever must have a second factor');
    await look(page, 'second-factor-choice');
    await page.fill('input[name=code]', code(secret, 1));
    await submit(page);
    assert.equal((await page.goto(`${url}/admin`)).status(), 200);
  });
  done('the strongest method comes first, and the app signs in');

  await inNewBrowser(browser, url, problems, async (page) => {
    await signIn(page, url, 'ada');
    await follow(page, 'Get a code by text message');
    await look(page, 'second-factor-send');
    await submit(page, 'Send the code');
    assert.ok(await page.getByRole('button', { name: 'Another code in' }).isDisabled());
    await look(page, 'second-factor-sent');
    await page.fill('input[name=code]', await gateway.code());
    await submit(page);
    assert.equal((await page.goto(`${url}/admin`)).status(), 200);
  });
  done('a code by SMS signs in, one tap away');

  await inNewBrowser(browser, url, problems, async (page) => {
    await signIn(page, url, 'ada');
    await follow(page, 'Use a backup code');
    await page.fill('input[name=code]', 'AAAA-AAAA-AAAA-AAAA');
    await submit(page);
    await look(page, 'second-factor-backup-error');
    await page.fill('input[name=code]', codes[0].toLowerCase().replaceAll('-', ' '));
    await submit(page);
    await page.goto(`${url}/account`);
    assert.ok(await page.getByText('You have 9 backup codes left.').isVisible());
  });
  await inNewBrowser(browser, url, problems, async (page) => {
    await signIn(page, url, 'ada');
    await follow(page, 'Use a backup code');
    await page.fill('input[name=code]', codes[0]);
    await submit(page);
    assert.equal(pathOf(page), '/sign-in/factor');
    assert.ok(await page.locator('[role=alert]').isVisible());
  });
  done('a backup code signs in once, however it is typed');
}

async function withoutScript(browser, url, mail, problems) {
  const own = 'emmy@example.test';
  await inNewBrowser(browser, url, problems, async (page) => {
    await page.goto(`${url}/sign-up`);
    for (const [name, text] of [['username', 'emmy'], ['email', own], ['password', password]]) await page.fill(`input[name=${name}]`, text);
    await submit(page);
    await page.goto(`${url}/account/email`);
    await submit(page);
    await page.goto(url + new URL(await mail.link(own)).pathname);
    await submit(page);
    await page.goto(`${url}/account/factors/email`);
    await submit(page, 'Send the code');
    await page.fill('input[name=code]', await mail.code(own));
    await submit(page, 'Add email');
    assert.equal(pathOf(page), '/account', 'no backup codes beside an email alone');
  });
  await inNewBrowser(browser, url, problems, async (page) => {
    await page.goto(`${url}/sign-in`);
    await page.fill('input[name=username]', 'emmy');
    await page.fill('input[name=password]', password);
    await submit(page);
    await submit(page);
    const first = await mail.code(own);
    await Promise.all([page.waitForNavigation(), page.locator('form[action="/sign-in/factor/send"] button').click()]);
    assert.match(await page.locator('[role=alert]').innerText(), /Ein Code ist unterwegs/);
    await page.fill('input[name=code]', first);
    await submit(page);
    assert.equal(pathOf(page), '/account');
  }, { javaScriptEnabled: false, locale: 'de-DE' });
  done('a code by e-mail signs in without JavaScript, in German; another one too soon is refused in plain words');
}

async function tabTo(page, wanted) {
  for (let i = 0; i < 40; i += 1) {
    const [name, style] = await page.evaluate(() => {
      const at = document.activeElement;
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(at);
      return [at.getAttribute('name') ?? at.textContent.trim(), `${outlineStyle} ${outlineWidth} ${boxShadow}`];
    });
    if (name.startsWith(wanted)) {
      assert.ok(!/^none .* none$/.test(style), `no visible focus on ${wanted}: ${style}`);
      return;
    }
    await page.keyboard.press('Tab');
  }
  throw new Error(`the keyboard never reaches ${wanted}`);
}

async function press(page, key) {
  await Promise.all([page.waitForNavigation(), page.keyboard.press(key)]);
}

async function byKeyboard(browser, url, gateway, problems) {
  const context = await browser.newContext();
  const page = watched(await context.newPage(), url, problems);
  const type = async (field, text) => {
    await tabTo(page, field);
    await page.keyboard.type(text);
  };
  await page.goto(`${url}/sign-up`);
  await type('username', 'linus');
  await type('password', password);
  await press(page, 'Enter');
  assert.equal(pathOf(page), '/account');
  await page.goto(`${url}/account/factors`);
  await look(page, 'choose-factor-freely');
  await tabTo(page, 'Add Text message');
  await press(page, 'Enter');
  await type('phone', '+49 171 9876543');
  await press(page, 'Enter');
  await type('code', await gateway.code());
  await press(page, 'Enter');
  assert.equal(pathOf(page), '/account/factors/backup-codes');
  await tabTo(page, 'Not now');
  await press(page, 'Enter');
  assert.equal(pathOf(page), '/account');

  const signInAgain = async () => {
    await Promise.all([page.waitForNavigation(), page.locator('form[action="/sign-out"] button').first().click()]);
    await page.goto(`${url}/sign-in`);
    await type('username', 'linus');
    await type('password', password);
    await press(page, 'Enter');
  };
  await signInAgain();
  assert.equal(pathOf(page), '/sign-in/factor');
  await tabTo(page, 'Send the code');
  await press(page, 'Enter');
  await look(page, 'second-factor-trust');
  await type('code', await gateway.code());
  await tabTo(page, 'trust_device');
  await page.keyboard.press('Space');
  await tabTo(page, 'Continue');
  await press(page, 'Enter');
  assert.equal(pathOf(page), '/account');
  done('a second factor is added and used by keyboard alone');

  await look(page, 'account-browsers');
  assert.ok(await page.getByText('Trusted until').isVisible());
  await signInAgain();
  assert.equal(pathOf(page), '/account', 'a trusted browser is asked for the password alone');
  await page.goto(`${url}/account/verify?return_to=/account`);
  await look(page, 'verify-choice');
  await submit(page, 'Send the code');
  await page.fill('input[name=code]', await gateway.code());
  await submit(page, 'Confirm');
  await submit(page, 'Forget');
  assert.ok(await page.getByText('The browser is forgotten.').isVisible());
  await signInAgain();
  assert.equal(pathOf(page), '/sign-in/factor', 'a forgotten browser is asked for everything');
  done('a trusted browser skips the code, not the step-up, and is forgotten on demand');
  await context.close();
}

async function forced(browser, url, admin, problems) {
  await inNewBrowser(browser, url, problems, async (page) => {
    await page.goto(`${url}/sign-up`);
    await page.fill('input[name=username]', 'grace');
    await page.fill('input[name=password]', password);
    await submit(page);
  });
  await admin.goto(`${url}/admin/users?q=grace`);
  await follow(admin, 'grace');
  const person = admin.url();
  await admin.selectOption('select[name=role]', 'auditor');
  await submit(admin, 'Grant role');
  await inNewBrowser(browser, url, problems, async (page) => {
    await signIn(page, url, 'grace');
    await page.goto(`${url}/`);
    assert.equal(pathOf(page), '/account/factors');
    await look(page, 'choose-factor-demanded');
    assert.equal((await page.goto(`${url}/account`)).status(), 403);
    await page.goto(`${url}/`);
    await submit(page, 'Add Authenticator app');
    const secret = (await page.locator('#secret code').allTextContents()).join('');
    await page.fill('input[name=code]', code(secret));
    await submit(page);
    assert.equal((await page.goto(`${url}/account`)).status(), 200);
  });
  done('whoever must have a second factor can do nothing but add one');
  return person;
}

async function coverage(page, url, person) {
  await page.goto(`${url}/admin/mfa`);
  await look(page, 'admin-mfa');
  const cells = async (kind) => (await page.locator('table.shares tr', { hasText: kind }).locator('td').first().innerText()).trim();
  assert.deepEqual([await cells('Authenticator app'), await cells('Text message'), await cells('Email'), await cells('Backup codes')], ['2', '2', '2', '1']);
  await page.goto(person);
  await look(page, 'admin-user-factors');
  done('administrators see who has what, and who lacks it');
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'zephyr-mfa-'));
  const problems = [];
  let browser;
  let mail;
  let server;
  const gateway = await startGateway();
  try {
    mail = await startMail(folder);
    server = await startServer(folder, gateway, mail);
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    const { page, secret, codes } = await setUp(browser, server, folder, problems);
    await enrolSms(page, server.url, gateway);
    await enrolEmail(page, server.url, mail);
    await page.goto(`${server.url}/account/verify`);
    await look(page, 'verify-second-factor');
    await chooseAtSignIn(browser, server.url, { gateway, secret, codes }, problems);
    await withoutScript(browser, server.url, mail, problems);
    await byKeyboard(browser, server.url, gateway, problems);
    await coverage(page, server.url, await forced(browser, server.url, page, problems));
    assert.deepEqual(problems, [], 'the console is quiet and nobody else is asked');
  } finally {
    await browser?.close().catch(console.error);
    if (server) await stopChild(server.child);
    if (mail) await stopChild(mail.child);
    gateway.server.close();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${count()} passed, 0 failed`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
