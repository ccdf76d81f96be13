// Inside a sandbox: turns a JavaScript script's HTTP clients to the outbound proxy.
//
// Comes in: the session's proxy credentials and the proxy's certificate authority. Goes out: a process in which
// `http`, `https` (and what is built on their agents) and `fetch` reach the world through the proxy, unaware of it.
// No dependencies; Node.js 20 and later.
//
// There is no name service and no network here. Whatever a client would connect to, it gets a tunnel (CONNECT) to.
// Loading http, https and fetch costs milliseconds each, so each is turned when the script first asks for it.

'use strict';

const module_ = require('node:module');

// Where the relay listens. Whoever started it elsewhere says so here before `install`.
const PROXY = { host: '127.0.0.1', port: 3128 };

// Milliseconds for the proxy to open a tunnel. It answers before it has talked to anybody, so this means it is gone.
const TUNNEL_PATIENCE = 30_000;

const REPLY_LIMIT = 16 * 1024;

const DISPATCHER = Symbol.for('undici.globalDispatcher.1');

/**
 * Turn this process's clients, and by the environment those of its children, to the proxy. To be called once,
 * before the script.
 * @param {string} credentials `user:password`
 * @param {string} caFile a PEM file
 */
function install(credentials, caFile) {
  const proxy = `http://${credentials}@${PROXY.host}:${PROXY.port}`;
  for (const name of ['http_proxy', 'https_proxy', 'HTTP_PROXY', 'HTTPS_PROXY']) process.env[name] = proxy;
  for (const name of ['no_proxy', 'NO_PROXY']) delete process.env[name];
  for (const name of ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'CURL_CA_BUNDLE']) process.env[name] = caFile;
  const way = new Way(credentials, caFile);
  turnAgentsWhenAskedFor(way);
  turnFetchWhenCalled(way);
}

/** This process's way out. */
class Way {
  #authorization;
  #caFile;
  #authority;

  constructor(credentials, caFile) {
    this.#authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    this.#caFile = caFile;
  }

  /** The proxy's authority beside those the script trusts: every certificate met here is the proxy's. */
  trusted(own) {
    this.#authority ??= require('node:fs').readFileSync(this.#caFile);
    return own === undefined || own === null ? this.#authority : [].concat(own, this.#authority);
  }

  /** A tunnel to `host`:`port`, given to `done(error, socket)`. */
  tunnel(host, port, done) {
    const socket = require('node:net').connect(PROXY);
    const target = host.includes(':') && !host.startsWith('[') ? `[${host}]:${port}` : `${host}:${port}`;
    let reply = Buffer.alloc(0);

    const finish = (error) => {
      clearTimeout(timer);
      socket.off('readable', read).off('error', finish).off('end', ended);
      if (error) socket.destroy();
      done(error, error ? undefined : socket);
    };
    const refuse = (status) => {
      const error = new Error(`the outbound proxy did not open a way to ${target}: ${status}`);
      finish(Object.assign(error, { code: 'ECONNREFUSED' }));
    };
    const ended = () => refuse('no answer');
    const read = () => {
      for (let chunk; (chunk = socket.read()) !== null; ) {
        reply = Buffer.concat([reply, chunk]);
        const end = reply.indexOf('\r\n\r\n');
        if (end < 0 && reply.length < REPLY_LIMIT) continue;
        const [status] = reply.toString('latin1').split('\r\n', 1);
        if (end < 0 || !/^HTTP\/1\.\d 200\b/.test(status)) return refuse(status);
        if (reply.length > end + 4) socket.unshift(reply.subarray(end + 4));
        return finish(null);
      }
    };
    const timer = setTimeout(refuse, TUNNEL_PATIENCE, 'no answer');
    socket.on('readable', read).on('error', finish).on('end', ended);
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\nProxy-Authorization: ${this.#authorization}\r\n\r\n`);
  }

  /** The same with TLS inside: `options` are those of `tls.connect`. */
  secureTunnel(options, done) {
    this.tunnel(options.host, options.port, (error, socket) => {
      if (error) return done(error);
      const secure = require('node:tls').connect({ ...options, socket, ca: this.trusted(options.ca) });
      done(null, secure);
    });
  }
}

/** Turn `http` and `https` the moment that the script (or a package of it) loads one of them. */
function turnAgentsWhenAskedFor(way) {
  let turned = false;
  const turn = () => {
    if (turned) return;
    turned = true;
    turnAgents(way);
  };
  if (typeof module_.registerHooks !== 'function') return turn(); // Node.js 20: no cheap way to see an `import`
  module_.registerHooks({
    resolve(specifier, context, next) {
      if (/^(node:)?https?$/.test(specifier)) turn();
      return next(specifier, context);
    },
  });
}

function turnAgents(way) {
  const http = require('node:http');
  const https = require('node:https');
  const plain = http.Agent.prototype.createConnection;

  // An agent takes its connection either as the returned value or by the callback, as the documentation of
  // `agent.createConnection` has it.
  http.Agent.prototype.createConnection = function createConnection(options, done) {
    if (options.socketPath || options.path) return plain.call(this, options, done);
    way.tunnel(options.host ?? 'localhost', options.port ?? 80, done);
  };
  https.Agent.prototype.createConnection = function createConnection(options, done) {
    const host = options.host ?? 'localhost';
    const servername = options.servername || (require('node:net').isIP(host) ? undefined : host);
    way.secureTunnel({ ...options, host, port: options.port ?? 443, path: undefined, servername }, done);
  };
}

/** Give `fetch` a dispatcher whose connections are tunnels, when it is first called: loading it takes 20 ms. */
function turnFetchWhenCalled(way) {
  const real = globalThis.fetch;
  globalThis.fetch = function fetch(input, init) {
    turnFetch(way);
    return real(input, init);
  };
}

let dispatcher;

function turnFetch(way) {
  if (dispatcher) return;
  void globalThis.Headers; // loads fetch's client, which sets its dispatcher
  const Agent = globalThis[DISPATCHER].constructor;
  dispatcher = new Agent({ connect: (options, done) => connectForFetch(way, options, done) });
  globalThis[DISPATCHER] = dispatcher;
}

function connectForFetch(way, { hostname, protocol, port, servername }, done) {
  if (protocol !== 'https:') return way.tunnel(hostname, port || 80, done);
  const host = hostname.replace(/^\[|\]$/g, '');
  const name = servername || (require('node:net').isIP(host) ? undefined : host);
  way.secureTunnel({ host, port: port || 443, servername: name, ALPNProtocols: ['http/1.1'] }, (error, socket) => {
    if (error) return done(error);
    const settle = (failure) => {
      socket.off('secureConnect', settle).off('error', settle);
      done(failure ?? null, failure ? undefined : socket);
    };
    socket.on('secureConnect', settle).on('error', settle);
  });
}

module.exports = { install, PROXY };
