import { parsedTime } from '../../clock.js'
import { newBackupCode } from '../../random.js'
import { asObject, type JsonObject } from '../../json.js'
import type { Credential } from '../../identity/identity.js'
import { MESSAGES } from '../../ui/message.js'
import { inputNode, textNode, type UiNode } from '../../ui/node.js'

const COUNT = 12

/** A backup code; `used_at` is RFC 3339 and set once the code was used. */
export type BackupCode = JsonObject & { code: string, used_at?: string }

export const newCodes = (): BackupCode[] => Array.from({ length: COUNT }, () => ({ code: newBackupCode() }))

/** The codes in a stored list; none if it is not a list. */
export const codesIn = (list: unknown): BackupCode[] => (Array.isArray(list) ? list.map(asObject) : []) as BackupCode[]

export const codesOf = (credential: Credential | undefined): BackupCode[] =>
  codesIn(credential?.config['recovery_codes'])

export const hasCodes = (credential: Credential | undefined): boolean => codesOf(credential).length > 0

/** The list of codes; used ones are marked. */
export function codesNode (codes: BackupCode[]): UiNode {
  const shown = codes.map(({ code, used_at: usedAt }) => usedAt === undefined ? code : 'used')
  const messages = codes.map(({ code, used_at: usedAt }) =>
    usedAt === undefined ? MESSAGES.lookupSecret(code) : MESSAGES.lookupSecretUsed(parsedTime(usedAt)),
  )
  return {
    ...textNode('lookup_secret', 'lookup_secret_codes', MESSAGES.lookupSecrets(shown, messages)),
    meta: { label: MESSAGES.lookupSecretsLabel() },
  }
}

const button = (name: string, label: NonNullable<UiNode['meta']['label']>): UiNode =>
  inputNode('lookup_secret', name, 'submit', { value: 'true', label })

export const revealNode = (): UiNode => button('lookup_secret_reveal', MESSAGES.revealLookup())
export const regenerateNode = (): UiNode => button('lookup_secret_regenerate', MESSAGES.regenerateLookup())
export const disableNode = (): UiNode => button('lookup_secret_disable', MESSAGES.disableLookup())
export const confirmNode = (): UiNode => button('lookup_secret_confirm', MESSAGES.confirmLookup())
