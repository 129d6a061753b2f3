// The main job in a real browser against the built server: set-up link → administrator → authenticator app → dashboard; what must be
// refused along the way; then every page at three widths, light and dark, checked by axe-core. Screenshots go to build/screens, and with
// ZEPHYR_UPDATE=1 to docs/images too.
import { spawn, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { auditPages } from './audit_pages.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const binary = process.env.ZEPHYR_BINARY ?? join(root, 'build/release/zephyr');
delete process.env.ZEPHYR_BINARY;  // the server refuses to start with a ZEPHYR_… that is no setting
const axeSource = readFileSync(join(root, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const screens = join(root, 'build/screens');
const images = join(root, 'docs/images');
const password = 'correct horse battery staple';
let passed = 0;

function done(what) {
  passed += 1;
  console.log(`ok ${passed} - ${what}`);
}

function startServer(data) {
  const server = spawn(binary, ['serve', '--data', data, '--listen', '127.0.0.1:0', '--log-level', 'warning', '--signup-open'],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, fail) => {
    let text = '';
    const reject = (error) => {
      clearTimeout(timer);
      server.kill('SIGKILL');  // nobody else knows of it
      fail(error);
    };
    const timer = setTimeout(() => reject(new Error(`the server did not say where it is:\n${text}`)), 30000);
    server.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${text}`)));
    server.stdout.on('data', (chunk) => {
      text += chunk;
      const link = /(http:\/\/\S+)\/setup\/\S+/.exec(text);
      if (link) {
        clearTimeout(timer);
        resolve({ server, url: link[1], link: link[0] });
      }
    });
  });
}

// An independent generator; `ahead` steps of 30 s into the future, which the accepted drift allows for one.
function code(secret, ahead = 0) {
  const now = new Date(Date.now() + ahead * 30000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
  return execFileSync('oathtool', ['--totp', '-b', '--now', now, secret], { encoding: 'utf8' }).trim();
}

// An independent decoder of what a phone would see.
async function readQr(page, folder) {
  const file = join(folder, 'qr.png');
  await page.locator('img[src^="data:image/svg+xml"]').first().screenshot({ path: file });
  return execFileSync('zbarimg', ['-q', '--raw', file], { encoding: 'utf8' }).trim();
}

async function accessible(page, name) {
  await page.evaluate(axeSource);
  const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
  assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0].html}`), [], `axe-core on ${name}`);
}

async function look(page, name) {
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const width of [360, 768, 1280]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 860 });
      const overflow = await page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
      assert.ok(overflow <= 0, `${name} at ${width} px scrolls sideways by ${overflow} px`);
      const file = `${name}-${width}-${theme}.png`;
      await page.screenshot({ path: join(screens, file), fullPage: width === 360 });
      if (process.env.ZEPHYR_UPDATE && ['1280-light', '360-dark'].includes(`${width}-${theme}`)) copyFileSync(join(screens, file), join(images, file));
    }
    await accessible(page, `${name} (${theme})`);
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 860 });
}

async function submit(page) {
  await Promise.all([page.waitForNavigation(), page.locator('main form button:not([type=button])').first().click()]);
}

async function signIn(page, url, username) {
  await page.goto(`${url}/sign-in`);
  await page.fill('input[name=username]', username);
  await page.fill('input[name=password]', password);
  await submit(page);
}

async function mainJob(browser, { url, link }, folder) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const problems = [];
  page.on('console', (message) => { if (message.type() === 'error' && !/status of (4|5)\d\d/.test(message.text())) problems.push(message.text()); });
  page.on('pageerror', (error) => problems.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith(url) && !request.url().startsWith('data:')) problems.push(`asked ${request.url()}`); });

  assert.equal((await page.goto(link)).status(), 200);
  await look(page, 'setup');
  await page.fill('input[name=username]', 'ada');
  await page.fill('input[name=email]', 'ada@example.test');
  await page.fill('input[name=display_name]', 'Ada Lovelace');
  await page.fill('input[name=password]', password);
  await submit(page);
  done('the set-up link makes the first administrator');

  assert.match(page.url(), /\/account\/factors\/totp/);
  await look(page, 'enrol');
  const uri = await readQr(page, folder);
  assert.match(uri, /^otpauth:\/\/totp\//);
  const secret = new URL(uri).searchParams.get('secret');
  assert.equal(secret.length, 32);
  done('an independent decoder reads the QR code');

  const early = await page.goto(`${url}/admin/dashboard`);
  assert.equal(early.status(), 403);
  await look(page, 'refused');
  done('without a second factor the dashboard answers 403');

  await page.goto(`${url}/account/factors/totp?return_to=/admin`);
  const first = code(secret);
  await page.fill('input[name=code]', first);
  await submit(page);
  assert.equal(new URL(page.url()).pathname, '/account/factors/backup-codes');
  await Promise.all([page.waitForNavigation(), page.locator('a', { hasText: 'Not now' }).click()]);
  assert.equal(new URL(page.url()).pathname, '/admin');
  assert.equal((await page.goto(`${url}/admin/dashboard`)).status(), 200);
  done('a code from an independent generator opens the dashboard');

  assert.equal((await (await browser.newContext()).newPage().then((p) => p.goto(link))).status(), 410);
  done('the set-up link is dead once an administrator exists');

  const second = await browser.newContext();
  const other = await second.newPage();
  await signIn(other, url, 'ada');
  assert.equal(new URL(other.url()).pathname, '/sign-in/factor');
  await look(other, 'second-factor');
  assert.equal((await other.goto(`${url}/admin/dashboard`)).status(), 403);
  assert.equal((await other.goto(`${url}/account`)).status(), 403);
  done('a pending sign-in gets 403');

  await other.goto(`${url}/sign-in/factor`);
  await other.fill('input[name=code]', first);
  await submit(other);
  assert.equal(new URL(other.url()).pathname, '/sign-in/factor');
  assert.ok(await other.locator('[role=alert], .errors').first().isVisible());
  assert.equal((await other.goto(`${url}/admin/dashboard`)).status(), 403);
  done('the same code again is refused');

  await other.goto(`${url}/sign-in/factor`);
  const next = code(secret, 1);
  await other.fill('input[name=code]', `${next.slice(0, 3)} ${next.slice(3)}`);
  await submit(other);
  assert.equal((await other.goto(`${url}/admin/dashboard`)).status(), 200);
  done('the next code, typed with a blank, completes the sign-in');
  await second.close();

  assert.deepEqual(problems, [], 'the console is quiet and nobody else is asked');
  return { context, page };
}

