// The pages of auditors in the browser: filter, one event, its proof checked by the page itself, proofs that were tampered with, export.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';

const proofSection = '#proof';

async function result(page) {
  await page.locator(`${proofSection}[data-result]:not([data-result=checking])`).waitFor();
  return page.getAttribute(proofSection, 'data-result');
}

// The page with an answer of the server's changed on its way.
async function withProof(page, change) {
  await page.route('**/audit/proofs/*', async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, body: change(await answer.text()) });
  });
  await page.reload();
  const found = await result(page);
  await page.unroute('**/audit/proofs/*');
  return found;
}

// One bit of the base64 text of a line: still base64, another value.
function flipped(text, number) {
  const lines = text.split('\n');
  const line = lines[number];
  const at = Math.floor(line.length / 2);
  const other = line[at] === 'A' ? 'B' : 'A';
  lines[number] = line.slice(0, at) + other + line.slice(at + 1);
  return lines.join('\n');
}

async function filters(page, url, look, done) {
  await page.goto(`${url}/admin/audit`);
  await page.selectOption('#code', { label: 'Signed in' });
  await page.fill('#user', 'ada');
  await page.locator('form.filters button').click();
  await page.waitForURL(/code=ZAUTH01I/);
  const what = await page.locator('tbody .event-what a').allTextContents();
  assert.ok(what.length > 0 && what.every((text) => text === 'Signed in'), `${what}`);
  assert.equal(await page.inputValue('#user'), 'ada');
  await look(page, 'audit-filtered');
  await page.fill('#from', '2001-01-01');
  await page.fill('#until', '2001-01-02');
  await page.locator('form.filters button').click();
  await page.waitForURL(/until=2001/);
  await look(page, 'audit-empty');
  await page.fill('#user', 'nobody of that name');
  await page.locator('form.filters button').click();
  await page.waitForURL(/nobody/);
  assert.ok(await page.locator('#user-error').isVisible());
  assert.equal(await page.evaluate(() => document.activeElement.hasAttribute('data-focus')), true, 'the summary has the focus');
  await look(page, 'audit-error');
  done('events are filtered by what, who and when, and a name nobody has is said beside the field');
}

