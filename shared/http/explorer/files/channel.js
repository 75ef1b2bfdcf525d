// The channel of a thread: by which account its messages come and go, and what became of them.

import { make, told } from './dom.js';
import { concept, moment } from './words.js';

const SYSTEM = 'urn:async-encounters:channel:';
const OPT_OUT = '/StructureDefinition/channel-opt-out';

/** Return the account and the contact of a thread, or null if it is of no channel. */
function conversed(header) {
  const own = carried(header);
  if (!own) return null;
  const at = own.value.lastIndexOf('/');
  const contact = at < 0 ? own.value : own.value.slice(0, at);
  return { account: own.system.slice(SYSTEM.length), contact };
}

function carried(one) {
  return one?.identifier?.find((each) => each.system?.startsWith(SYSTEM) && each.value);
}

/** Show with whom a thread is, by which account, and whether they want to be written to. */
export function channel(header) {
  const thread = conversed(header);
  if (!thread) return null;
  const medium = concept(header.medium) || 'channel';
  const out = header.extension?.find((one) => one.url?.endsWith(OPT_OUT));
  return [
    make(
      'p',
      { class: 'channel' },
      told(medium),
      ' to and from ',
      told(thread.contact),
      ' by account ',
      told(thread.account),
    ),
    out &&
      make(
        'p',
        { class: 'notice' },
        `Does not want to be written to here since ${moment(out.valueDateTime)}`,
      ),
  ];
}

/** Return what became of a message of a channel's thread, or null if that is of no channel. */
export function delivery(one, header) {
  if (!conversed(header)) return null;
  if (cameIn(one))
    return one.status === 'on-hold'
      ? { text: 'On hold: its sender is not proven', failed: true }
      : null;
  if (one.status === 'not-done') return { text: because('Not delivered', one), failed: true };
  if (one.status === 'unknown') return { text: because('Not known if sent', one), failed: true };
  if (one.status === 'completed' && one.received)
    return { text: `Delivered ${moment(one.received)}` };
  if (one.status === 'completed' || one.status === 'in-progress')
    return { text: carried(one) ? 'Sent' : 'To be sent' };
  return null;
}

/** Return whether a message is of the other end: the clinic itself only writes answers to HELP. */
function cameIn(one) {
  const { reference, identifier } = one.sender ?? {};
  if (reference) return /(^|\/)(Patient|RelatedPerson)\//.test(reference);
  const isAutomatic = one.category?.some((each) =>
    each.coding?.some(({ code }) => code === 'automatic'),
  );
  return Boolean(identifier) && !isAutomatic;
}

function because(what, one) {
  const reason = concept(one.statusReason);
  return reason ? `${what}: ${reason}` : what;
}
