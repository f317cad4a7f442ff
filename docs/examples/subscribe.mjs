// The facts of a running node, one JSON value a line. Once: npm install, in this folder. Then
//
//   node subscribe.mjs ./var process issue.raised
//
// with the node's state or run directory, or its endpoints.json, and topics; none means all. docs/wire.md says what the
// frames are.
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decode } from '@msgpack/msgpack'
import { Subscriber } from 'zeromq'

const VERSION = 1
const HEADER_BYTES = 20
const FRAME_BYTES_MAX = 1 << 20
const STREAMS = ['state', 'facts', 'samples', 'durable']

/** The 20 bytes before the events; null when they are not of a version known here. */
function readHeader(frame) {
  if (frame.length !== HEADER_BYTES || frame.readUInt8(0) !== VERSION) return null
  return {
    stream: STREAMS[frame.readUInt8(1) & 7],
    count: frame.readUInt16LE(2),
    epoch: frame.readBigUInt64LE(4),
    firstSeq: frame.readBigUInt64LE(12),
  }
}

/** The events of one message, each with its stream, epoch and number. Throws for what is no such message. */
function readEvents(frames) {
  const header = frames.length === 3 ? readHeader(frames[1]) : null
  if (header === null) throw new Error('no message of this version')
  const envelopes = decode(frames[2])
  if (!Array.isArray(envelopes) || envelopes.length !== header.count) throw new Error('not as many events as said')
  return envelopes.map((envelope, index) => ({
    stream: header.stream,
    epoch: String(header.epoch),
    seq: String(header.firstSeq + BigInt(index)),
    ...envelope,
  }))
}

/** endpoints.json itself, or in a run directory, or in the run directory of a state directory. */
function findEndpoints(where) {
  if (statSync(where).isFile()) return where
  const beside = join(where, 'endpoints.json')
  return existsSync(beside) ? beside : join(where, 'run', 'endpoints.json')
}

/** What to subscribe to. The dot at the end keeps longer names out; a whole topic, down to the subject, has none. */
function prefixOf(topic) {
  return `evt.${topic}${topic.split('.').length < 4 ? '.' : ''}`
}

const [where, ...topics] = process.argv.slice(2)
if (where === undefined) {
  console.error('usage: node subscribe.mjs DIRECTORY|ENDPOINTS_JSON [TOPIC ...]')
  process.exit(2)
}
const socket = new Subscriber({ maxMessageSize: FRAME_BYTES_MAX })
socket.connect(JSON.parse(readFileSync(findEndpoints(where), 'utf8')).facts[0])
socket.subscribe(...(topics.length ? topics.map(prefixOf) : ['evt.']))

for await (const frames of socket) {
  try {
    for (const event of readEvents(frames)) console.log(JSON.stringify(event))
  } catch (error) {
    console.error(`left out: ${error.message}`)
  }
}
