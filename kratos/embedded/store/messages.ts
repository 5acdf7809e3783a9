import type { JsonObject } from '../json.js'
import { number, text, type Row, type Sql } from './database.js'

/** A mail or text message. */
export interface CourierMessage {
  id: string
  status: string
  type: string
  channel: string
  recipient: string
  subject: string
  body: string
  template: string
  sendCount: number
  createdAt: number
  updatedAt: number
}

/** What only the delivery of a message needs. */
export interface MessageContent {
  html: string
  /** Values for an HTTP channel. */
  data: JsonObject
  /** Headers of the request that caused it. */
  headers: JsonObject
}

/** One attempt to deliver a message; `error` is null after a success. */
export interface Dispatch {
  id: string
  messageId: string
  error: JsonObject | null
  createdAt: number
}

export interface MessageStore {
  add(message: CourierMessage, content: MessageContent): void
  get(id: string): CourierMessage | undefined
  content(id: string): MessageContent
  /** Newest first. */
  all(): CourierMessage[]
  /** The next ones to deliver, oldest first. */
  queued(): CourierMessage[]
  /** Kratos leaves updated_at as it is. */
  setStatus(id: string, status: string): void
  countAttempt(id: string): void
  record(dispatch: Dispatch): void
  /** Newest first. */
  dispatches(id: string): Dispatch[]
}

export const messageStore = (sql: Sql): MessageStore => ({
  add: (message, { html, data, headers }) => sql.transaction(() => {
    sql.run(
      'INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      message.id,
      message.status,
      message.type,
      message.channel,
      message.recipient,
      message.subject,
      message.body,
      message.template,
      message.sendCount,
      message.createdAt,
      message.updatedAt,
    )
    sql.run(
      'INSERT INTO message_contents VALUES (?, ?, ?, ?)',
      message.id,
      html,
      JSON.stringify(data),
      JSON.stringify(headers),
    )
  }),
  get: (id) => {
    const row = sql.get('SELECT * FROM messages WHERE id = ?', id)
    return row === undefined ? undefined : fromRow(row)
  },
  content: (id) => {
    const row = sql.get('SELECT * FROM message_contents WHERE message_id = ?', id)
    return row === undefined
      ? { html: '', data: {}, headers: {} }
      : { html: text(row, 'html'), data: JSON.parse(text(row, 'data')), headers: JSON.parse(text(row, 'headers')) }
  },
  all: () => sql.all('SELECT * FROM messages ORDER BY created_at DESC, rowid DESC').map(fromRow),
  queued: () => sql.all("SELECT * FROM messages WHERE status = 'queued' ORDER BY created_at, rowid").map(fromRow),
  setStatus: (id, status) => {
    sql.run('UPDATE messages SET status = ? WHERE id = ?', status, id)
  },
  countAttempt: (id) => {
    sql.run('UPDATE messages SET send_count = send_count + 1 WHERE id = ?', id)
  },
  record: ({ id, messageId, error, createdAt }) => {
    sql.run('INSERT INTO dispatches VALUES (?, ?, ?, ?)', id, messageId, JSON.stringify(error), createdAt)
  },
  dispatches: (id) =>
    sql.all('SELECT * FROM dispatches WHERE message_id = ? ORDER BY created_at DESC, rowid DESC', id).map((row) => ({
      id: text(row, 'id'),
      messageId: text(row, 'message_id'),
      error: JSON.parse(text(row, 'error')) as JsonObject | null,
      createdAt: number(row, 'created_at'),
    })),
})

const fromRow = (row: Row): CourierMessage => ({
  id: text(row, 'id'),
  status: text(row, 'status'),
  type: text(row, 'type'),
  channel: text(row, 'channel'),
  recipient: text(row, 'recipient'),
  subject: text(row, 'subject'),
  body: text(row, 'body'),
  template: text(row, 'template'),
  sendCount: number(row, 'send_count'),
  createdAt: number(row, 'created_at'),
  updatedAt: number(row, 'updated_at'),
})
