import { optionalText, text, type Sql } from './database.js'

/** Two codes with which a native app fetches the session of another browser. */
export interface TokenExchange {
  initCode: string
  returnToCode: string
}

export interface ExchangeStore {
  create(flowId: string, exchange: TokenExchange): void
  ofFlow(flowId: string): TokenExchange | undefined
  /** The exchange now belongs to another flow. */
  move(fromFlow: string, toFlow: string): void
  complete(flowId: string, sessionId: string): void
  /** The session for both codes, once there is one. */
  sessionId(initCode: string, returnToCode: string): string | undefined
}

export const exchangeStore = (sql: Sql): ExchangeStore => ({
  create: (flowId, { initCode, returnToCode }) => {
    sql.run(
      'INSERT INTO token_exchanges (flow_id, init_code, return_to_code) VALUES (?, ?, ?)',
      flowId,
      initCode,
      returnToCode,
    )
  },
  ofFlow: (flowId) => {
    const row = sql.get('SELECT * FROM token_exchanges WHERE flow_id = ?', flowId)
    return row === undefined
      ? undefined
      : { initCode: text(row, 'init_code'), returnToCode: text(row, 'return_to_code') }
  },
  move: (fromFlow, toFlow) => {
    sql.run('UPDATE token_exchanges SET flow_id = ? WHERE flow_id = ?', toFlow, fromFlow)
  },
  complete: (flowId, sessionId) => {
    sql.run('UPDATE token_exchanges SET session_id = ? WHERE flow_id = ?', sessionId, flowId)
  },
  sessionId: (initCode, returnToCode) => {
    const row = sql.get(
      'SELECT session_id FROM token_exchanges WHERE init_code = ? AND return_to_code = ?',
      initCode,
      returnToCode,
    )
    return row === undefined ? undefined : optionalText(row, 'session_id')
  },
})
