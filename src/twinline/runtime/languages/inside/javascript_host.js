// The host of JavaScript scripts: runs one script in a Node.js process that the spawner forked and confined.
//
// Comes in: the channel at descriptor 3, on which the worker says `start` and answers verbs; the settings as the only
// argument. Goes out: what the script asks for, and how it ended (`docs/language-hosts.md`). No dependencies; Node.js
// 20 and later. A verb blocks the thread until it is answered. Modules are loaded when they are needed, because each
// costs a session time.

'use strict';

const fs = require('fs');
const vm = require('vm');
const Module = require('module');

const CHANNEL = 3;

// The verbs, and what their first argument is called in a message ('': they take none).
const POSITIONAL = {
  say: 'text', ask: 'text', message: 'text', record: 'text', wait: 'milliseconds', call: 'to', transfer: 'to',
  redirect: 'to', conference: 'id', startCallRecording: 'uri', answer: 'timeout', hangup: '', reject: '',
  stopCallRecording: '',
};

// Handlers whose names do not follow from the event's.
const HANDLER_OF = { transfer: 'onSuccess', callfailure: 'onCallFailure' };

const INACTIVE = ['DISCONNECTED', 'FAILED', 'REJECTED'];
const MESSAGE_LIMIT = 10_000;
const FRAMES_LIMIT = 50;
const DEPTH_LIMIT = 100;
const PRINTED_LIMIT = 64 * 1024;

const settings = JSON.parse(process.argv[2]);
const root = settings.bundle.endsWith('/') ? settings.bundle : settings.bundle + '/';

// What the script must not be able to take away from its host.
const { parse, stringify } = JSON;
const NativeError = Error;
const { exit } = process;

/** A verb could not be performed. */
class CallError extends Error {
  constructor(message, name = 'CallError') {
    super(message);
    this.name = name;
  }
}

/** Lines of JSON to and from the worker. Only the main thread has it. */
const channel = {
  call: {},
  last: 0,
  held: Buffer.alloc(0),
  chunk: Buffer.allocUnsafe(65536),
  lines: [],
  answers: new Map(),

  send(message) {
    let text = stringify(message);
    if (text.includes('\\ud')) text = stringify(parse(text), wellFormed);
    const data = Buffer.from(text + '\n');
    for (let sent = 0; sent < data.length; ) sent += fs.writeSync(CHANNEL, data, sent);
  },

  read() {
    while (this.lines.length === 0) {
      const size = fs.readSync(CHANNEL, this.chunk);
      if (size === 0) exit.call(process, 0);
      this.held = this.held.length ? Buffer.concat([this.held, this.chunk.subarray(0, size)])
        : Buffer.from(this.chunk.subarray(0, size));
      for (let end; (end = this.held.indexOf(10)) >= 0; this.held = this.held.subarray(end + 1)) {
        this.lines.push(this.held.toString('utf8', 0, end));
      }
    }
    return parse(this.lines.shift());
  },

  /** A number for something that will be answered. */
  open() {
    this.last += 1;
    this.answers.set(this.last, []);
    return this.last;
  },

  /** The next message for this number; blocks until it is there. */
  answer(number) {
    const waiting = this.answers.get(number);
    while (waiting.length === 0) {
      const message = this.read();
      if (message.type === 'state') Object.assign(this.call, message.call);
      else this.answers.get(message.id)?.push(message);
    }
    return waiting.shift();
  },

  close(number) {
    this.answers.delete(number);
  },

  /** The call's state as the worker has it: answered in order, so all that came before has been read. */
  state() {
    const number = this.open();
    this.send({ type: 'sync', id: number });
    this.answer(number);
    this.close(number);
    return this.call.state ?? 'ANSWERED';
  },
};

/** A stream for the console: what is printed goes to the session's log, line by line, in order with the verbs. */
const printed = {
  write(text) {
    for (const line of text.replace(/\n$/, '').split('\n')) {
      for (let at = 0; at === 0 || at < line.length; at += PRINTED_LIMIT) {
        channel.send({ type: 'output', text: line.slice(at, at + PRINTED_LIMIT) });
      }
    }
  },
};

