// What the system says of the daemon's processes.

import fs from 'node:fs';

/** A line of TAP that says how a number came out. */
export function note(text) {
  process.stdout.write(`# ${text}\n`);
}

/** [{pid, title}], the master first and the others by name. */
export function processesOf(pollux) {
  const children = pollux.children().sort((a, b) => a.title.localeCompare(b.title));
  return [{ pid: pollux.pid, title: 'master' }, ...children];
}

/** Children of that title that have said that they are ready.  One that is killed before that is started
 * again later and later: that is another story's. */
export function readyOnes(pollux, title) {
  const ready = new Set([...pollux.said.matchAll(/child ready .*pid=(\d+)/g)].map((m) => Number(m[1])));
  return pollux.children().filter((c) => c.title.startsWith(title) && ready.has(c.pid));
}

export const oneOf = (list) => list[Math.floor(Math.random() * list.length)];

function statusOf(pid) {
  const lines = fs.readFileSync(`/proc/${pid}/status`, 'latin1').split('\n');
  return Object.fromEntries(lines.map((line) => line.split(/:\s*/, 2)));
}

/** Resident memory. */
export function rssKiB(pid) {
  return parseInt(statusOf(pid).VmRSS, 10);
}

/** How often it has gone to sleep of its own will so far: once for each time it was woken. */
export function sleeps(pid) {
  return Number(statusOf(pid).voluntary_ctxt_switches);
}

/** Children that have died and were not reaped. */
export function zombiesOf(parent) {
  return fs.readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const stat = fs.readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(ppid) === parent && state === 'Z';
    } catch {
      return false;
    }
  }).length;
}

/** TCP over IPv4 as the kernel lists it: inode -> {local, remote} ports. */
function tcpByInode() {
  const found = new Map();
  for (const line of fs.readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)) {
    const words = line.trim().split(/\s+/);
    if (words.length < 10 || words[9] === '0') continue;
    const [local, remote] = [words[1], words[2]].map((address) => parseInt(address.split(':')[1], 16));
    found.set(words[9], { local, remote });
  }
  return found;
}

/* Processes that hold secrets are not open to their own user; only root can look. */
function links(pid) {
  return fs.readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [fs.readlinkSync(`/proc/${pid}/fd/${fd}`)];
    } catch {
      return []; // closed while we looked
    }
  });
}

export const canSeeDescriptors = process.getuid() === 0;

function connectionsOf(pid) {
  const inodes = links(pid).flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
  const tcp = tcpByInode();
  return inodes.flatMap((inode) => tcp.get(inode) ?? []);
}

/** Open descriptors, and how many of them are connections to this port. */
export function descriptors(pid, upstreamPort) {
  const upstream = connectionsOf(pid).filter((c) => c.remote === upstreamPort).length;
  return { all: links(pid).length, upstream };
}

/** Ports of the clients whose connections this process has taken. */
export function clientPorts(pid, port) {
  return connectionsOf(pid).filter((c) => c.local === port && c.remote !== 0).map((c) => c.remote);
}
