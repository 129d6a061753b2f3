// A person in a real browser at a protected host: led to the sign-in, back on the page, signed out everywhere. Started by
// tests/system/forward_auth_test.py, which has the proxy: node forward_job.mjs PORT USERNAME PASSWORD. Every host is that port.
import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

const [port, username, password] = process.argv.slice(2);
const app = 'https://app.example.com/headers';

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', `--host-resolver-rules=MAP * 127.0.0.1:${port}`, '--ignore-certificate-errors'],
});
try {
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const page = await context.newPage();
  // A browser that minds form-action stops a form whose answer leads elsewhere, and says so on its console only.
  page.on('console', (message) => assert.ok(!message.text().includes('Content Security Policy'), message.text()));

  await page.goto(`${app}?from=bookmark`);
  assert.ok(page.url().startsWith('https://auth.example.com/sign-in'), page.url());
  await page.fill('input[name="username"]', username);
  await page.fill('input[name="password"]', password);
  await Promise.all([page.waitForURL(`${app}?from=bookmark`), page.press('input[name="password"]', 'Enter')]);
  assert.ok((await page.textContent('body')).includes(`"Remote-User":"${username}"`) ||
            (await page.textContent('body')).includes(`"Remote-User": "${username}"`), await page.textContent('body'));

  const cookies = await context.cookies();
  const at = (host, name) => cookies.find((cookie) => cookie.domain === host && cookie.name === name);
  const own = at('app.example.com', '__Host-zephyr_forward');
  assert.ok(own && own.httpOnly && own.secure && own.sameSite === 'Lax' && own.path === '/', JSON.stringify(cookies));
  assert.equal(at('app.example.com', '__Host-zephyr_session'), undefined);
  assert.equal(at('auth.example.com', '__Host-zephyr_forward'), undefined);

  // A second host: no form, no question.
  await page.goto('https://wiki.example.com/headers');
  assert.equal(page.url(), 'https://wiki.example.com/headers');

  // Two tabs that begin at the same time both arrive.
  await context.clearCookies({ name: '__Host-zephyr_forward' });
  const tabs = [await context.newPage(), await context.newPage()];
  await Promise.all(tabs.map((tab, i) => tab.goto(`${app}?tab=${i}`)));
  for (const [i, tab] of tabs.entries()) assert.equal(tab.url(), `${app}?tab=${i}`);

  await context.clearCookies({ domain: 'auth.example.com' });
  await page.goto(app);
  assert.equal(page.url(), app); // the host's cookie stands for the session by itself
  console.log('ok');
} finally {
  await browser.close();
}
