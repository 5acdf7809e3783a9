import type { Person } from './auth.js'
import { backupCodes } from './views/backup-codes.js'
import { authenticator } from './views/authenticator.js'
import { deletion } from './views/deletion.js'
import { devices } from './views/devices.js'
import { documentPage } from './views/document.js'
import { home } from './views/home.js'
import { linkedAccounts } from './views/linked-accounts.js'
import { login } from './views/login.js'
import { passkeys } from './views/passkeys.js'
import { password } from './views/password.js'
import { notFound, trouble } from './views/plain.js'
import { profile } from './views/profile.js'
import { recovery } from './views/recovery.js'
import { secondStep } from './views/second-step.js'
import { signUp } from './views/sign-up.js'
import { verification } from './views/verification.js'

export interface Visit {
  signal: AbortSignal
  person: Person | undefined
  /** What the address names, such as a document. */
  parts: string[]
  query: URLSearchParams
}

export interface Page {
  title: (person: Person | undefined) => string
  /** Who may see it: somebody logged in, nobody logged in, somebody whose second factor is missing, everybody. */
  needs: 'in' | 'out' | 'half' | 'any'
  /** It has the account menu beside it. */
  isAccount?: boolean
  show: (visit: Visit) => Node | Promise<Node>
}

const PAGES: Array<[address: RegExp, page: Page]> = [
  [/^\/$/, home],
  [/^\/documents\/([\w-]+)$/, documentPage],
  [/^\/registration$/, signUp],
  [/^\/login$/, login],
  [/^\/second-step$/, secondStep],
  [/^\/recovery$/, recovery],
  [/^\/verification$/, verification],
  [/^\/settings$/, profile],
  [/^\/settings\/password$/, password],
  [/^\/settings\/authenticator$/, authenticator],
  [/^\/settings\/backup-codes$/, backupCodes],
  [/^\/settings\/passkeys$/, passkeys],
  [/^\/settings\/linked$/, linkedAccounts],
  [/^\/settings\/devices$/, devices],
  [/^\/settings\/delete$/, deletion],
  [/^\/error$/, trouble],
]

export function find (path: string): { page: Page, parts: string[] } {
  for (const [address, page] of PAGES) {
    const match = address.exec(path)
    if (match !== null) return { page, parts: match.slice(1) }
  }
  return { page: notFound, parts: [] }
}