async function everyPage({ context, page }, url) {
  for (const [name, display] of [['grace', 'Rear Admiral Dr. Grace Brewster Murray Hopper of the Computation Project'], ['nur', 'نور الدين']]) {
    await page.goto(`${url}/admin/users/new`);
    await page.fill('input[name=username]', name);
    await page.fill('input[name=display_name]', display);
    await submit(page);
    assert.match(page.url(), /\/admin\/users\/[0-9a-f-]{36}/);
  }
  const person = new URL(page.url()).pathname;
  for (const [name, path] of [['dashboard', '/admin'], ['users', '/admin/users'], ['user', person], ['user-new', '/admin/users/new'],
    ['audit', '/admin/audit'], ['account', '/account'], ['password', '/account/password'], ['verify', '/account/verify'],
    ['users-empty', '/admin/users?q=zzz'], ['not-found', '/nowhere']]) {
    await page.goto(url + path);
    await look(page, name);
  }
  done('every page fits 360, 768 and 1280 px, light and dark, without serious axe-core findings');
  await context.close();
}

async function byKeyboard(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/sign-in`);
  await look(page, 'sign-in');
  await page.goto(`${url}/sign-in`);
  const focused = () => page.evaluate(() => {
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return [at.getAttribute('name') ?? at.tagName, `${style.outlineStyle} ${style.outlineWidth} ${style.boxShadow}`];
  });
  assert.equal((await focused())[0], 'username', 'the first field has the focus');
  await page.keyboard.type('ada');
  for (let i = 0; i < 4 && (await focused())[0] !== 'password'; i += 1) await page.keyboard.press('Tab');
  const [name, outline] = await focused();
  assert.equal(name, 'password');
  assert.ok(!/^none .* none$/.test(outline), `no visible focus: ${outline}`);
  await page.keyboard.type('this is not the password');
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  await look(page, 'sign-in-error');
  assert.equal(await page.inputValue('input[name=username]'), 'ada');
  assert.equal(await page.inputValue('input[name=password]'), '');
  done('sign-in works by keyboard, keeps the name after a mistake and forgets the password');
  await context.close();
}

async function withoutScript(browser, url) {
  const context = await browser.newContext({ javaScriptEnabled: false, locale: 'de-DE' });
  const page = await context.newPage();
  await page.goto(`${url}/sign-up`);
  assert.equal(await page.getAttribute('html', 'lang'), 'de');
  await page.fill('input[name=username]', 'linus');
  await page.fill('input[name=password]', password);
  if (await page.locator('input[name=password_again]').isVisible()) await page.fill('input[name=password_again]', password);
  await submit(page);
  assert.equal(new URL(page.url()).pathname, '/account');
  await Promise.all([page.waitForNavigation(), page.locator('form[action="/account/factors/totp/begin"] button').click()]);
  assert.equal(new URL(page.url()).pathname, '/account/factors/totp');
  await page.goto(`${url}/account`);
  await Promise.all([page.waitForNavigation(), page.locator('form[action="/sign-out"] button').first().click()]);
  assert.equal(new URL(page.url()).pathname, '/sign-in');
  assert.equal((await page.goto(`${url}/account`)).url(), `${url}/sign-in?return_to=%2Faccount`);
  done('sign-up, enrolment and sign-out work without JavaScript, in German');
  await context.close();
}

async function main() {
  mkdirSync(screens, { recursive: true });
  mkdirSync(images, { recursive: true });
  const folder = mkdtempSync(join(tmpdir(), 'zephyr-browser-'));
  const started = await startServer(join(folder, 'data'));
  started.server.removeAllListeners('exit');
  let browser;
  try {
    browser = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update',
        '--disable-sync'],
    });
    const session = await mainJob(browser, started, folder);
    await auditPages({ page: session.page, browser, url: started.url, look, done, binary });
    await everyPage(session, started.url);
    await byKeyboard(browser, started.url);
    await withoutScript(browser, started.url);
  } finally {
    await browser?.close().catch(console.error);
    started.server.kill('SIGTERM');
    await new Promise((resolve) => {
      if (started.server.exitCode !== null || started.server.signalCode !== null) resolve();
      else started.server.on('exit', resolve);
    });
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`${passed} passed, 0 failed`);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