function wellFormed(key, value) {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

/** Where in the bundle this call comes from: file (relative) and line. */
function caller() {
  const { prepareStackTrace, stackTraceLimit } = NativeError;
  NativeError.stackTraceLimit = FRAMES_LIMIT;
  NativeError.prepareStackTrace = (_, sites) => sites;
  const holder = {};
  NativeError.captureStackTrace(holder, caller);
  const sites = holder.stack;
  NativeError.prepareStackTrace = prepareStackTrace;
  NativeError.stackTraceLimit = stackTraceLimit;
  for (const site of sites) {
    const file = relative(site.getFileName());
    if (file) return [file, site.getLineNumber()];
  }
  return ['', 0];
}

/** A file's name inside the bundle; '' when it is not of the bundle. */
function relative(name) {
  const path = name?.startsWith('file://') ? decodeURIComponent(name.slice(7)) : name;
  return path?.startsWith(root) ? path.slice(root.length) : '';
}

/** What was thrown, as the transcript keeps it: where in the bundle, frames from inner to outer. */
function describe(thrown) {
  if (!(thrown instanceof NativeError) && typeof thrown?.stack !== 'string') {
    return { type: typeof thrown, message: asText(thrown).slice(0, MESSAGE_LIMIT), file: '', line: 0, frames: [] };
  }
  const frames = [];
  let place;
  for (const line of String(thrown.stack).split('\n')) {
    const found = /^(?:\s+at (?:(.+) \()?)?((?:file:\/\/)?\/[^()]*?):(\d+)(?::\d+)?\)?$/.exec(line);
    const file = found && relative(found[2]);
    if (!file) continue;
    place ??= [file, Number(found[3])];
    frames.push(`${file}:${found[3]} in ${found[1] ?? '<script>'}`);
  }
  return {
    type: asText(thrown.name ?? 'Error').slice(0, 100),
    message: explained(asText(thrown.message)).slice(0, MESSAGE_LIMIT),
    file: place?.[0] ?? '',
    line: place?.[1] ?? 0,
    frames: frames.slice(0, FRAMES_LIMIT),
  };
}

function explained(message) {
  return /allocation failed/.test(message) ? `${message} (memory limit of ${settings.memory} MiB)` : message;
}

function asText(value) {
  try {
    return String(value).toWellFormed();
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** A value as JSON holds it: objects, lists, text, numbers; anything else as its text. */
function plain(value, depth = 0) {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (depth >= DEPTH_LIMIT) throw new RangeError('an argument is nested too deep to be sent');
  if (Array.isArray(value)) return value.map((item) => plain(item, depth + 1));
  if (typeof value === 'object' && isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, depth + 1)]));
  }
  return asText(value);
}

