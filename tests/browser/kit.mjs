// What a browser job needs: the built server, an independent generator and reader of codes, and a look at a page.
import { spawn, execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import assert from 'node:assert/strict';

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
export const binary = process.env.ZEPHYR_BINARY ?? join(root, 'build/release/zephyr');
delete process.env.ZEPHYR_BINARY;  // the server refuses to start with a ZEPHYR_… that is no setting
export const password = 'correct horse battery staple';
const axeSource = readFileSync(join(root, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const screens = join(root, 'build/screens');
const images = join(root, 'docs/images');
let passed = 0;

export function done(what) {
  passed += 1;
  console.log(`ok ${passed} - ${what}`);
}
export const count = () => passed;

export function freePort() {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// A child that says in its first lines what is waited for; `found` is asked of all it has said.
export function startChild(command, words, found) {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'] });
  return new Promise((resolve, fail) => {
    let text = '';
    const reject = (error) => {
      clearTimeout(timer);
      child.kill('SIGKILL');  // nobody else knows of it
      fail(error);
    };
    const timer = setTimeout(() => reject(new Error(`${command} did not say what is waited for:\n${text}`)), 30000);
    child.on('exit', (status) => reject(new Error(`${command} ended with ${status}:\n${text}`)));
    child.stdout.on('data', (chunk) => {
      text += chunk;
      const what = found(text);
      if (!what) return;
      clearTimeout(timer);
      child.removeAllListeners('exit');
      resolve({ child, what });
    });
  });
}

export function stopChild(child) {
  child.kill('SIGTERM');
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) resolve();
    else child.on('exit', resolve);
  });
}

export async function until(what, find) {
  const end = Date.now() + 15000;
  while (Date.now() < end) {
    const found = await find();
    if (found) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come in time`);
}

// An independent generator; `ahead` steps of 30 s into the future, which the accepted drift allows for one.
export function code(secret, ahead = 0) {
  const now = new Date(Date.now() + ahead * 30000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';
  return execFileSync('oathtool', ['--totp', '-b', '--now', now, secret], { encoding: 'utf8' }).trim();
}

// An independent decoder of what a phone would see.
export async function readQr(page, folder) {
  const file = join(folder, 'qr.png');
  await page.locator('img[src^="data:image/svg+xml"]').first().screenshot({ path: file });
  return execFileSync('zbarimg', ['-q', '--raw', file], { encoding: 'utf8' }).trim();
}

export async function look(page, name) {
  mkdirSync(screens, { recursive: true });
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const width of [360, 768, 1280]) {
      await page.setViewportSize({ width, height: width === 360 ? 740 : 860 });
      const overflow = await page.evaluate(() => document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth);
      assert.ok(overflow <= 0, `${name} at ${width} px scrolls sideways by ${overflow} px`);
      await page.evaluate(axeSource);
      const result = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
      const serious = result.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical');
      assert.deepEqual(serious.map((v) => `${v.id}: ${v.nodes[0].html}`), [], `axe-core on ${name} at ${width} px, ${theme}`);
      const file = `${name}-${width}-${theme}.png`;
      await page.screenshot({ path: join(screens, file), fullPage: width === 360 });
      if (process.env.ZEPHYR_UPDATE && ['1280-light', '360-dark'].includes(`${width}-${theme}`)) copyFileSync(join(screens, file), join(images, file));
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize({ width: 1280, height: 860 });
}

export const pathOf = (page) => new URL(page.url()).pathname;

// Sends the form whose button has these words, or the first of the page.
export async function submit(page, words) {
  const button = words ? page.locator('main').getByRole('button', { name: words }).first()
    : page.locator('main form button:not([type=button])').first();
  await Promise.all([page.waitForNavigation(), button.click()]);
}

export async function follow(page, words) {
  await Promise.all([page.waitForNavigation(), page.locator('main').getByRole('link', { name: words }).first().click()]);
}

export async function signIn(page, url, username) {
  await page.goto(`${url}/sign-in`);
  await page.fill('input[name=username]', username);
  await page.fill('input[name=password]', password);
  await submit(page, 'Sign in');
}
