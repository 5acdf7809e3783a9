import { ApiError } from '../http/errors.js'
import type { Store } from './store.js'

/** What Go's driver says of a Postgres that is not there. */
const REFUSED = 'failed to connect to `user=kratos database=kratos`: 127.0.0.1:5432 (127.0.0.1): ' +
  'dial error: dial tcp 127.0.0.1:5432: connect: connection refused'

/** The database cannot be asked. Kratos answers with the driver's words and status 500, whether --dev or not. */
export class DatabaseAway extends ApiError {
  constructor (prefix = '') {
    super({ code: 500, message: prefix + REFUSED })
    this.name = 'DatabaseAway'
  }
}

const IN_TRANSACTION = "couldn't start a new transaction: could not create new transaction: "

/** What Kratos was about to do, by the first access to the store; otherwise nothing is said before. */
const PREFIX_OF: Record<string, string> = {
  'flows.save': 'named insert: ',
  'errors.get': IN_TRANSACTION,
  'identities.ids': IN_TRANSACTION,
  'identities.idsWithIdentifier': IN_TRANSACTION,
  'identities.create': IN_TRANSACTION,
  'sessions.all': IN_TRANSACTION,
  'sessions.ofIdentity': IN_TRANSACTION,
  'sessions.extend': IN_TRANSACTION,
  'messages.all': 'unable to fetch records: ',
}

/** The store of a Kratos whose database is away: every access fails (docs/kratos-facts.md, section 20). */
export const AWAY: Store = new Proxy({}, {
  get: (_, area) =>
    new Proxy({}, {
      get: (_, method) => () => {
        throw new DatabaseAway(PREFIX_OF[`${String(area)}.${String(method)}`])
      },
    }),
}) as Store
