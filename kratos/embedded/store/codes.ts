import { number, optionalText, text, type Row, type Sql } from './database.js'

/** A one-time code, or the token of a link. Times are in milliseconds. */
export interface OneTimeCode {
  id: string
  kind: 'code' | 'link'
  flowId: string
  /** Its owner; missing in a registration. */
  identityId?: string
  /** Where it was sent; empty for a code of an admin. */
  address: string
  via: string
  secret: string
  used: boolean
  expiresAt: number
}

export interface CodeStore {
  add(code: OneTimeCode): void
  find(flowId: string, kind: OneTimeCode['kind'], secret: string): OneTimeCode | undefined
  /** @returns false when it is already used */
  markUsed(id: string): boolean
  /** Deletes the codes of a flow; links stay. */
  deleteCodes(flowId: string): void
}

export const codeStore = (sql: Sql): CodeStore => ({
  add: ({ id, kind, flowId, identityId, address, via, secret, used, expiresAt }) => {
    sql.run(
      'INSERT INTO codes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
      id,
      kind,
      flowId,
      identityId,
      address,
      via,
      secret,
      used,
      expiresAt,
    )
  },
  find: (flowId, kind, secret) => {
    const row = sql.get('SELECT * FROM codes WHERE flow_id = ? AND kind = ? AND secret = ?', flowId, kind, secret)
    return row === undefined ? undefined : fromRow(row)
  },
  markUsed: (id) => sql.run('UPDATE codes SET used = 1 WHERE id = ? AND used = 0', id).changes > 0,
  deleteCodes: (flowId) => {
    sql.run("DELETE FROM codes WHERE flow_id = ? AND kind = 'code'", flowId)
  },
})

function fromRow (row: Row): OneTimeCode {
  const identityId = optionalText(row, 'identity_id')
  return {
    id: text(row, 'id'),
    kind: text(row, 'kind') === 'link' ? 'link' : 'code',
    flowId: text(row, 'flow_id'),
    ...(identityId === undefined ? {} : { identityId }),
    address: text(row, 'address'),
    via: text(row, 'via'),
    secret: text(row, 'secret'),
    used: row['used'] === 1,
    expiresAt: number(row, 'expires_at'),
  }
}
