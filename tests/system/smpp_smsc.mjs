// node smpp_smsc.mjs FILE SYSTEM_ID PASSWORD: an SMS centre for transmitters, on a library that is not ours. Prints its port, then keeps in
// FILE what it is asked, one JSON object a line: {"what": "bind" | "enquire_link" | "submit" | "message" | "unbind" | "broken", …}. A
// "message" was accepted, in all its segments.
//
// A word on standard input is what it does with the next request instead, and is answered "ok": refuse (a bind), throttle (not taken), forget
// (not taken: the session is not bound any more), hang (taken, never answered), die (taken, then half an answer and the connection closed),
// garbage (taken, then bytes that are no answer). It ends with standard input.
import {appendFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {createInterface} from 'node:readline';

const smpp = createRequire(new URL('../browser/package.json', import.meta.url))('smpp');
const [file, systemId, password] = process.argv.slice(2);
const faults = {bind: [], submit: []};
const segments = new Map();
let accepted = 0;

function keep(what, more) {
  appendFileSync(file, JSON.stringify({what, ...more}) + '\n');
}

function statusOfBind(pdu) {
  if (faults.bind.shift()) return smpp.ESME_RBINDFAIL;
  if (pdu.system_id !== systemId) return smpp.ESME_RINVSYSID;
  return pdu.password === password ? smpp.ESME_ROK : smpp.ESME_RINVPASWD;
}

// SMPP 3.4, 4.4.1: what a centre of a network of telephones demands of a submit_sm.
function statusOfSubmit(pdu) {
  const numbers = /^[1-9][0-9]{5,14}$/;
  const names = {0: /^[0-9]{1,20}$/, 1: numbers, 3: /^[0-9]{3,6}$/, 5: /^[^\0]{1,11}$/};
  if (pdu.dest_addr_ton !== 1) return smpp.ESME_RINVDSTTON;
  if (pdu.dest_addr_npi !== 1) return smpp.ESME_RINVDSTNPI;
  if (!numbers.test(pdu.destination_addr)) return smpp.ESME_RINVDSTADR;
  if (!(pdu.source_addr_ton in names)) return smpp.ESME_RINVSRCTON;
  if (!names[pdu.source_addr_ton].test(pdu.source_addr)) return smpp.ESME_RINVSRCADR;
  if (pdu.data_coding !== 0 && pdu.data_coding !== 8) return smpp.ESME_RINVDCS;
  if (pdu.message_payload && pdu.short_message.message) return smpp.ESME_RINVMSGLEN;  // 5.3.2.32: one or the other
  return smpp.ESME_ROK;
}

function textOf(pdu) {
  const part = (pdu.message_payload ?? pdu.short_message).message.toString();
  const total = pdu.sar_total_segments ?? 1;
  if (total === 1) return part;
  const key = [pdu.source_addr, pdu.destination_addr, pdu.sar_msg_ref_num].join(' ');
  const parts = segments.get(key) ?? new Map();
  segments.set(key, parts.set(pdu.sar_segment_seqnum, part));
  if (parts.size < total) return null;
  segments.delete(key);
  return [...parts].sort(([a], [b]) => a - b).map(([, text]) => text).join('');
}

function submit(session, pdu) {
  const fault = faults.submit.shift();
  const status = fault === 'throttle' ? smpp.ESME_RTHROTTLED : statusOfSubmit(pdu);
  const answer = pdu.response({command_status: status, message_id: `zs-${++accepted}`});
  keep('submit', {status, sequence: pdu.sequence_number, fault: fault ?? null});
  const text = status === smpp.ESME_ROK ? textOf(pdu) : null;
  if (text !== null) {
    keep('message', {to: '+' + pdu.destination_addr, from: pdu.source_addr, from_type: pdu.source_addr_ton, coding: pdu.data_coding,
                     payload: 'message_payload' in pdu, text});
  }
  if (fault === 'hang') return;
  if (fault === 'die') return void session.socket.write(answer.toBuffer().subarray(0, 9), () => session.destroy());
  if (fault === 'garbage') return void session.socket.write(Buffer.alloc(64, 0xff));
  session.send(answer);
}

const server = smpp.createServer(session => {
  let bound = false;
  session.on('error', problem => {  // bytes that are no unit
    keep('broken', {why: String(problem)});
    session.destroy();
  });
  session.on('bind_transmitter', pdu => {
    const status = bound ? smpp.ESME_RALYBND : statusOfBind(pdu);
    bound ||= status === smpp.ESME_ROK;
    keep('bind', {status, version: pdu.interface_version});
    session.send(pdu.response({command_status: status, system_id: 'smsc'}));
  });
  session.on('submit_sm', pdu => {
    if (faults.submit[0] === 'forget') {
      faults.submit.shift();
      bound = false;
    }
    if (bound) submit(session, pdu);
    else session.send(pdu.response({command_status: smpp.ESME_RINVBNDSTS}));
  });
  session.on('enquire_link', pdu => {
    keep('enquire_link');
    session.send(pdu.response());
  });
  session.on('unbind', pdu => {
    keep('unbind');
    session.send(pdu.response(), null, () => session.close());
  });
  session.on('unknown', pdu => session.send(pdu.response()));
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));

createInterface({input: process.stdin})
  .on('line', fault => {
    faults[fault === 'refuse' ? 'bind' : 'submit'].push(fault);
    console.log('ok');
  })
  .on('close', () => process.exit(0));
