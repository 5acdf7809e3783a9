import { number, text, type Row, type Sql } from './database.js'

/** A mail or text message. The embedded server stores it and never sends it. */
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

export interface MessageStore {
  add(message: CourierMessage): void
  get(id: string): CourierMessage | undefined
  /** Newest first. */
  all(): CourierMessage[]
}

export const messageStore = (sql: Sql): MessageStore => ({
  add: (message) => {
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
  },
  get: (id) => {
    const row = sql.get('SELECT * FROM messages WHERE id = ?', id)
    return row === undefined ? undefined : fromRow(row)
  },
  all: () => sql.all('SELECT * FROM messages ORDER BY created_at DESC, rowid DESC').map(fromRow),
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
