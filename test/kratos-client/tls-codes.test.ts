import type { Test } from 'tap'
import { failureOfException } from '../../src/kratos-client/upstream-failure.js'
import { isTlsCode } from '../../src/kratos-client/tls-codes.js'

/** A code of each family: certificate, chain, revocation list, name, protocol. */
const CODES = [
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY',
  'INVALID_PURPOSE',
  'INVALID_CA',
  'PATH_LENGTH_EXCEEDED',
  'HOSTNAME_MISMATCH',
  'CRL_HAS_EXPIRED',
  'ERROR_IN_CERT_NOT_AFTER_FIELD',
  'CERT_HAS_EXPIRED',
  'CERT_CHAIN_TOO_LONG',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'EPROTO',
]

export default async function (t: Test): Promise<void> {
  t.test('a TLS failure is a Kratos that cannot be reached, whatever its code (J21)', async (t) => {
    for (const code of CODES) {
      const error = Object.assign(new Error('x'), { code })
      t.ok(isTlsCode(code), code)
      t.match(failureOfException(error), { kind: 'unavailable', code: 'UPSTREAM_UNAVAILABLE' }, code)
      t.match(failureOfException(new AggregateError([error])), { code: 'UPSTREAM_UNAVAILABLE' }, code)
    }
    for (const code of [...CODES, 'ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']) {
      const error = Object.assign(new Error('x'), { code })
      const late = failureOfException(error, { isSent: true })
      t.match(late, { kind: 'unavailable', code: 'UPSTREAM_ERROR' }, `${code}, when the call was on its way already`)
    }
    for (const code of ['ECONNRESET', 'UND_ERR_SOCKET', 'CERTAIN', '']) t.notOk(isTlsCode(code), code)
  })
}