async function proof(page, url, look, done, binary) {
  await page.goto(`${url}/admin/audit?code=ZAUTH01I&user=ada`);
  await page.locator('tbody .event-what a').first().focus();
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  assert.equal(await result(page), 'proved', await page.textContent(proofSection));
  assert.ok(await page.locator('[data-state=proved]').isVisible());
  const root = await page.textContent('#proof-root');
  const checkpoint = await page.evaluate(() => fetch('/audit/checkpoint').then((answer) => answer.text()));
  assert.match(root, /^[A-Za-z0-9+/]{43}=$/);
  assert.ok(BigInt(await page.textContent('#proof-size')) <= BigInt(checkpoint.split('\n')[1]));
  await look(page, 'event');
  done('an event opens by keyboard, and its proof is verified in the browser');

  // The same by the command line, from what the page hands out.
  const folder = mkdtempSync(join(tmpdir(), 'zephyr-proof-'));
  try {
    const handed = await page.evaluate(async () => {
      const { proofUrl, stored, vkey } = document.getElementById('proof').dataset;
      return { proof: await (await fetch(proofUrl)).text(), stored, vkey };
    });
    writeFileSync(join(folder, 'x.tlog-proof'), handed.proof);
    writeFileSync(join(folder, 'event.json'), Buffer.from(handed.stored, 'base64'));
    const files = [join(folder, 'x.tlog-proof'), join(folder, 'event.json')];
    assert.match(execFileSync(binary, ['audit', 'verify-proof', ...files, '--vkey', handed.vkey], { encoding: 'utf8' }), /: authenticated/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  done('the command line agrees with the page');
}

async function tampered(page, look, done) {
  const text = await page.evaluate(() => fetch(document.getElementById('proof').dataset.proofUrl).then((answer) => answer.text()));
  // The log grows with each reading, so each proof is another: what is changed is found in it anew.
  const blankOf = (it) => it.split('\n').indexOf('');
  const withLine = (it, number, change) => it.split('\n').map((line, i) => (i === number ? change(line) : line)).join('\n');
  const changes = {
    index: (it) => it.replace(/^index \d+$/m, (line) => `index ${BigInt(line.slice(6)) ^ 1n}`),
    root: (it) => flipped(it, blankOf(it) + 3),
    size: (it) => withLine(it, blankOf(it) + 2, (line) => String(BigInt(line) + 1n)),
    signature: (it) => it.replace(/^(\u2014 \S+ )(\S+)$/m, (_, name, value) => name + flipped(value, 0)),
    origin: (it) => withLine(it, blankOf(it) + 1, () => 'example.com/another'),
    'no signature': (it) => `${it.slice(0, it.indexOf('\u2014'))}`,
    'another proof format': (it) => it.replace('@v1', '@v2'),
    nothing: () => '',
  };
  for (let i = 2; i < blankOf(text); i += 1) changes[`hash ${i - 2}`] = (it) => flipped(it, i);
  for (const [name, change] of Object.entries(changes)) {
    assert.notEqual(change(text), text, name);
    assert.equal(await withProof(page, change), 'wrong', `a proof with another ${name}`);
  }
  // What the page shows is another event than the one that is proved.
  const shown = ['outcome', 'reason', 'request', 'session', 'details', 'time', 'code'];
  for (const name of shown) {
    await page.route('**/admin/audit/*', async (route) => {
      const answer = await route.fetch();
      const other = name === 'details' ? '{&quot;altered&quot;:&quot;yes&quot;}' : 'other';
      await route.fulfill({ response: answer, body: (await answer.text()).replace(new RegExp(` data-${name}="[^"]*"`), ` data-${name}="${other}"`) });
    });
    await page.reload();
    assert.equal(await result(page), 'wrong', `a page with another ${name}`);
    assert.ok(await page.locator('[data-state=wrong]').isVisible());
    if (name === 'outcome') await look(page, 'event-wrong');
    await page.unroute('**/admin/audit/*');
  }
  await page.reload();
  assert.equal(await result(page), 'proved');
  done(`a proof with anything changed is shown as wrong (${Object.keys(changes).length + shown.length} ways)`);
}

async function withoutScript(page, browser, done) {
  const context = await browser.newContext({ javaScriptEnabled: false, storageState: await page.context().storageState(), locale: 'de-DE' });
  const plain = await context.newPage();
  await plain.goto(page.url());
  const text = await plain.textContent(proofSection);
  assert.match(text, /zephyr audit verify-proof/);
  assert.match(text, /Ohne JavaScript/);
  assert.ok(!(await plain.locator('[data-state=proved]').isVisible()), 'nothing is claimed that nobody checked');
  await context.close();
  done('without JavaScript the page says how to verify, and claims nothing');
}

async function download(page, url, done) {
  await page.goto(`${url}/admin/audit`);
  await page.selectOption('#format', 'csv');
  const [file] = await Promise.all([page.waitForEvent('download'), page.locator('form[action="/admin/audit/export"] button').click()]);
  assert.equal(file.suggestedFilename(), 'audit-events.csv');
  assert.match(readFileSync(await file.path(), 'utf8'), /ZAUTH01I/);
  await page.goto(`${url}/admin/audit?code=audit.exported`);
  assert.equal(await page.locator('tbody tr').count(), 1);
  done('an export downloads, and is itself in the log');
}

export async function auditPages({ page, browser, url, look, done, binary }) {
  await filters(page, url, look, done);
  await proof(page, url, look, done, binary);
  await tampered(page, look, done);
  await withoutScript(page, browser, done);
  await download(page, url, done);
}
