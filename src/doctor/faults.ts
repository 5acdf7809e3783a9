/** What codes of the system, of TLS and of the driver mean for whoever wrote an address. */
export const FAULTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens there',
  ECONNRESET: 'the connection is cut',
  EHOSTUNREACH: 'no way leads there',
  ENETUNREACH: 'no way leads there',
  ENOTFOUND: 'its name is not known',
  EAI_AGAIN: 'its name cannot be looked up',
  ETIMEDOUT: 'it does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'it does not answer',
  UND_ERR_SOCKET: 'the connection is cut',
  timeout: 'it does not answer',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it speaks no TLS there',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'it speaks no TLS there',
  EPROTO: 'it speaks no TLS there',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is of an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate is of an authority that is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is of an authority that is not known here',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is of an authority that is not known here',
}

/** Authorities that Node does not know have a way in of their own. */
export const isUnknownAuthority = (fault: string | undefined): boolean =>
  /^(?:DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_\w+)$/.test(fault ?? '')

export const speaksNoTls = (fault: string | undefined): boolean => FAULTS[fault ?? ''] === FAULTS['EPROTO']

/** Our words and the code, which a search finds. */
export const faultWords = (fault: string): string => fault in FAULTS ? `${FAULTS[fault]}, ${fault}` : fault