function isPlain(value) {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** What a verb gives back, and what handlers get. */
class Event {
  constructor(result) {
    Object.assign(this, { value: null, attempt: 1, choice: null }, result);
    if (result.choice) this.choice = { confidence: 100, ...result.choice };
  }

  onChoice(expected, callback) { return this.#on(this.name === 'choice' && this.value === String(expected), callback); }
  onBadChoice(callback) {
    return this.#on(this.name === 'badChoice' || (this.name === 'choice' && this.value === 'nomatch'), callback);
  }
  onTimeout(callback) { return this.#on(this.name === 'timeout', callback); }
  onError(callback) { return this.#on(this.name === 'error', callback); }
  onHangup(callback) { return this.#on(this.name === 'hangup', callback); }
  onRecord(callback) { return this.#on(this.name === 'record', callback); }
  onSilenceTimeout(callback) { return this.#on(this.name === 'silenceTimeout', callback); }
  onSignal(callback) { return this.#on(this.name === 'signal', callback); }

  #on(matches, callback) {
    if (matches) callback(this);
    return true;
  }
}

/** Ask for a verb and block until it is answered, running handlers at each attempt. Throws what the worker says. */
function perform(verb, given) {
  const rest = [...given];
  const options = {};
  const first = POSITIONAL[verb];
  if (first && rest.length && !(rest.length === 1 && isOptions(rest[0]))) options[first] = rest.shift();
  for (const more of rest) {
    if (isOptions(more)) Object.assign(options, more);
    else if (more !== undefined && more !== null) options.options = more;
  }
  const handlers = {};
  for (const [name, value] of Object.entries(options)) {
    if (typeof value === 'function' && /^on[A-Z]/.test(name)) {
      handlers[name] = value;
      delete options[name];
    }
  }
  const [file, line] = caller();
  const id = channel.open();
  try {
    channel.send({ type: 'verb', id, verb, arguments: plain(options), file, line, handlers: Object.keys(handlers) });
    for (;;) {
      const answer = channel.answer(id);
      if (answer.error) throw new CallError(answer.error.message, answer.error.type);
      const event = new Event(answer.result);
      handle(handlers, event);
      if (answer.type === 'result') {
        if (event.name === 'error') throw new CallError(event.message || `${verb} failed`);
        return event;
      }
      channel.send({ type: 'continue', id });
    }
  } finally {
    channel.close(id);
  }
}

function isOptions(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && isPlain(value);
}

/** Run the event's own handler, then onEvent. What they throw is logged and goes no further. */
function handle(handlers, event) {
  const own = HANDLER_OF[event.name] ?? 'on' + event.name.slice(0, 1).toUpperCase() + event.name.slice(1);
  for (const name of [own, 'onEvent']) {
    if (!Object.hasOwn(handlers, name)) continue;
    try {
      handlers[name](event);
    } catch (error) {
      const { message, line } = describe(error);
      channel.send({ type: 'log', text: ` ---- Callback Error : ${message}`, line, level: 'error' });
    }
  }
}

/** What the script finds as globals: the verbs, the call, the application. */
function verbsAndCall(start) {
  const verbs = {};
  for (const verb of Object.keys(POSITIONAL)) verbs[verb] = { [verb]: (...given) => perform(verb, given) }[verb];
  verbs.log = function log(...texts) {
    channel.send({ type: 'log', text: texts.map(asText).join(' '), line: caller()[1], level: 'info' });
  };
  let currentCall = null;
  if (start.call) {
    const { headers, state, ...properties } = start.call;
    const lowered = Object.fromEntries(Object.entries(headers ?? {}).map(([name, text]) => [name.toLowerCase(), text]));
    channel.call = { state };
    currentCall = Object.assign(properties, verbs, {
      state: () => channel.state(),
      isActive: () => !INACTIVE.includes(channel.state()),
      getHeader: (name) => lowered[String(name).toLowerCase()] ?? null,
      getHeaderMap: () => ({ ...lowered }),
    });
  }
  return {
    ...verbs,
    getHeader: currentCall?.getHeader ?? (() => null),
    currentCall,
    currentApp: { baseDir: settings.bundle, app: start.entry },
  };
}

/** Four 32-bit words from any text: FNV-1a over it, four times with different beginnings. */
function words(text) {
  return [0x811c9dc5, 0x9e3779b9, 0x85ebca6b, 0xc2b2ae35].map((basis) => {
    let hash = basis;
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    return hash >>> 0;
  });
}

/** A repeatable source of 32-bit numbers: xoshiro128** (Blackman and Vigna). */
function source(text) {
  let [a, b, c, d] = words(text);
  const next = () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0;
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return result;
  };
  for (let index = 0; index < 16; index += 1) next(); // far from beginnings that resemble each other
  return next;
}

function rotate(word, bits) {
  return (word << bits) | (word >>> (32 - bits));
}

function seedMathRandom(seed) {
  const next = source(seed);
  Math.random = function random() {
    return ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  };
}

/** Make the system's randomness repeatable, for a rehearsal: when the script first asks for it, for it loads slowly. */
function holdStill(seed) {
  const next = source(`system ${seed}`);
  const fill = (view) => {
    const bytes = ArrayBuffer.isView(view) ? new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
      : new Uint8Array(view);
    for (let index = 0; index < bytes.length; index += 1) bytes[index] = next() & 0xff;
    return view;
  };
  const uuid = () => {
    const bytes = fill(Buffer.alloc(16));
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  };
  const later = (callback, value) => (callback ? void process.nextTick(callback, null, value) : value);
  const slice = (view, offset = 0, size = view.length - offset) => fill(view.subarray(offset, offset + size));
  const own = {
    randomBytes: (size, callback) => later(callback, fill(Buffer.alloc(size))),
    pseudoRandomBytes: (size, callback) => later(callback, fill(Buffer.alloc(size))),
    randomFillSync: (view, ...range) => (range.length ? slice(view, ...range) : fill(view), view),
    randomFill: (view, ...range) => later(range.pop(), own.randomFillSync(view, ...range)),
    randomUUID: uuid,
    getRandomValues: fill,
    randomInt: (low, high, callback) => {
      if (high === undefined || typeof high === 'function') [low, high, callback] = [0, low, high];
      return later(callback, low + Math.floor(((next() >>> 0) / 4294967296) * (high - low)));
    },
  };
  let turned = false;
  const turn = (crypto) => {
    if (turned) return crypto;
    turned = true;
    for (const [name, value] of Object.entries(own)) {
      // What crypto cannot redefine, it takes from webcrypto.
      for (const holder of name in crypto.webcrypto ? [crypto, crypto.webcrypto] : [crypto]) {
        if (Object.getOwnPropertyDescriptor(holder, name)?.configurable === false) continue;
        Object.defineProperty(holder, name, { value, configurable: true, enumerable: true, writable: true });
      }
    }
    return crypto;
  };
  const load = Module._load;
  Module._load = function _load(request, ...more) {
    const loaded = load.call(this, request, ...more);
    return request === 'crypto' || request === 'node:crypto' ? turn(loaded) : loaded;
  };
  const builtin = process.getBuiltinModule;
  if (builtin) {
    process.getBuiltinModule = (name) => (/^(node:)?crypto$/.test(name) ? turn(builtin(name)) : builtin(name));
  }
  Object.defineProperty(globalThis, 'crypto', {
    configurable: true,
    enumerable: true,
    get: () => turn(require('crypto')).webcrypto,
  });
}

let told = false;

/** Say how the script ended, once; the worker may kill this process from then on. */
function end(message) {
  if (told) return;
  told = true;
  channel.send(message);
}

function fail(thrown) {
  end({ type: 'failed', error: describe(thrown) });
  exit.call(process, 1);
}

function main() {
  channel.send({ type: 'ready' });
  const start = channel.read();
  process.setUncaughtExceptionCaptureCallback((thrown) => process.emit('uncaughtException', thrown) || fail(thrown));
  process.on('exit', () => end({ type: 'done' }));
  if (start.proxy && settings.wayOut) {
    const wayOut = require(settings.wayOut);
    wayOut.PROXY.port = settings.port;
    wayOut.install(start.proxy, settings.ca);
  }
  seedMathRandom(start.seed);
  if (start.rehearsal) holdStill(start.seed);
  globalThis.console = new console.Console({ stdout: printed, stderr: printed, ignoreErrors: false });
  const path = root + start.entry;
  const module_ = new Module(path, null);
  module_.filename = path;
  module_.paths = Module._nodeModulePaths(root.slice(0, -1));
  process.argv = [process.execPath, path];
  process.chdir(root);
  require.main = module_;
  Object.assign(globalThis, start.parameters, {
    require: Module.createRequire(path),
    module: module_,
    exports: module_.exports,
    __filename: path,
    __dirname: path.slice(0, path.lastIndexOf('/')),
  }, verbsAndCall(start));
  try {
    const code = fs.readFileSync(path, 'utf8').replace(/^\uFEFF/, '').replace(/^#!.*/, '');
    vm.runInThisContext(code, {
      filename: path,
      importModuleDynamically: vm.constants?.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
  } catch (error) {
    fail(error);
  }
}

main();
