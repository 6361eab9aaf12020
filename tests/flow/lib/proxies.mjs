// Two proxies that note who asked for what: HTTP CONNECT and SOCKS5 (RFC 1928, RFC 1929).

import net from 'node:net';

class Proxy {
  visits = []; // {target, authorization}
  refusals = 0; // so many are sent away first
  #server;
  #conns = new Set();

  static async start() {
    const p = new this();
    p.#server = net.createServer((conn) => {
      p.#conns.add(conn);
      conn.on('close', () => p.#conns.delete(conn));
      conn.on('error', () => {});
      p.serve(conn).catch(() => conn.destroy());
    });
    await new Promise((resolve) => p.#server.listen(0, '127.0.0.1', resolve));
    p.port = p.#server.address().port;
    return p;
  }

  get connections() {
    return this.#conns.size;
  }

  async close() {
    for (const conn of this.#conns) conn.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Bytes go both ways until one side leaves. */
  async join(conn, host, port) {
    // The fake Gemini listens on IPv4 alone; a bare system has no /etc/hosts that knows the name.
    const isHere = host === 'localhost' || host === '::1';
    const far = net.connect(port, isHere ? '127.0.0.1' : host);
    this.#conns.add(far);
    far.on('error', () => conn.destroy());
    far.on('close', () => {
      this.#conns.delete(far);
      conn.destroy();
    });
    conn.on('close', () => far.destroy());
    await new Promise((resolve, reject) => far.once('connect', resolve).once('close', reject));
    return () => {
      conn.pipe(far);
      far.pipe(conn);
    };
  }
}

/** Reads from a socket exactly what is asked for. */
async function take(conn, enough) {
  let bytes = Buffer.alloc(0);
  for (;;) {
    const n = enough(bytes);
    if (n >= 0) {
      if (bytes.length > n) conn.unshift(bytes.subarray(n));
      return bytes.subarray(0, n);
    }
    const more = conn.read();
    if (more) bytes = Buffer.concat([bytes, more]);
    else if (conn.readableEnded || conn.destroyed) throw new Error('left');
    else
      await new Promise((resolve) => {
        conn.once('readable', resolve);
        conn.once('close', resolve);
      });
  }
}

const exactly = (n) => (bytes) => (bytes.length >= n ? n : -1);

export class ConnectProxy extends Proxy {
  async serve(conn) {
    const head = (
      await take(conn, (b) => {
        const at = b.indexOf('\r\n\r\n');
        return at < 0 ? -1 : at + 4;
      })
    ).toString('latin1');
    const [method, target] = head.split(' ');
    this.visits.push({
      method,
      target,
      authorization: /^proxy-authorization: *(.*?)\r$/im.exec(head)?.[1],
      head,
    });
    if (this.visits.length <= this.refusals || method !== 'CONNECT') {
      conn.end('HTTP/1.1 502 No Way\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const at = target.lastIndexOf(':');
    const go = await this.join(conn, target.slice(0, at), Number(target.slice(at + 1)));
    conn.write('HTTP/1.1 200 Connection established\r\n\r\n');
    go();
  }
}

export class Socks5Proxy extends Proxy {
  async serve(conn) {
    const [, count] = await take(conn, exactly(2));
    const methods = [...(await take(conn, exactly(count)))];
    const visit = { methods };
    if (methods.includes(2)) {
      conn.write(Buffer.from([5, 2]));
      const [, userBytes] = await take(conn, exactly(2));
      const user = (await take(conn, exactly(userBytes))).toString();
      const [passwordBytes] = await take(conn, exactly(1));
      visit.authorization = `${user}:${(await take(conn, exactly(passwordBytes))).toString()}`;
      conn.write(Buffer.from([1, 0]));
    } else {
      conn.write(Buffer.from([5, 0]));
    }
    const [, , , kind] = await take(conn, exactly(4));
    visit.kind = { 1: 'address', 3: 'name', 4: 'address6' }[kind];
    const bytes = kind === 3 ? (await take(conn, exactly(1)))[0] : kind === 1 ? 4 : 16;
    const raw = await take(conn, exactly(bytes));
    const host = kind === 3 ? raw.toString() : kind === 1 ? [...raw].join('.') : '::1';
    const port = (await take(conn, exactly(2))).readUInt16BE(0);
    visit.target = `${host}:${port}`;
    this.visits.push(visit);
    if (this.visits.length <= this.refusals) {
      conn.end(Buffer.from([5, 5, 0, 1, 0, 0, 0, 0, 0, 0]));
      return;
    }
    const go = await this.join(conn, host, port);
    conn.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
    go();
  }
}
