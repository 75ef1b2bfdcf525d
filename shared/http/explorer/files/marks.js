// Finds the session of each message of a thread, by searching for the messages of sessions.

import { all, each, found } from './api.js';
import { isDated, when } from './times.js';
import { instant } from './words.js';

const AT_ONCE = 25;
const MOST = 200;

export class Marks {
  #header;
  #linked;
  #of = new Map();

  /** The sessions found so far, by reference. */
  sessions = new Map();

  constructor(header, linked) {
    this.#header = header;
    this.#linked = linked;
  }

  /** Start with the sessions that a thread's header is or was linked to, the latest first. */
  static async of(header) {
    const history = `Communication/${header.id}/_history?_count=100`;
    const versions = await all(history, 300).catch(() => [header]);
    const linked = versions.map((one) => one.encounter?.reference).filter(Boolean);
    return new Marks(header, [...new Set(linked)]);
  }

  /** Return the session of a message, if it has been found. */
  of(message) {
    return this.#of.get(message.id);
  }

  /** Find the sessions that messages belong to. */
  async mark(messages) {
    const times = messages.map(when).filter(Boolean);
    const beside = await this.#beside(times);
    // A search by `sent` does not find messages without it.
    const narrowed = messages.every(isDated) ? within('sent', times) : '';
    const candidates = [...new Set([...beside, ...this.#linked])].slice(0, MOST);
    for (
      let at = 0;
      at < candidates.length && !messages.every((one) => this.of(one));
      at += AT_ONCE
    ) {
      await this.#look(candidates.slice(at, at + AT_ONCE), narrowed);
    }
  }

  /** Return the patient's sessions of that time: a late message may be in one never linked. */
  async #beside(times) {
    const subject = this.#header.subject?.reference;
    if (!times.length || !subject?.startsWith('Patient/')) return [];
    const days = within(
      'date',
      times.map((one) => one.slice(0, 10)),
    );
    const query = `Encounter?patient=${encodeURIComponent(subject)}&part-of:missing=true${days}`;
    const sessions = await all(`${query}&_count=100`, MOST / 2).catch(() => []);
    return sessions.map((one) => `Encounter/${one.id}`);
  }

  async #look(candidates, time) {
    const thread = `Communication?part-of=Communication/${this.#header.id}${time}`;
    const query = `${thread}&_elements=id&_count=1000&session=`;
    const pages = await each(candidates.map((one) => query + encodeURIComponent(one)));
    const met = candidates.filter((session, index) => {
      const members = pages[index] ? found(pages[index]) : [];
      for (const one of members) this.#of.set(one.id, session);
      return members.length && !this.sessions.has(session);
    });
    (await each(met)).forEach((one, index) => this.sessions.set(met[index], one));
  }
}

/** Return the query for what lies between the first and the last of some times. */
function within(name, times) {
  if (!times.length) return '';
  const ordered = times.toSorted((one, other) => instant(one) - instant(other));
  const [first, last] = [ordered[0], ordered.at(-1)].map(encodeURIComponent);
  return `&${name}=ge${first}&${name}=le${last}`;
}
