import { Secret, TOTP } from 'otpauth'
import type { Ledger } from './ledger.js'

const periodMs = 30_000

/** A code may be computed a little before it is sent, and servers accept the neighbouring periods. */
const periods = [0, -1, 1, -2, 2]

/**
 * The live counterpart of a recorded TOTP code: finds the recorded secret of the code and computes the code of the live
 * secret for the same period. Undefined for a code of no known secret, that is a wrong one.
 */
export function liveTotpCode (code: string, recordedTime: number, ledger: Ledger): string | undefined {
  for (const [recorded, live] of ledger.pairs()) {
    if (!/^[A-Z2-7]{32}$/.test(recorded)) continue
    const period = periods.find((offset) => totpCode(recorded, recordedTime + offset * periodMs) === code)
    if (period !== undefined) return totpCode(live, recordedTime + period * periodMs)
  }
  return undefined
}

/** The code of a base32 secret at a time in milliseconds. */
export function totpCode (secret: string, timestamp: number): string {
  return new TOTP({
    secret: Secret.fromBase32(secret),
    digits: 6,
    period: periodMs / 1000,
    algorithm: 'SHA1',
  }).generate({ timestamp })
}
